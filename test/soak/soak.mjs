// Nodes that open, use, rekey and kill sessions through a network that loses, doubles, delays and damages datagrams:
//
//   npm run soak [-- --minutes 5] [--nodes 6] [--seed N]
//
// Every octet that arrives is checked, every stream must end as its sessions did, and at the end memory and handles must
// be what they were. Prints a line a minute and one of JSON at the end; exits with 1 if anything was violated.
// STT_BACKEND chooses the backend. Needs dist/.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { finished } from 'node:stream/promises';
import { STTNode } from '../../dist/index.js';
import { seededRandom, startUdpProxy } from '../support/udp-proxy.mjs';

const text = { type: 'string' };
const { values } = parseArgs({ options: { minutes: text, nodes: text, seed: text } });
const minutes = Number(values.minutes ?? 5);
const seed = Number(values.seed ?? randomBytes(4).readUInt32BE());
const nodeCount = Number(values.nodes ?? 6);
const deadline = performance.now() + 60_000 * minutes;
/** A session that carries nothing for so long has hung. A slow one, on a loaded machine, has not. */
const PATIENCE_MS = 120_000;
const WORKERS = 2;
/** Errors that a killed or lost session or stream may give. */
const EXPECTED = new Set([
  'ERR_STT_CLOSED',
  'ERR_STT_PEER_RESTARTED',
  'ERR_STT_NODE_STOPPED',
  'ERR_STT_IDLE_TIMEOUT',
  'ERR_STT_CLOSE_TIMEOUT',
  'ERR_STT_STREAM_RESET',
  'ERR_STT_STREAM_STOPPED',
  'ERR_STT_STREAM_ABORTED',
  'ERR_STT_SESSION',
  'ERR_STT_HANDSHAKE_TIMEOUT',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STT_QUEUE_FULL',
  'ABORT_ERR',
]);

const random = seededRandom(seed);
const pick = (list) => list[Math.floor(random() * list.length)];
const upTo = (n) => 1 + Math.floor(random() * n);

const counts = {
  sessions: 0,
  rotations: 0,
  streams: 0,
  octets: 0,
  messages: 0,
  kills: 0,
  restarts: 0,
  rebinds: 0,
  refused: 0,
};
const violations = [];
const violate = (what, error) => {
  const detail = error === undefined ? '' : `: ${error.code ?? ''} ${error.stack ?? error}`;
  if (violations.length < 20) violations.push(what + detail);
  console.error(`violated: ${what}${detail}`);
};
process.on('unhandledRejection', (error) => violate('a rejection was left unhandled', error));
process.on('uncaughtException', (error) => violate('an exception was left uncaught', error));

const sharedSeed = randomBytes(32);
const places = [];

async function openNode() {
  const node = new STTNode({
    nodeSeed: randomBytes(32),
    sharedSeed,
    host: '127.0.0.1',
    idleTimeoutMs: 10_000,
    closeTimeoutMs: 20_000,
    maxStreams: 20,
    rotateAfterPackets: 1_000,
  });
  node.on('session', (session) => {
    session.on('stream', (stream) => echoHashed(stream));
    session.on('message', ({ data }) => session.sendMessage(data).catch(() => {}));
  });
  await node.start();
  return node;
}

/** Sends every octet back; the one who wrote it checks. */
function echoHashed(stream) {
  stream.on('error', () => {});
  stream.pipe(stream);
}

async function openPlace() {
  const node = await openNode();
  const loss = pick([0, 0.01, 0.05, 0.15]);
  const settings = {
    loss,
    burst: pick([1, 3]),
    duplicate: pick([0, 0.02]),
    reorder: pick([0, 0.05]),
    delayMs: pick([0, 5, 20]),
    jitterMs: pick([0, 3]),
    corrupt: pick([0, 0.01]),
  };
  const proxy = await startUdpProxy({ target: node.address, seed: upTo(1e6), both: settings });
  return { node, proxy };
}

/** Writes random octets in random pieces and checks that they come back. */
async function useStream(session) {
  const stream = await session.openStream({ priority: pick([1, 16, 256]), signal: AbortSignal.timeout(PATIENCE_MS) });
  counts.streams++;
  const size = pick([1, 100, 5_000, 100_000, 600_000]);
  const [written, read] = [createHash('sha256'), createHash('sha256')];
  let octets = 0;
  stream.on('data', (chunk) => {
    read.update(chunk);
    octets += chunk.length;
    if (octets > size) violate(`${octets} octets came back of ${size}`);
    if (random() < 0.01) {
      stream.pause();
      setTimeout(() => stream.resume(), upTo(50));
    }
  });
  const gone = finished(stream);
  if (random() < 0.05) {
    stream.write(randomBytes(upTo(size)));
    stream.destroy();
    await gone.catch(() => {});
    return;
  }
  for (let left = size; left > 0 && !stream.destroyed;) {
    const piece = randomBytes(Math.min(left, upTo(70_000)));
    left -= piece.length;
    written.update(piece);
    if (!stream.write(piece)) await Promise.race([once(stream, 'drain'), gone]);
  }
  stream.end();
  await gone;
  if (octets !== size || read.digest('hex') !== written.digest('hex')) {
    violate(`stream ${stream.id}: ${octets} of ${size} octets came back, or others`);
  }
  counts.octets += 2 * octets;
}

