// node:tls over TCP: TLS 1.3, full handshake, certificate checked. The certificate is made by the harness in CERTIFICATES.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import tls from 'node:tls';
import { streamConnection, wantsNoDelay } from './connection.mjs';

const read = (name) => readFileSync(join(process.env.CERTIFICATES, name), 'utf8');

export async function listen(onConnection) {
  const server = tls.createServer(
    { key: read('key.pem'), cert: read('cert.pem'), minVersion: 'TLSv1.3', noDelay: wantsNoDelay },
    (socket) => onConnection(streamConnection(socket)),
  );
  server.listen(0, '127.0.0.1', 4096);
  await once(server, 'listening');
  return { port: server.address().port };
}

export async function connect({ port }) {
  const socket = tls.connect({
    port,
    host: '127.0.0.1',
    ca: read('cert.pem'),
    minVersion: 'TLSv1.3',
    ciphers: 'TLS_AES_256_GCM_SHA384',
    checkServerIdentity: () => undefined,
  });
  socket.setNoDelay(wantsNoDelay);
  await once(socket, 'secureConnect');
  return streamConnection(socket);
}
