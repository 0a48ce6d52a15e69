// STT itself; the backend comes from STT_BACKEND, the packet size from PACKET_SIZE: UDP payload in octets, which fixes it,
// or `search`, which leaves it to the search for the path MTU.
import { STTNode } from '../../dist/index.js';
import { streamConnection } from './connection.mjs';

const SHARED_SEED = new Uint8Array(32).fill(7);
const size = process.env.PACKET_SIZE ?? '1400';
const packetSize = size === 'search' ? {} : { initialPacketSize: Number(size), maxPacketSize: Number(size) };
const options = (own) => ({
  nodeSeed: new Uint8Array(32).fill(own),
  sharedSeed: SHARED_SEED,
  host: '127.0.0.1',
  ...packetSize,
});

export async function listen(onConnection) {
  const node = new STTNode(options(1));
  node.on('session', (session) => session.on('stream', (stream) => onConnection(streamConnection(stream))));
  const { port } = await node.start();
  return { port, backend: node.getStats().backend };
}

let client;
export async function connect({ port }) {
  if (client === undefined) {
    client = new STTNode(options(2));
    await client.start();
  }
  const session = await client.connectUdp('127.0.0.1', port);
  const stream = await session.openStream();
  return { ...streamConnection(stream), close: () => session.close(), stats: () => session.getStats() };
}
