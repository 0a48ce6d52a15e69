// Bare node:dgram: no encryption, no reliability. The floor of what a round trip through Node costs.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

async function bind() {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

export async function listen(onConnection) {
  const socket = await bind();
  let listener;
  let peer;
  onConnection({ write: (chunk) => socket.send(chunk, peer.port, peer.address), onData: (fn) => (listener = fn) });
  socket.on('message', (message, from) => {
    peer = from;
    listener(message);
  });
  return { port: socket.address().port };
}

/** Datagrams that wait for the system, above which the writer waits; with more of them most get lost. */
const MOST_WAITING = 64;

export async function connect({ port }) {
  const socket = await bind();
  let waiting = 0;
  let onDrain;
  const sent = () => {
    if (--waiting > MOST_WAITING / 2 || onDrain === undefined) return;
    const call = onDrain;
    onDrain = undefined;
    call();
  };
  return {
    write: (chunk) => {
      waiting++;
      socket.send(chunk, port, '127.0.0.1', sent);
      return waiting < MOST_WAITING;
    },
    onData: (listener) => socket.on('message', listener),
    onDrain: (listener) => (onDrain = listener),
    close: async () => socket.close(),
  };
}
