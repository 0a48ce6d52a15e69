// Opens, uses and closes sessions between two nodes by the thousands and looks at what is left of them:
//
//   node --expose-gc test/support/session-churn.mjs [--sessions 10000] [--first 1000] [--settle 165]
//
// Compares heap and resident memory after all of them with those after the first ones. Both times it first waits some
// seconds, for a node remembers every HELLO for 150 s (STT §4). Prints one line of JSON; exits with 1 if the engines
// still hold anything, or memory grew beyond 5 % (heap) or 15 % (resident). STT_BACKEND chooses the backend; needs dist/.
//
// What the engine of JavaScript does for itself would hide a leak, or look like one: between a thousand sessions and ten
// thousand it compiles a megabyte of code, and its young generation takes 1 or 32 MB as it pleases. So the script
// `test:churn:long` runs this without compilers and with a young generation of one size, then with compilers from 10,000
// sessions to 20,000, by when they have nothing left to do.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { STTNode } from '../../dist/index.js';

const number = { type: 'string' };
const { values } = parseArgs({ options: { sessions: number, first: number, settle: number } });
const total = Number(values.sessions ?? 10_000);
const first = Number(values.first ?? 1_000);
const settleMs = 1_000 * Number(values.settle ?? 165);
const AT_ONCE = 20;

const sharedSeed = randomBytes(32);
const [server, client] = [1, 2].map(() => new STTNode({ nodeSeed: randomBytes(32), sharedSeed, host: '127.0.0.1' }));
const { port } = await server.start();
await client.start();
server.on('session', (session) => session.on('stream', (stream) => stream.pipe(stream)));

async function useSession() {
  const session = await client.connectUdp('127.0.0.1', port);
  const stream = await session.openStream();
  stream.end('whatever');
  stream.resume();
  await once(stream, 'end');
  const closed = once(session, 'close');
  await session.close();
  await closed;
}

async function use(count) {
  let left = count;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left-- > 0) await useSession();
    }),
  );
}

const held = (node) => {
  const { sessions, halfOpen, dialing, engine } = node.getStats();
  return sessions + halfOpen + dialing + engine.sessions + engine.paths + engine.expectedHandshakes;
};

/** Sessions linger after their close; then memory is what it is. */
async function measure() {
  for (let i = 0; held(server) + held(client) > 0 && i < 1_000; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  for (let i = 0; i < 5; i++) {
    globalThis.gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, rss, arrayBuffers } = process.memoryUsage();
  return { held: held(server) + held(client), heapUsed, arrayBuffers, rss };
}

await use(first);
const before = await measure();
await use(total - first);
const after = await measure();
await Promise.all([server.stop(), client.stop()]);

const ratio = (name) => after[name] / before[name];
console.log(
  JSON.stringify({
    backend: server.getStats().backend,
    sessions: total,
    before,
    after,
    heap: ratio('heapUsed').toFixed(3),
    resident: ratio('rss').toFixed(3),
  }),
);
process.exitCode = after.held === 0 && ratio('heapUsed') <= 1.05 && ratio('rss') <= 1.15 ? 0 : 1;