/** Calls `begun` with the session as soon as there is one. */
async function useSession(from, to, begun) {
  const session = await from.connectUdp('127.0.0.1', to.proxy.port, { timeoutMs: 20_000 });
  begun(session);
  counts.sessions++;
  const closed = new Promise((resolve) => session.once('close', resolve));
  const pinged = session.ping().catch(() => {});
  for (let i = upTo(5); i > 0; i--) {
    counts.messages++;
    session.sendMessage(randomBytes(upTo(1_000))).catch(() => {});
  }
  const streams = Array.from({ length: upTo(6) }, () => useStream(session));
  const kill = random() < 0.15 ? setTimeout(() => session.destroy(), upTo(2_000)) : undefined;
  if (kill !== undefined) counts.kills++;
  if (random() < 0.5) setTimeout(() => session.rotateKeys().catch(() => {}), upTo(1_000));
  // Each for itself: one that fails must not hide that another one hangs.
  const results = await Promise.allSettled(streams);
  clearTimeout(kill);
  await pinged;
  const wasOpen = session.state === 'open';
  counts.rotations += session.keyVersion;
  await session.close();
  await closed;
  for (const { reason } of results) if (reason !== undefined) throw reason;
  return wasOpen;
}

/** Uses sessions until time is up. */
async function work() {
  while (performance.now() < deadline) {
    const [from, to] = [pick(places), pick(places)];
    if (from === to) continue;
    let session;
    let carried = 0;
    let timer;
    const hung = new Promise((resolve) => {
      timer = setInterval(() => {
        const now = session?.getStats().streamOctetsReceived ?? 0;
        if (now === carried) resolve('hung');
        carried = now;
      }, PATIENCE_MS);
    });
    try {
      const used = useSession(from.node, to, (begun) => (session = begun));
      if ((await Promise.race([used, hung])) === 'hung')
        violate(`a session hung ${JSON.stringify(session?.getStats())}`);
    } catch (error) {
      if (EXPECTED.has(error.code)) counts.refused++;
      else violate('an error that nothing explains', error);
    } finally {
      clearInterval(timer);
    }
  }
}

/** Stops a node in the middle of everything, and puts another one in its place; or gives clients new ports, as a NAT may. */
async function disturb() {
  while (performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, Math.min(10_000, deadline - performance.now())));
    if (performance.now() >= deadline) return;
    const index = Math.floor(random() * places.length);
    const old = places[index];
    if (random() < 0.5) {
      old.proxy.rebind();
      counts.rebinds++;
      continue;
    }
    places[index] = await openPlace();
    counts.restarts++;
    await Promise.all([old.node.stop(), old.proxy.close()]);
  }
}

/** Memory when everything is at rest. */
async function atRest() {
  const held = () =>
    places.reduce((sum, { node }) => {
      const { sessions, halfOpen, dialing, engine } = node.getStats();
      return sessions + halfOpen + dialing + engine.sessions + engine.paths + engine.expectedHandshakes;
    }, 0);
  // An answered HELLO whose initiator never spoke is half-open for 15 s; an idle session ends after 10.
  for (let i = 0; i < 600 && held() > 0; i++) await new Promise((resolve) => setTimeout(resolve, 100));
  if (held() > 0) {
    violate(
      `nodes at rest hold ${held()} sessions, paths or handshakes: ${JSON.stringify(places.map(({ node }) => node.getStats()))}`,
    );
  }
  for (let i = 0; i < 5; i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  return { heap: heapUsed + arrayBuffers, rss, handles: process.getActiveResourcesInfo().length };
}

console.log(`soak: ${minutes} minutes, ${nodeCount} nodes, seed ${seed}`);
for (let i = 0; i < nodeCount; i++) places.push(await openPlace());
const workers = Array.from({ length: WORKERS * nodeCount }, () => work());
const disturbing = disturb();

// Memory after a warm-up against memory at the end; in between everybody works.
const samples = [];
const sampler = setInterval(() => {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  samples.push({ heap: heapUsed + arrayBuffers, rss });
  if (samples.length % 6 === 0) console.log(JSON.stringify({ ...counts, heap: heapUsed + arrayBuffers, rss }));
}, 10_000);
await Promise.all([...workers, disturbing]);
clearInterval(sampler);
const rest = await atRest();

const mean = (list, name) => list.reduce((sum, sample) => sum + sample[name], 0) / list.length;
const third = Math.floor(samples.length / 3);
let growth;
if (third >= 2) {
  // The last third of the time against the second: a leak grows on.
  growth = Object.fromEntries(
    ['heap', 'rss'].map((name) => [
      name,
      mean(samples.slice(-third), name) / mean(samples.slice(third, 2 * third), name),
    ]),
  );
  // A session more or less is at work when a sample is taken.
  const before = mean(samples.slice(third, 2 * third), 'heap');
  if (mean(samples.slice(-third), 'heap') > 1.2 * before + 16 * 1_048_576) {
    violate(`memory grows: ${JSON.stringify(growth)}`);
  }
}
for (const { node, proxy } of places) await Promise.all([node.stop(), proxy.close()]);
for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
const left = process.getActiveResourcesInfo().filter((name) => /UDP|Timeout/.test(name));
if (left.length > 0) violate(`handles are left: ${left.join(', ')}`);
if (counts.sessions === 0 || counts.octets === 0 || counts.rotations === 0) violate('nothing was done');
console.log(JSON.stringify({ seed, ...counts, rest, growth, violations: violations.length }));
process.exitCode = violations.length === 0 ? 0 : 1;
