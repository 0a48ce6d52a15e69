// QUIC: quinn (Rust), by the native part of @chainsafe/libp2p-quic and with that package's options; TLS 1.3 with the
// certificates of libp2p on both sides.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(import.meta.url);
// Neither is exported.
const deep = (name, file) => import(pathToFileURL(join(packageRoot(name), file)).href);
const quic = await deep('@chainsafe/libp2p-quic', 'dist/src/napi.js');
const keys = await deep('@libp2p/crypto', 'dist/src/keys/index.js');

/** Octets of one write to the native part at most, and what may wait for it. */
const WRITE = 65_536;
const HIGH_WATER = 1024 * 1024;
const LOW_WATER = 256 * 1024;

const config = new quic.QuinnConfig({
  handshakeTimeout: 5_000,
  maxIdleTimeout: 60_000,
  keepAliveInterval: 5_000,
  maxConcurrentStreamLimit: 256,
  maxStreamData: 10_000_000,
  maxConnectionData: 15_000_000,
  receiveBufferSize: 500_000,
  sendBufferSize: 500_000,
  privateKeyProto: keys.privateKeyToProtobuf(await keys.generateKeyPair('Ed25519')),
});

function packageRoot(name) {
  const path = require.resolve.paths(name).find((it) => {
    try {
      return require.resolve(`${it}/${name}/package.json`);
    } catch {
      return false;
    }
  });
  return dirname(`${path}/${name}/package.json`);
}

/** Every write is a promise: what is written meanwhile is joined, as libp2p's own streams do. */
function connection(stream, close) {
  const queue = [];
  let waiting = 0;
  let isBusy = false;
  let onDrain;
  const flush = async () => {
    isBusy = true;
    while (queue.length > 0) {
      let octets = 0;
      let count = 0;
      while (count < queue.length && (count === 0 || octets + queue[count].length <= WRITE)) {
        octets += queue[count++].length;
      }
      const parts = queue.splice(0, count);
      await stream.write(count === 1 ? parts[0] : Buffer.concat(parts, octets));
      waiting -= octets;
      if (onDrain === undefined || waiting > LOW_WATER) continue;
      const call = onDrain;
      onDrain = undefined;
      call();
    }
    isBusy = false;
  };
  const read = async (listener) => {
    for (let chunk = await stream.read(WRITE); chunk != null; chunk = await stream.read(WRITE)) listener(chunk);
  };
  return {
    write: (chunk) => {
      queue.push(chunk);
      waiting += chunk.length;
      // The other side is gone: the harness sees that it hears nothing.
      if (!isBusy) flush().catch(() => {});
      return waiting < HIGH_WATER;
    },
    onData: (listener) => void read(listener).catch(() => {}),
    onDrain: (listener) => (onDrain = listener),
    close,
  };
}

export async function listen(onConnection) {
  const server = new quic.Server(config, '127.0.0.1', 0);
  const open = new Set();
  const accept = async () => {
    while (true) {
      const peer = await server.inboundConnection();
      open.add(peer);
      const forget = () => open.delete(peer);
      peer.closed().then(forget, forget);
      peer.inboundStream().then(
        (stream) => onConnection(connection(stream, async () => {})),
        () => {},
      );
    }
  };
  accept().catch(() => {});
  return { port: server.port() };
}

let client;
export async function connect({ port }) {
  client ??= new quic.Client(config, 0);
  const peer = await client.outboundConnection('127.0.0.1', port);
  const stream = await peer.outboundStream();
  return connection(stream, async () => peer.abort());
}
