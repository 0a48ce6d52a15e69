// npm run alarm:allocations [-- --update]: what a packet of a bulk transfer leaves to the garbage collector, in octets of
// V8's heap and of Buffers outside of it, both sides added.
//
// Packet engine, pump, session and `Duplex` are the product's; there is no socket and no clock, but datagrams in a list and
// a time that goes on by steps. V8 compiles on the same thread (--predictable), and its young generation is so large that
// nothing is collected while it is measured. So the figures are the same within a few octets, however busy the machine is.
// An object for every packet is 24 octets at least, a view of a buffer about 100: both are over the limit.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { readBaseline, Report, writeBaseline } from './report.mjs';

const TRANSFER = fileURLToPath(new URL('transfer.mjs', import.meta.url));
const FLAGS = ['--expose-gc', '--predictable', '--min-semi-space-size=512', '--max-semi-space-size=512'];
const TRANSFERS = {
  'native borrowed': 'native engine, borrowing reader',
  'native duplex': 'native engine, Duplex',
  'js borrowed': 'JS engine, borrowing reader',
  'js duplex': 'JS engine, Duplex',
};
const FIGURES = { heap: 'octets of heap a packet', buffers: 'octets of Buffers a packet' };
/** How much more than the baseline is no alarm: octets, or share of it, whichever is more. */
const TOLERANCE = { octets: 10, share: 0.01 };
/** Another V8 makes other objects. */
const OTHER_NODE = { octets: 40, share: 0.15 };

const HINT = `The data path allocates more for a packet than it did: look for an object, a closure, a view or a Buffer that your
change makes for every packet or row. This shows who allocates:
  node ${FLAGS.join(' ')} --heap-prof --heap-prof-interval=256 benchmarks/alarm/transfer.mjs native borrowed
If it is worth its price, say so in the commit and make the new figures the baseline: npm run alarm:allocations -- --update`;

const report = new Report('alarm-allocations', HINT);
const node = `Node ${process.versions.node.split('.')[0]} ${process.arch}`;
const measured = {};
for (const backend of ['native', 'js']) {
  const names = Object.keys(TRANSFERS).filter((name) => name.startsWith(backend));
  // Two at a time: other processes do not change what one allocates.
  await Promise.all(names.map(async (name) => (measured[name] = await measure(name))));
}
if (process.argv.includes('--update')) update();
compare();
process.exitCode = report.finish() ? 0 : 1;

/** Figures of one transfer, or why there are none. */
async function measure(name) {
  const args = [...FLAGS, TRANSFER, ...name.split(' ')];
  const { error, stdout, stderr } = await new Promise((resolve) => {
    execFile(process.execPath, args, (error, stdout, stderr) => resolve({ error, stdout, stderr }));
  });
  if (error !== null && stderr.includes('ERR_STT_BACKEND_UNAVAILABLE')) return { why: 'there is no addon' };
  if (error !== null) throw new Error(`${name}: ${stderr}`);
  const result = JSON.parse(stdout);
  if (result.windows === 0) throw new Error(`${name}: V8 collected garbage in every window`);
  if (!(result.heap > 0)) throw new Error(`${name}: nothing allocated, which cannot be`);
  return result;
}

function update() {
  const round = ({ heap, buffers }) => ({ heap: Math.round(heap * 10) / 10, buffers: Math.round(buffers * 10) / 10 });
  const missing = Object.values(measured).find(({ why }) => why !== undefined);
  if (missing !== undefined) throw new Error(`no baseline without all of it: ${missing.why}`);
  const transfers = Object.fromEntries(Object.entries(measured).map(([name, it]) => [name, round(it)]));
  writeBaseline({ ...readBaseline(), allocations: { node, transfers } });
  console.log('the baseline is new\n');
}

function compare() {
  const baseline = readBaseline().allocations;
  const isSame = baseline.node === node;
  const { octets, share } = isSame ? TOLERANCE : OTHER_NODE;
  console.log(`${node}${isSame ? '' : `, baseline of ${baseline.node}: wider limits`}`);
  for (const [name, title] of Object.entries(TRANSFERS)) {
    for (const [figure, unit] of Object.entries(FIGURES)) {
      const what = `${title}: ${unit}`;
      const { why } = measured[name];
      const was = baseline.transfers[name]?.[figure];
      const limit = was + Math.max(octets, was * share);
      if (why !== undefined) report.skip(what, why);
      else report.add(what, { value: measured[name][figure], baseline: was, limit });
    }
  }
}
