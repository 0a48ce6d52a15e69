// STT itself. From the environment: the backend (STT_BACKEND); the packet size (PACKET_SIZE: UDP payload in octets, which
// fixes it, or `search`, which leaves it to the search for the path MTU); POST_QUANTUM=0 for sessions whose keys are not
// changed right after they opened.
import { STTNode } from '../../dist/index.js';
import { streamConnection } from './connection.mjs';

/** Messages whose fate is unknown, above which a sender waits, and below which it goes on. */
const MOST_IN_FLIGHT = 4096;
const FEW_IN_FLIGHT = 2048;

const SHARED_SEED = new Uint8Array(32).fill(7);
const size = process.env.PACKET_SIZE ?? '1400';
const packetSize = size === 'search' ? {} : { initialPacketSize: Number(size), maxPacketSize: Number(size) };
const options = (own) => ({
  nodeSeed: new Uint8Array(32).fill(own),
  sharedSeed: SHARED_SEED,
  host: '127.0.0.1',
  postQuantum: process.env.POST_QUANTUM !== '0',
  // One peer, from one address, has all sessions of `idle`.
  maxSessionsPerPeer: 10_000,
  maxSessionsPerSource: 10_000,
  maxHalfOpenPerSource: 1024,
  ...packetSize,
});

/** `onConnection` gets every stream, and for messages one connection for each session. */
export async function listen(onConnection) {
  const node = new STTNode(options(1));
  node.on('session', (session) => {
    if (process.env.METRIC === 'datagrams') {
      onConnection({ onData: (listener) => session.on('message', ({ data }) => listener(data)) });
    } else {
      session.on('stream', (stream) => onConnection(streamConnection(stream)));
    }
  });
  const { port } = await node.start();
  return { port, backend: node.getStats().backend };
}

let client;
async function openSession({ port }) {
  if (client === undefined) {
    const node = new STTNode(options(2));
    client = node.start().then(() => node);
  }
  return (await client).connectUdp('127.0.0.1', port);
}

async function openStream(session) {
  const stream = await session.openStream();
  return { ...streamConnection(stream), close: () => session.close(), stats: () => session.getStats() };
}

export async function connect(info) {
  const session = await openSession(info);
  return process.env.METRIC === 'datagrams' ? messageConnection(session) : openStream(session);
}

/** So many streams of one session. */
export async function connectStreams(info, count) {
  const session = await openSession(info);
  return Promise.all(Array.from({ length: count }, () => openStream(session)));
}

/** Unreliable messages: as many under way as make sense. */
function messageConnection(session) {
  let inFlight = 0;
  let onDrain;
  let lost = 0;
  const settled = (fate) => {
    inFlight--;
    if (fate !== 'acked') lost++;
    if (inFlight > FEW_IN_FLIGHT || onDrain === undefined) return;
    const call = onDrain;
    onDrain = undefined;
    call();
  };
  return {
    write: (data) => {
      inFlight++;
      session.sendMessage(data).then(settled, settled);
      return inFlight < MOST_IN_FLIGHT;
    },
    onData: () => {},
    onDrain: (listener) => (onDrain = listener),
    close: () => session.close(),
    stats: () => ({ ...session.getStats(), messagesLost: lost }),
  };
}
