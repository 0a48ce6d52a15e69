// npm run bench:flood [-- --rate 100000 --seconds 6 --addresses 20000 --pace 1e9 --backend native --json FILE]
//
// A node has an open session on which a peer writes at a set pace. Meanwhile a native generator (flood/flood.c, built
// with the C compiler) sends HELLO-sized datagrams from many loopback addresses: to a closed port first, for comparison,
// then to the node: without the seed, with it, and a few recorded ones over and over. Printed are what the paced session
// reached, how long a client took that connected in the middle of it, and what the node held and spent.
// Linux only. Exits 1 if the session fell below 90 % of the comparison, a client needed a second, or memory grew.
import { execFileSync, fork, spawn } from 'node:child_process';
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { STCWrapper, STTHandshake, STTNode } from '../../dist/index.js';

const HELLO = 1200;
const DISTINCT = 20_000;
const RECORDED = 64;

const role = process.argv[2];
if (role === 'node') await runNode(JSON.parse(process.argv[3]));
else if (role === 'peer') await runPeer(JSON.parse(process.argv[3]));
else await main();

function makeNode({ seed, backend }) {
  return new STTNode({
    nodeSeed: randomBytes(32),
    sharedSeed: Buffer.from(seed, 'hex'),
    host: '127.0.0.1',
    initialPacketSize: 1400,
    maxPacketSize: 1400,
    backend,
  });
}

/** The node under attack: reads and counts. */
async function runNode(config) {
  const node = makeNode(config);
  let octets = 0;
  node.on('session', (session) => {
    session.on('error', () => {});
    session.on('stream', (stream) => stream.on('data', (chunk) => (octets += chunk.length)).on('error', () => {}));
  });
  const { port } = await node.start();
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    const { engine, handshakes, halfOpen } = node.getStats();
    process.send({
      octets,
      at: performance.now(),
      cpu: user + system,
      rss: process.memoryUsage.rss(),
      engine,
      handshakes,
      halfOpen,
    });
  });
  process.send({ port });
}

/** The peer of good faith: a session paced, and new clients when asked for. */
async function runPeer(config) {
  const node = makeNode(config);
  await node.start();
  const session = await node.connectUdp('127.0.0.1', config.port);
  const stream = await session.openStream();
  const chunk = Buffer.alloc(65_536, 1);
  let from = performance.now();
  let sent = 0;
  let mayWrite = true;
  stream.on('drain', () => (mayWrite = true));
  setInterval(() => {
    const now = performance.now();
    // What could not be written in time is not made up for later.
    if (!mayWrite) [from, sent] = [now, 0];
    while (mayWrite && sent < ((now - from) / 8e3) * config.pace) {
      mayWrite = stream.write(chunk);
      sent += chunk.length;
    }
  }, 1);
  process.on('message', async () => {
    const client = makeNode(config);
    await client.start();
    const begin = performance.now();
    const fresh = await client.connectUdp('127.0.0.1', config.port).catch((error) => error);
    process.send({ ms: fresh instanceof Error ? Infinity : performance.now() - begin });
    await client.stop();
  });
  process.send({});
}

/** HELLOs of one holder of a seed. Only the first is made by a handshake; the others are that with another id, and mac1. */
function hellos(seed, count) {
  const stc = new STCWrapper(randomBytes(32));
  const first = Buffer.from(new STTHandshake({ stc, sharedSeed: seed }).initiateHandshake());
  const prk = createHmac('sha256', 'STT v1 psk').update(seed).digest();
  const mac1Key = Buffer.from(createHmac('sha256', prk).update('mac1').update(Uint8Array.of(1)).digest());
  const all = Buffer.alloc(count * HELLO);
  for (let i = 0; i < count; i++) {
    const hello = all.subarray(i * HELLO, (i + 1) * HELLO);
    first.copy(hello);
    if (i > 0) randomBytes(8).copy(hello, 6);
    const digest = createHash('sha256')
      .update(hello.subarray(6, 14))
      .update(hello.subarray(35, HELLO - 32))
      .digest();
    createHmac('sha256', mac1Key)
      .update(digest)
      .digest()
      .copy(hello, HELLO - 32, 0, 16);
  }
  return all;
}

function real(seed, count) {
  const stc = new STCWrapper(randomBytes(32));
  return Buffer.concat(
    Array.from({ length: count }, () => new STTHandshake({ stc, sharedSeed: seed }).initiateHandshake()),
  );
}

