// node benchmarks/macro/rotation.mjs [--segments 60] [--idle 40]: what changing the keys costs. One bulk transfer in segments
// of 512 MiB: in every other one the keys are changed every 256 MiB; rates and CPU time are compared. And how
// long the event loop stands still while a session changes its keys, beside as long without that. STT_BACKEND chooses the
// backend. Needs dist/.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { STTNode } from '../../dist/index.js';
import { median } from '../statistics.mjs';

const EVERY = 256 * 1024 * 1024;
const SEGMENT = 2 * EVERY;
const CHUNK = Buffer.alloc(65_536, 1);
const options = (own) => ({
  nodeSeed: new Uint8Array(32).fill(own),
  sharedSeed: new Uint8Array(32).fill(7),
  host: '127.0.0.1',
  initialPacketSize: 1400,
  maxPacketSize: 1400,
  postQuantum: false,
});
const message = (child) => new Promise((resolve) => child.once('message', resolve));

// Who measures is gone: so is what is measured.
process.on('disconnect', () => process.exit());

if (process.argv[2] === 'receiver') await receiver();
else if (process.argv[2] === 'sender') await sender(JSON.parse(process.argv[3]));
else await parent();

/** Runs through the event loop as often as it can: gives the longest time that one round took, ms, and starts anew. */
function watchLoop() {
  let last = performance.now();
  let longest = 0;
  const turn = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    setImmediate(turn);
  };
  setImmediate(turn);
  return () => {
    const result = longest;
    longest = 0;
    return result;
  };
}

async function receiver() {
  const node = new STTNode(options(1));
  node.on('session', (session) => session.on('stream', (stream) => stream.resume().end()));
  process.send((await node.start()).port);
}

/** Milliseconds that each segment of a transfer takes, those of CPU of this side, and how often the keys were changed. */
async function bulk(node, port, segments) {
  const session = await node.connectUdp('127.0.0.1', port);
  const stream = await session.openStream();
  stream.resume();
  const results = [];
  for (let segment = -2; segment < segments; segment++) {
    const rotates = segment % 2 !== 0;
    const begin = performance.now();
    const cpu = process.cpuUsage();
    const before = session.keyVersion;
    for (let sent = 0; sent < SEGMENT; sent += CHUNK.length) {
      if (rotates && sent % EVERY === EVERY / 4) session.rotateKeys().catch(() => {});
      if (!stream.write(CHUNK)) await new Promise((resolve) => stream.once('drain', resolve));
    }
    const { user, system } = process.cpuUsage(cpu);
    const cpuMs = (user + system) / 1000;
    // The first two warm up.
    if (segment >= 0) {
      results.push({ rotates, ms: performance.now() - begin, cpuMs, rotations: session.keyVersion - before });
    }
  }
  await session.close();
  return results;
}

async function sender({ port, segments, idle }) {
  const node = new STTNode(options(2));
  await node.start();
  const trials = await bulk(node, port, segments);
  const session = await node.connectUdp('127.0.0.1', port);
  const pause = watchLoop();
  const pauses = { still: [], rotation: [] };
  for (let i = 0; i < idle; i++) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    pause();
    await new Promise((resolve) => setTimeout(resolve, 5));
    pauses.still.push(pause());
    await session.rotateKeys();
    pauses.rotation.push(pause());
  }
  process.send({ trials, pauses });
}

async function parent() {
  const text = { type: 'string' };
  const { values } = parseArgs({ options: { segments: text, idle: text } });
  const wanted = { segments: Number(values.segments ?? 60), idle: Number(values.idle ?? 40) };
  const self = fileURLToPath(import.meta.url);
  const receiving = fork(self, ['receiver']);
  const port = await message(receiving);
  const sending = fork(self, ['sender', JSON.stringify({ port, ...wanted })]);
  const { trials, pauses } = await message(sending);
  const rate = (rotates) =>
    median(trials.filter((t) => t.rotates === rotates).map(({ ms }) => (SEGMENT * 8) / (ms * 1e6)));
  const cpu = (rotates) => median(trials.filter((t) => t.rotates === rotates).map(({ cpuMs }) => cpuMs));
  const [plain, rotating] = [rate(false), rate(true)];
  const shown = (list) => ({ median: +median(list).toFixed(2), most: +Math.max(...list).toFixed(2) });
  console.log(
    JSON.stringify({
      gbitPerSecond: +plain.toFixed(2),
      rotatingEvery256MiB: +rotating.toFixed(2),
      cpuOfSenderPercent: +(100 * (cpu(true) / cpu(false) - 1)).toFixed(1),
      rotations: trials.reduce((sum, { rotations }) => sum + rotations, 0),
      lossPercent: +(100 * (1 - rotating / plain)).toFixed(1),
      loopPauseMs: { still: shown(pauses.still), rotation: shown(pauses.rotation) },
    }),
  );
  sending.disconnect();
  receiving.disconnect();
  process.exit(0);
}
