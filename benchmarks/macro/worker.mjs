// One process of a measurement: node --expose-gc worker.mjs <server|client> <peer> <metric>, driven over IPC by
// processes.mjs. How much of it: BENCH_SECONDS, BENCH_OCTETS, BENCH_ROUND_TRIPS, BENCH_CONNECTIONS.
import { METRICS } from './metrics.mjs';

const [role, peerName, metric] = process.argv.slice(2);
const { load, sink = 'count' } = METRICS[metric];

// A run that hangs ends itself; a worker whose parent is gone does too.
setTimeout(() => process.exit(3), 60_000).unref();
process.on('disconnect', () => process.exit(0));

process.env.METRIC = metric;
const peer = await import(`../peers/${peerName}.mjs`);

const cpuSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let cpuAtStart = cpuSeconds();
/** What is shared by both roles and with loads.mjs. */
const self = {
  peer,
  startClock: () => (cpuAtStart = cpuSeconds()),
  report: (message) =>
    process.send({ ...message, cpu: cpuSeconds() - cpuAtStart, maxRss: process.resourceUsage().maxRSS * 1024 }),
  /** Resident memory without garbage. */
  async resident() {
    await sleep(300);
    for (let i = 0; i < 3; i++) globalThis.gc();
    return process.memoryUsage.rss();
  },
  /** The next command of that name. */
  command: (name) => commands.take(name),
};

/** Commands that came and were not waited for yet, and those that are waited for. */
const commands = {
  arrived: [],
  waiting: new Map(),
  take(name) {
    const at = this.arrived.findIndex((message) => message.command === name);
    if (at >= 0) return Promise.resolve(this.arrived.splice(at, 1)[0]);
    return new Promise((resolve) => this.waiting.set(name, resolve));
  },
};
process.on('message', (message) => {
  const resolve = commands.waiting.get(message.command);
  commands.waiting.delete(message.command);
  if (resolve === undefined) commands.arrived.push(message);
  else resolve(message);
});

if (role === 'server') {
  await serve();
} else {
  const { LOADS } = await import('./loads.mjs');
  process.send({ event: 'ready' });
  const { info } = await self.command('connect');
  await LOADS[load.name](info, load, self);
}

async function serve() {
  const sinks = { count: counting, fair: sharing, lossy: counting, echo: echoing };
  await sinks[sink]();
}

async function listen(onConnection) {
  const info = await peer.listen(onConnection);
  self.startClock();
  process.send({ event: 'listening', info });
}

/** Counts what arrives on one connection. */
async function counting() {
  let octets = 0;
  let chunks = 0;
  let first = 0;
  let last = 0;
  let expected = Infinity;
  let complete;
  await listen((connection) => {
    connection.onData((chunk) => {
      if (chunks++ === 0) first = performance.now();
      octets += chunk.length;
      // A look at the clock costs as much as a small chunk.
      if ((chunks & 15) === 0 || chunks < 1024 || octets >= expected) last = performance.now();
      if (octets >= expected) complete?.();
    });
  });
  ({ octets: expected } = await self.command('sent'));
  if (sink === 'lossy') {
    for (let before = -1; octets < expected && octets !== before; await sleep(100)) before = octets;
  } else if (octets < expected) {
    await new Promise((resolve) => (complete = resolve));
  }
  self.report({ event: 'received', octets, chunks, ms: last - first });
}

/** Counts what arrives on each of many connections for a while, once something has arrived on all of them. */
async function sharing() {
  const counts = [];
  await listen((connection) => {
    const own = counts.push(0) - 1;
    connection.onData((chunk) => (counts[own] += chunk.length));
  });
  await self.command('begin');
  while (counts.length < (load.streams ?? load.sessions) || counts.includes(0)) await sleep(10);
  self.startClock();
  const before = [...counts];
  const begin = performance.now();
  await sleep(Number(process.env.BENCH_SECONDS) * 1000);
  while (counts.every((octets, i) => octets === before[i])) await sleep(10);
  const each = counts.map((octets, i) => octets - before[i]);
  const ms = performance.now() - begin;
  const octets = each.reduce((sum, it) => sum + it, 0);
  process.send({ event: 'measured' });
  await self.command('sent');
  self.report({ event: 'received', octets, ms, least: (Math.min(...each) * each.length) / octets });
}

/** Sends back what arrives. */
async function echoing() {
  await listen((connection) => connection.onData((chunk) => connection.write(chunk)));
  if (load.name !== 'idle') {
    await self.command('sent');
    self.report({ event: 'received', octets: 0, ms: 0 });
    return;
  }
  await self.command('begin');
  const before = await self.resident();
  process.send({ event: 'measured' });
  await self.command('sent');
  self.report({ event: 'received', octets: 0, ms: 0, growth: (await self.resident()) - before });
}