async function main() {
  const { values } = parseArgs({
    options: {
      rate: { type: 'string', default: '100000' },
      seconds: { type: 'string', default: '6' },
      addresses: { type: 'string', default: '20000' },
      pace: { type: 'string', default: '1e9' },
      backend: { type: 'string', default: 'native' },
      json: { type: 'string' },
    },
  });
  const work = mkdtempSync(join(tmpdir(), 'stt-flood-'));
  const self = fileURLToPath(import.meta.url);
  const children = [];
  const start = (name, config, core) => {
    const child = fork(self, [name, JSON.stringify(config)], {
      execPath: 'taskset',
      execArgv: ['-c', core, process.execPath],
    });
    children.push(child);
    return child;
  };
  const ask = async (child) => {
    const answer = once(child, 'message');
    child.send('?');
    return (await answer)[0];
  };
  try {
    const generator = join(work, 'flood');
    execFileSync('cc', ['-O2', '-o', generator, fileURLToPath(new URL('flood/flood.c', import.meta.url))]);
    const seed = randomBytes(32);
    const files = {
      stranger: hellos(randomBytes(32), DISTINCT),
      seed: Buffer.concat([real(seed, 2000), hellos(seed, DISTINCT)]),
      recorded: real(seed, RECORDED),
    };
    for (const [name, octets] of Object.entries(files)) writeFileSync(join(work, name), octets);
    const config = { seed: seed.toString('hex'), backend: values.backend, pace: Number(values.pace) };
    const node = start('node', config, '0');
    const [{ port }] = await once(node, 'message');
    const peer = start('peer', { ...config, port }, '1');
    await once(peer, 'message');
    const closed = createSocket('udp4').bind(0, '127.0.0.1');
    await once(closed, 'listening');
    const closedPort = closed.address().port;
    closed.close();
    await new Promise((resolve) => setTimeout(resolve, 2000));

    const rows = [];
    for (const [name, file, to] of [
      ['closed port', 'stranger', closedPort],
      ['without the seed', 'stranger', port],
      ['recorded', 'recorded', port],
      ['with the seed', 'seed', port],
    ]) {
      const flooding = spawn('taskset', [
        '-c',
        '1',
        generator,
        join(work, file),
        String(to),
        values.rate,
        values.seconds,
        values.addresses,
      ]);
      let printed = '';
      flooding.stdout.on('data', (data) => (printed += data));
      const ended = once(flooding, 'exit');
      // The flood stands before anything is measured.
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const before = await ask(node);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const { ms } = await ask(peer);
      await new Promise((resolve) => setTimeout(resolve, Number(values.seconds) * 1000 - 3000 - Math.min(ms, 1000)));
      const after = await ask(node);
      await ended;
      const [sent, took] = printed.split(' ').map(Number);
      const seconds = (after.at - before.at) / 1000;
      const perSecond = (field) => Math.round((after.engine[field] - before.engine[field]) / seconds);
      rows.push({
        name,
        rate: Math.round(sent / took),
        gbits: ((after.octets - before.octets) * 8) / seconds / 1e9,
        connectMs: ms,
        cpu: (after.cpu - before.cpu) / seconds / 1e6,
        rssBefore: before.rss,
        rssAfter: after.rss,
        strangers: perSecond('droppedStrangers'),
        cookies: perSecond('droppedUnproven'),
        handshakes: perSecond('handshakesReceived'),
        halfOpen: after.halfOpen,
      });
      const row = rows.at(-1);
      console.log(
        `${name.padEnd(17)} ${String(row.rate).padStart(7)}/s  ${row.gbits.toFixed(2)} Gbit/s  connect ${row.connectMs.toFixed(0)} ms  ` +
          `CPU ${(row.cpu * 100).toFixed(0)} %  RSS ${mb(row.rssBefore)} -> ${mb(row.rssAfter)} MB  ` +
          `dropped ${row.strangers}/s, cookies ${row.cookies}/s, to JavaScript ${row.handshakes}/s, half open ${row.halfOpen}`,
      );
      await new Promise((resolve) => setTimeout(resolve, 1500));
    }
    if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(rows, null, 2));
    const [compared, ...floods] = rows;
    const fell = floods.filter(
      ({ gbits, connectMs, rssAfter, rssBefore }) =>
        gbits < 0.9 * compared.gbits || connectMs >= 1000 || rssAfter > rssBefore + 32e6,
    );
    if (fell.length > 0) console.log(`below the mark: ${fell.map(({ name }) => name).join(', ')}`);
    process.exitCode = fell.length > 0 ? 1 : 0;
  } finally {
    for (const child of children) child.kill();
    rmSync(work, { recursive: true, force: true });
  }
}

function mb(octets) {
  return (octets / 1e6).toFixed(0);
}
