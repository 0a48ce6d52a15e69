// `ws` alone, without encryption: one binary message for each write, no compression.
import { once } from 'node:events';
import { WebSocket, WebSocketServer } from 'ws';

/** What may wait in a socket before the writer waits, as STT has it. */
const HIGH_WATER = 1024 * 1024;

function connection(socket) {
  let onDrain;
  socket.on('error', () => {});
  return {
    write: (chunk) => {
      socket.send(chunk, { binary: true }, () => {
        if (onDrain === undefined || socket.bufferedAmount > HIGH_WATER / 4) return;
        const call = onDrain;
        onDrain = undefined;
        call();
      });
      return socket.bufferedAmount < HIGH_WATER;
    },
    onData: (listener) => socket.on('message', listener),
    onDrain: (listener) => (onDrain = listener),
    close: async () => {
      socket.close();
      await once(socket, 'close');
    },
  };
}

export async function listen(onConnection) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  server.on('connection', (socket) => onConnection(connection(socket)));
  await once(server, 'listening');
  return { port: server.address().port };
}

export async function connect({ port }) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false });
  await once(socket, 'open');
  return connection(socket);
}
