// node benchmarks/macro/chamber.mjs [--rounds 5] [--metrics reads,durable,sequential,batched,open] [--stores chamber,lmdb,sqlite]
//   [--path DIRECTORY] [--json FILE]
// Operations per second on values of 256 octets, one process each, beside stores that users would take instead with the
// same sealing; rounds interleaved, medians. Needs dist/, and `npm ci --prefix benchmarks` for better-sqlite3.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { spread } from '../statistics.mjs';
import { STORES } from './chamber/stores.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    metrics: { type: 'string', default: 'reads,durable,sequential,batched,open' },
    stores: { type: 'string', default: 'chamber,lmdb,sqlite' },
    path: { type: 'string', default: tmpdir() },
    json: { type: 'string' },
    child: { type: 'boolean', default: false },
  },
});
const idOf = (i) => `record/${i}`;
const VALUE = new Uint8Array(256).fill(5);
const WRITERS = 16;
const BATCH = 1000;
const BATCHES = 8;
const OPEN_RECORDS = 1_000_000;
const DURATION_MS = 2000;
const METRICS = {
  reads: { title: 'reads/s, one after the other, of 100,000 records', measure: reads },
  durable: { title: `durable writes/s, ${WRITERS} writers at once`, measure: (open) => writes(open, WRITERS) },
  sequential: { title: 'durable writes/s, one after the other', measure: (open) => writes(open, 1) },
  batched: { title: `durable writes/s in batches of ${BATCH}, ${BATCHES} of them at once`, measure: batched },
  open: { title: `ms to open and read once, ${OPEN_RECORDS.toLocaleString('en')} records`, measure: opening },
};

if (values.child) console.log(JSON.stringify(await child()));
else await parent();

async function parent() {
  const results = {};
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const metric of values.metrics.split(',')) {
      // A million records take their time and tell the same each time.
      if (metric === 'open' && round > 0) continue;
      for (const store of values.stores.split(',')) {
        process.stderr.write(`\rround ${round + 1} ${metric} ${store}            `);
        const figure = measure(metric, store);
        ((results[metric] ??= {})[store] ??= []).push(figure);
      }
    }
  }
  process.stderr.write('\r                                      \r');
  console.log(`Node ${process.version}, ${values.rounds} interleaved rounds, median [least-most]`);
  for (const [metric, byStore] of Object.entries(results)) {
    console.log(`\n${METRICS[metric].title}`);
    for (const [store, figures] of Object.entries(byStore)) {
      const { least, median, most } = spread(figures.map((figure) => Math.round(figure)));
      console.log(`  ${store.padEnd(8)} ${median.toLocaleString('en')} [${least}-${most}]`);
    }
  }
  if (values.json) writeFileSync(values.json, JSON.stringify({ node: process.version, results }, null, 1));
}

function measure(metric, store) {
  const args = [
    fileURLToPath(import.meta.url),
    '--child',
    '--metrics',
    metric,
    '--stores',
    store,
    '--path',
    values.path,
  ];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}

async function child() {
  const path = mkdtempSync(join(values.path, 'stt-bench-'));
  try {
    return await METRICS[values.metrics].measure(() => STORES[values.stores](join(path, 'store')));
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

async function fill(store, count) {
  for (let i = 0; i < count; i += BATCH) await store.putMany(entries(i));
}

function entries(begin) {
  return Array.from({ length: BATCH }, (_, i) => [idOf(begin + i), VALUE]);
}

/** How often per second `once` is done, measured after a while of it. */
async function rate(once) {
  for (const duration of [DURATION_MS / 4, DURATION_MS]) {
    let count = 0;
    const begin = performance.now();
    let elapsed;
    do {
      count += await once();
      elapsed = performance.now() - begin;
    } while (elapsed < duration);
    if (duration === DURATION_MS) return (count * 1000) / elapsed;
  }
}

async function reads(open) {
  const count = 100_000;
  const store = await open();
  await fill(store, count);
  let at = 0;
  const result = await rate(async () => {
    for (let i = 0; i < 100; i++) {
      at = (at + 7919) % count;
      if ((await store.get(idOf(at))).length !== VALUE.length) throw new Error('A wrong value');
    }
    return 100;
  });
  await store.close();
  return result;
}

async function writes(open, writers) {
  const store = await open();
  let at = 0;
  const result = await rate(async () => {
    await Promise.all(Array.from({ length: writers }, () => store.put(idOf(at++), VALUE)));
    return writers;
  });
  await store.close();
  return result;
}

async function batched(open) {
  const store = await open();
  let at = 0;
  const result = await rate(async () => {
    await Promise.all(Array.from({ length: BATCHES }, () => store.putMany(entries((at += BATCH)))));
    return BATCH * BATCHES;
  });
  await store.close();
  return result;
}

async function opening(open) {
  const first = await open();
  await fill(first, OPEN_RECORDS);
  await first.close();
  const begin = performance.now();
  const store = await open();
  if ((await store.get(idOf(OPEN_RECORDS - 1))).length !== VALUE.length) throw new Error('A wrong value');
  const result = performance.now() - begin;
  await store.close();
  return result;
}
