// A process whose only work is a session that is followed by others: reconnecting-process.mjs JSON, where JSON holds the
// shared seed in hex, a port, `delayMs` before an attempt, and `then`: what ends the wait, 'stop' for node.stop(), 'close'
// for session.close() and then node.stop(), 'connect' for nothing. Writes a line for every event.
import { randomBytes } from 'node:crypto';
import { STTNode } from '../../dist/index.js';

const { sharedSeed, port, delayMs, then } = JSON.parse(process.argv[2]);
const tell = (line) => void process.stdout.write(`${line}\n`);
const node = new STTNode({
  nodeSeed: randomBytes(32),
  sharedSeed: Buffer.from(sharedSeed, 'hex'),
  host: '127.0.0.1',
});
await node.start();
const reconnect = { when: () => true, minDelayMs: delayMs, maxDelayMs: delayMs };
const session = await node.connectUdp('127.0.0.1', port, { reconnect });
session.on('reconnecting', async () => {
  tell('reconnecting');
  if (then === 'close') await session.close();
  if (then !== 'connect') await node.stop();
});
session.on('reconnected', ({ session: next }) => {
  tell('reconnected');
  void next.ping().then(() => node.stop());
});
session.on('reconnectFailed', ({ code }) => tell(code));
tell('connected');
