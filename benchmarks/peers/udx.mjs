// udx-native with @hyperswarm/secret-stream: reliable streams over UDP, Noise XX, then XChaCha20-Poly1305, as HyperDHT
// uses them. A write arrives as one message. The ids of udx are agreed upon by counting.
import { createRequire } from 'node:module';
import { streamConnection } from './connection.mjs';

const require = createRequire(import.meta.url);
const UDX = require('udx-native');
const SecretStream = require('@hyperswarm/secret-stream');

/** Between the ids of both ends of a stream. */
const OFFSET = 1 << 20;
const keyPair = SecretStream.keyPair();

export async function listen(onConnection) {
  const udx = new UDX();
  const socket = udx.createSocket();
  socket.bind(0, '127.0.0.1');
  let next = 1;
  // There is always one stream that waits for its peer.
  const arm = () => {
    const id = next++;
    const raw = udx.createStream(id, {
      framed: true,
      firewall: (_socket, port, host) => {
        raw.connect(socket, id + OFFSET, port, host);
        arm();
        const stream = new SecretStream(false, raw, { keyPair });
        stream.on('error', () => {});
        stream.once('connect', () => onConnection(streamConnection(stream)));
        return false;
      },
    });
    raw.on('error', () => {});
  };
  arm();
  return { port: socket.address().port };
}

let client;
export async function connect({ port }) {
  if (client === undefined) {
    const udx = new UDX();
    client = { udx, socket: udx.createSocket(), next: 1 };
    client.socket.bind(0, '127.0.0.1');
  }
  const id = client.next++;
  const raw = client.udx.createStream(id + OFFSET, { framed: true });
  raw.on('error', () => {});
  raw.connect(client.socket, id, port, '127.0.0.1');
  const stream = new SecretStream(true, raw, { keyPair });
  stream.on('error', () => {});
  if (!(await stream.opened)) throw new Error('the handshake of secret-stream failed');
  return streamConnection(stream);
}
