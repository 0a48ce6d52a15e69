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

export async function connect({ port }) {
  const socket = await bind();
  return {
    write: (chunk) => (socket.send(chunk, port, '127.0.0.1'), true),
    onData: (listener) => socket.on('message', listener),
    onDrain: () => {},
    close: async () => socket.close(),
  };
}
