// A node that keeps what comes, for tests that kill it: `node keeping-node.mjs <port> <file>`, seeds in the environment.
// In every session it opens a stream on which it tells how many octets the file has, as 8 octets, then appends what comes.
import { appendFileSync, existsSync, statSync } from 'node:fs';
import { STTNode } from '../../dist/index.js';

const [port, file] = process.argv.slice(2);
const seed = (name) => Buffer.from(process.env[name], 'hex');
const node = new STTNode({
  nodeSeed: seed('NODE_SEED'),
  sharedSeed: seed('SHARED_SEED'),
  host: '127.0.0.1',
  port: +port,
});
node.on(
  'session',
  (session) =>
    void session.openStream().then((stream) => {
      const held = Buffer.alloc(8);
      held.writeBigUInt64BE(BigInt(existsSync(file) ? statSync(file).size : 0));
      stream.write(held);
      stream.on('data', (chunk) => appendFileSync(file, chunk));
      stream.on('end', () => stream.end());
      stream.on('error', () => {});
    }),
);
const bound = await node.start();
process.once('SIGTERM', () => void node.stop());
process.stdout.write(`${bound.port}\n`);
