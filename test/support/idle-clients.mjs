// node idle-clients.mjs PORT COUNT: opens COUNT WebSockets that speak STT's subprotocol and then nothing. Tells its
// parent 'open' when all are open, and 'closed' when the server has closed all of them.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';

/** What comes at once: a backlog of the server's is shorter than all of them. */
const WAVE = 100;

const [port, count] = process.argv.slice(2).map(Number);
const upgrade =
  `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
  `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Protocol: stt.v1\r\n\r\n`;
process.on('disconnect', () => process.exit(0));

let closed = 0;
for (let opened = 0; opened < count;) {
  const wave = Array.from({ length: Math.min(WAVE, count - opened) }, () => connect(port, '127.0.0.1'));
  await Promise.all(
    wave.map(async (socket) => {
      socket.on('error', () => {});
      socket.on('close', () => {
        if (++closed === count) process.send('closed');
      });
      socket.write(upgrade);
      const [answer] = await once(socket, 'data');
      if (!answer.toString('latin1').startsWith('HTTP/1.1 101 ')) process.exit(1);
      socket.resume();
    }),
  );
  opened += wave.length;
}
process.send('open');
