// One end of a transfer for tests of the path MTU: node mtu-peer.mjs server HOST | client HOST PORT OCTETS
// Speaks JSON lines. The client stops at every quarter until a line comes in on standard input.
import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { STTNode } from '../../dist/index.js';

const [role, host, port, octets] = process.argv.slice(2);
const tell = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const node = new STTNode({
  nodeSeed: new Uint8Array(32).fill(role === 'server' ? 1 : 2),
  sharedSeed: new Uint8Array(32).fill(7),
  ...(role === 'server' ? { host } : {}),
});
const bound = await node.start();

if (role === 'server') {
  node.on('session', (session) =>
    session.on('stream', (stream) => {
      const hash = createHash('sha256');
      let received = 0;
      stream.on('data', (chunk) => {
        hash.update(chunk);
        received += chunk.length;
      });
      stream.on('end', () => {
        tell({ event: 'received', octets: received, digest: hash.digest('hex') });
        stream.end();
      });
    }),
  );
  tell({ event: 'listening', port: bound.port });
} else {
  const session = await node.connectUdp(host, Number(port));
  const stream = await session.openStream();
  const hash = createHash('sha256');
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const total = Number(octets);
  for (let sent = 0, quarter = 1; sent < total;) {
    const chunk = Buffer.alloc(Math.min(61_000, total - sent));
    for (let i = 0; i < chunk.length; i += 4)
      chunk.writeUInt32LE((sent + i) >>> 0, i > chunk.length - 4 ? chunk.length - 4 : i);
    hash.update(chunk);
    sent += chunk.length;
    if (!stream.write(chunk)) await new Promise((resolve) => stream.once('drain', resolve));
    if (sent < (quarter * total) / 4) continue;
    quarter++;
    tell({ event: 'quarter', stats: session.getStats() });
    await lines.next();
  }
  stream.end();
  await session.close();
  tell({ event: 'sent', digest: hash.digest('hex'), stats: session.getStats(), engine: node.getStats().engine });
  await node.stop();
  process.exit(0);
}
