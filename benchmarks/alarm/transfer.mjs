// node --expose-gc --predictable ... transfer.mjs native|js borrowed|duplex: one process of `allocations.mjs`. Measures
// what a bulk transfer between two sides in this process allocates, and prints it as JSON: octets per packet.
import { PerformanceObserver } from 'node:perf_hooks';
import { advance } from './virtual-time.mjs';

// After the clock is ours.
const { makePair } = await import('./node-pair.mjs');

const [backend, reader] = process.argv.slice(2);
const CHUNK = Buffer.alloc(65_536, 1);
// More would be more than V8 lets pass without a collection: it counts what Buffers hold outside of the heap.
const OCTETS = { native: 96 * CHUNK.length, js: 48 * CHUNK.length }[backend];
const WARM_UP = 30;
const WINDOWS = 8;

/** What is allocated between `start` and `stop`, less what `apart` ran. */
class Meter {
  #begin;
  #heap;
  #buffers;
  #calls;
  /** What looking costs itself. */
  #cost = 0;

  constructor() {
    for (let i = 0; i < 1000; i++) {
      const before = process.memoryUsage();
      this.#cost = process.memoryUsage().heapUsed - before.heapUsed;
    }
    this.start();
  }

  apart = (call) => {
    const before = process.memoryUsage();
    const result = call();
    const after = process.memoryUsage();
    this.#heap += after.heapUsed - before.heapUsed;
    this.#buffers += after.arrayBuffers - before.arrayBuffers;
    this.#calls++;
    return result;
  };

  start() {
    this.#heap = this.#buffers = this.#calls = 0;
    this.#begin = process.memoryUsage();
  }

  stop() {
    const end = process.memoryUsage();
    return {
      heap: end.heapUsed - this.#begin.heapUsed - this.#heap - (this.#calls + 1) * this.#cost,
      buffers: end.arrayBuffers - this.#begin.arrayBuffers - this.#buffers,
    };
  }
}

const meter = new Meter();
const turn = () => new Promise((resolve) => setImmediate(resolve));
let collections = 0;
new PerformanceObserver((list) => (collections += list.getEntries().length)).observe({ entryTypes: ['gc'] });
let received = 0;
const take = (chunk) => {
  received += chunk.length;
};
const onStream = (stream) => {
  if (reader === 'borrowed') stream.readBorrowed(take).catch(() => {});
  else stream.on('data', take);
};
const pair = makePair(backend, onStream, { advance, apart: meter.apart });
let hasRoom = true;
pair.stream.on('drain', () => (hasRoom = true));

/** Writes and carries over so many octets. */
async function move() {
  const end = received + OCTETS;
  for (let left = OCTETS; received < end;) {
    for (; left > 0 && hasRoom; left -= CHUNK.length) hasRoom = pair.stream.write(CHUNK);
    pair.step();
    await turn();
  }
}

/** Without what is known to be garbage, and with what was noted of that collection taken note of. */
async function clean() {
  globalThis.gc();
  await turn();
  await turn();
  collections = 0;
}

for (let i = 0; i < WARM_UP; i++) {
  await move();
  await clean();
}
const heap = [];
const buffers = [];
for (let i = 0; i < WINDOWS; i++) {
  await clean();
  const before = pair.packets;
  meter.start();
  await move();
  const allocated = meter.stop();
  const packets = pair.packets - before;
  await turn();
  await turn();
  if (collections > 0) continue;
  heap.push(allocated.heap / packets);
  buffers.push(allocated.buffers / packets);
}
// The least: V8 itself allocates at times, for code that it compiles.
console.log(JSON.stringify({ windows: heap.length, heap: Math.min(...heap), buffers: Math.min(...buffers) }));
process.exit(0);
