// Two sides of one session in one process: packet engine, pump, session and stream are the product's own. In place of
// sockets there is a list of datagrams, in place of the handshake there are fixed keys.
import { Driver } from '../../dist/api/driver.js';
import { SessionEntry } from '../../dist/api/session-entry.js';
import { nodePlatform } from '../../dist/api/stream.js';
import { JsPacketEngine } from '../../dist/engine/js-packet-engine.js';
import { NativePacketEngine } from '../../dist/native/packet-engine.js';
import { Suite } from '../../dist/ports/crypto.js';
import { ALGORITHMS } from '../../dist/protocol/congestion/algorithms.js';
import { datagramSending } from '../../dist/protocol/datagram-sending.js';
import { DEFAULT_SESSION_LIMITS, Session } from '../../dist/protocol/session.js';
import { nodeProvider } from '../../dist/stc/node-provider.js';
import { encodeAddress } from '../../dist/wire/address.js';
import { DEFAULT_TRANSPORT_PARAMS } from '../../dist/wire/handshake-messages.js';

const PACKET = 1400;
/** So large that it does not bound the rate, so small that the transmit buffers hold it: nobody waits for room. */
const WINDOW = 384 * 1024;
const ADDRESS = encodeAddress('127.0.0.1', 1);

const filled = (octet, length = 32) => new Uint8Array(length).fill(octet);
const direction = (octet) => ({ key: filled(octet), iv: filled(octet, 12), hp: filled(octet) });

/** Makes the engine of a backend, and a function that takes out what it sealed and wants sent. */
function makeEngine(backend, events) {
  if (backend === 'native') {
    const engine = NativePacketEngine.withoutSocket(events);
    return { engine, take: () => engine.takeSealed().map(({ datagram }) => datagram), release: () => {} };
  }
  // As a socket that is not done with them at once: no copy, and nothing is allocated for a datagram before `take`.
  const ranges = new Uint32Array(2 * 4096);
  let octets;
  let count = 0;
  let taken = 0;
  const output = {
    canMark: false,
    receiveBufferOctets: 0,
    sendBufferOctets: 0,
    send: (_address, bytes, begin, end) => {
      octets = bytes;
      ranges[2 * count] = begin;
      ranges[2 * count++ + 1] = end;
      return false;
    },
    close: async () => {},
  };
  const engine = new JsPacketEngine({ crypto: nodeProvider, events, output });
  return {
    engine,
    take: () => {
      const datagrams = [];
      for (let i = 0; i < count; i++) datagrams.push(octets.subarray(ranges[2 * i], ranges[2 * i + 1]));
      taken = count;
      count = 0;
      return datagrams;
    },
    release: () => {
      engine.released(taken);
      taken = 0;
    },
  };
}

/** A side: `onStream` is called with the streams that the other one opens. */
function makeSide(backend, role, onStream) {
  let state = role === 'initiator' ? 1 : 2;
  const driver = new Driver({
    defer: (call) => process.nextTick(call),
    confirm: () => undefined,
    onHandshake: () => {},
    onStray: () => {},
    handshakeTimeout: () => Infinity,
    onHandshakeTimeout: () => {},
    onGone: () => {},
  });
  const { engine, take, release } = makeEngine(backend, {
    onBatch: driver.onBatch,
    onWritable: driver.onWritable,
    onError: (error) => {
      throw error;
    },
  });
  driver.start(engine);
  const slot = engine.openSession({
    sessionId: filled(9, 8),
    suite: Suite.AES_256_GCM,
    send: direction(state),
    receive: direction(3 - state),
    forgeryLimit: 1000,
  });
  const entry = new SessionEntry(
    { engine, driver },
    { slot, path: engine.openPath(ADDRESS), address: ADDRESS },
    '',
    nodePlatform,
  );
  const params = { ...DEFAULT_TRANSPORT_PARAMS, initialMaxData: WINDOW, initialMaxStreamData: WINDOW };
  entry.session = new Session({
    role,
    now: performance.now(),
    localParams: params,
    peerParams: params,
    suite: Suite.AES_256_GCM,
    initialPacketSize: PACKET,
    congestion: ALGORITHMS.cubic,
    sending: datagramSending,
    // The same packet numbers are skipped in every run.
    random: { u32: () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) },
    observer: entry,
    pathHost: entry,
    limits: { ...DEFAULT_SESSION_LIMITS, maxStreamWindow: WINDOW, maxSessionWindow: WINDOW },
  });
  entry.face = { onStream, onStreamsAvailable() {}, onProgress() {}, onEnd: (error) => fail(error) };
  driver.add(entry);
  return {
    entry,
    take,
    release,
    receive(datagrams) {
      for (let i = 0; i < datagrams.length; i++) engine.receive(datagrams[i], ADDRESS);
      engine.deliver();
    },
  };
}

function fail(error) {
  throw error;
}

/**
 * A pair, and a stream between them, which `onStream` gets on the other side. `apart` is called with what belongs to
 * this harness and not to the product.
 */
export function makePair(backend, onStream, { advance, apart }) {
  const sides = [makeSide(backend, 'initiator', () => {}), makeSide(backend, 'responder', onStream)];
  const stream = sides[0].entry.attach(sides[0].entry.session.openStream());
  return {
    stream,
    get packets() {
      return sides[0].entry.session.stats().packetsSent;
    },
    /** What is on its way arrives, and time passes. */
    step() {
      for (let i = 0; i < 2; i++) {
        const datagrams = apart(() => sides[i].take());
        sides[1 - i].receive(datagrams);
        sides[i].release();
      }
      advance(0.2);
    },
  };
}
