// node:net: TCP without encryption.
import { once } from 'node:events';
import net from 'node:net';
import { streamConnection, wantsNoDelay } from './connection.mjs';

export async function listen(onConnection) {
  const server = net.createServer({ noDelay: wantsNoDelay }, (socket) => onConnection(streamConnection(socket)));
  server.listen(0, '127.0.0.1', 4096);
  await once(server, 'listening');
  return { port: server.address().port };
}

export async function connect({ port }) {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: wantsNoDelay });
  await once(socket, 'connect');
  return streamConnection(socket);
}
