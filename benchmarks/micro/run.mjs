// npm run bench:micro [-- --only aead,frames,... --ms 100 --rounds 5 --json FILE]: what single parts cost, native beside
// pure JS, in one process: nanoseconds for one call, median of rounds in which the variants take turns. Needs dist/ and the
// addon; what is not there is left out.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { environment } from '../environment.mjs';
import { median } from '../statistics.mjs';

const GROUPS = ['aead', 'frames', 'serialization', 'handshake', 'crossing', 'assembler'];
const { values } = parseArgs({
  options: {
    only: { type: 'string', default: GROUPS.join(',') },
    ms: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'string' },
  },
});

/** Calls `run` so often that it takes `ms`, and gives nanoseconds for one call. */
function time(run, ms) {
  for (let count = 1; ; count *= 2) {
    const begin = performance.now();
    for (let i = 0; i < count; i++) run();
    const took = performance.now() - begin;
    if (took >= ms) return (took * 1e6) / count;
  }
}

const show = (ns) =>
  ns >= 1e6 ? `${(ns / 1e6).toFixed(2)} ms` : ns >= 1e4 ? `${(ns / 1e3).toFixed(1)} us` : `${ns.toFixed(0)} ns`;
const where = environment();
console.log(`Node ${where.node}, OpenSSL ${where.openssl}, ${where.machine.cpu}, commit ${where.commit.slice(0, 10)}`);
const results = {};
for (const group of values.only.split(',')) {
  const { title, cases } = await import(`./${group}.mjs`);
  console.log(`\n${group}: ${title}`);
  for (const { name, octets, variants } of cases) {
    const figures = Object.fromEntries(Object.keys(variants).map((variant) => [variant, []]));
    for (let round = 0; round < Number(values.rounds); round++) {
      // The first one warms up.
      for (const [variant, run] of Object.entries(variants)) {
        const ns = time(run, Number(values.ms) / Number(values.rounds));
        if (round > 0 || Number(values.rounds) === 1) figures[variant].push(ns);
      }
    }
    const medians = Object.fromEntries(Object.entries(figures).map(([variant, list]) => [variant, median(list)]));
    const rate = (ns) => (octets === undefined ? '' : ` (${((octets * 8) / ns).toFixed(2)} Gbit/s)`);
    const cells = Object.entries(medians).map(([variant, ns]) => `${variant} ${show(ns)}${rate(ns)}`);
    console.log(`  ${name.padEnd(34)} ${cells.join(', ')}`);
    (results[group] ??= {})[name] = medians;
  }
}
if (values.json !== undefined) {
  writeFileSync(values.json, `${JSON.stringify({ ...where, unit: 'ns', results }, null, 1)}\n`);
}
process.exit(0);
