// node benchmarks/macro/congestion.mjs [--seconds 60] [--seeds 3] [--plot] [--json FILE] [--only acks]: CUBIC and BBR on a
// simulated link, beside a model of RFC 9438. What is simulated is loss recovery, controllers and pacer of the product,
// packet by packet. --plot writes the pictures of docs/performance.md, --only acks prints the table of ACKs alone (20 s and
// 8 seeds if not told otherwise). Takes some minutes of one core; nothing depends on how fast it is.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ALGORITHMS, cubicModel, PACKET, runScenario } from './congestion/simulation.mjs';
import { chart } from '../plot/lines.mjs';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    seeds: { type: 'string' },
    plot: { type: 'boolean', default: false },
    json: { type: 'string' },
    only: { type: 'string' },
  },
});
const seconds = Number(values.seconds ?? 60);
const seedsUpTo = (count) => Array.from({ length: Number(count) }, (_, i) => i + 1);
const seeds = seedsUpTo(values.seeds ?? 3);
const LINK = { bitsPerSecond: 1e9, rttMs: 50, queueBdp: 1, seconds };
const SLOWER = { ...LINK, bitsPerSecond: 1e8 };
const PLAIN_LOSSES = [0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2];
const LOSSES = [1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 1.5e-2, 2e-2, 3e-2, 5e-2];
const NAMES = { cubic: 'CUBIC', bbr: 'BBR', model: 'RFC 9438 model' };
const results = {};

const mean = (list) => list.reduce((sum, it) => sum + it, 0) / list.length;
const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 2 : 1)} %`;

/** Share of the link that one flow gets, mean of the seeds. */
function goodput(name, loss) {
  return mean(
    seeds.map((seed) =>
      name === 'model'
        ? cubicModel({ ...LINK, loss, seed, packetSize: PACKET })
        : runScenario({ ...LINK, loss, seed, algorithms: [ALGORITHMS[name]] }).shares[0],
    ),
  );
}

/** Runs flows; gives what each had by the second: Mbit/s that arrived, and the round-trip time, ms. */
function trace(options, everyMs) {
  const before = [];
  const traces = options.algorithms.map(() => ({ rate: [], rtt: [] }));
  const result = runScenario({
    ...options,
    everyMs,
    look(at, flows) {
      flows.forEach((flow, i) => {
        traces[i].rate.push([at - everyMs / 2000, ((flow.arrived - (before[i] ?? 0)) * 8) / everyMs / 1000]);
        if (flow.recovery.packetsSent > 0) traces[i].rtt.push([at, flow.recovery.rtt.smoothed]);
        before[i] = flow.arrived;
      });
    },
  });
  return { ...result, traces };
}

function save(name, panels) {
  if (values.plot) writeFileSync(fileURLToPath(new URL(`../../docs/${name}.svg`, import.meta.url)), chart(panels));
}

function randomLoss() {
  console.log(`\n1 Gbit/s, 50 ms, queue of one BDP, ${seconds} s: share of the link, mean of ${seeds.length} seeds`);
  const shares = { cubic: {}, model: {}, bbr: {} };
  for (const loss of values.plot ? [...new Set([...PLAIN_LOSSES, ...LOSSES])].sort((a, b) => a - b) : PLAIN_LOSSES) {
    for (const name of Object.keys(shares)) shares[name][loss] = goodput(name, loss);
    const row = Object.keys(shares).map((name) => `${NAMES[name]} ${percent(shares[name][loss])}`);
    console.log(`  loss ${loss === 0 ? 'none' : Number(loss.toPrecision(2)).toExponential()}: ${row.join(', ')}`);
  }
  results.randomLoss = shares;
  const points = (name) => LOSSES.map((loss) => [loss, (shares[name][loss] ?? 0) * 1000]);
  save('congestion-loss', [
    {
      title: 'Goodput and random loss: 1 Gbit/s, 50 ms, queue of one BDP',
      xAxis: {
        label: 'packets lost at random',
        min: 1e-6,
        max: 5e-2,
        log: true,
        format: (it) => `${Number((it * 100).toPrecision(1))} %`,
      },
      yAxis: { label: 'goodput, Mbit/s', min: 0.5, max: 1000, log: true },
      series: ['bbr', 'cubic', 'model'].map((name) => ({
        name: NAMES[name],
        colour: name,
        dots: name !== 'model',
        dashed: name === 'model',
        points: points(name),
      })),
    },
  ]);
}

function overTime() {
  const everyMs = 200;
  const series = ['bbr', 'cubic'].map((name) => {
    const { traces } = trace({ ...LINK, seconds: 30, loss: 0.01, algorithms: [ALGORITHMS[name]] }, everyMs);
    return { name: NAMES[name], colour: name, points: traces[0].rate };
  });
  save('congestion-time', [
    {
      title: 'One packet of a hundred lost: 1 Gbit/s, 50 ms',
      xAxis: { label: 'time, s', max: 30 },
      yAxis: { label: 'rate, Mbit/s', max: 1000 },
      series,
    },
  ]);
}

function buffers() {
  console.log(`\n100 Mbit/s, 50 ms, nothing lost at random, ${seconds} s`);
  results.buffers = {};
  for (const [word, queueBdp] of [
    ['shallow', 0.1],
    ['deep', 4],
  ]) {
    const traces = {};
    for (const name of ['bbr', 'cubic']) {
      const run = trace({ ...SLOWER, queueBdp, algorithms: [ALGORITHMS[name]] }, 200);
      traces[name] = run.traces[0];
      const rtt = mean(run.traces[0].rtt.map(([, it]) => it));
      const lost = run.flows[0].recovery.packetsLost / run.flows[0].recovery.packetsSent;
      console.log(
        `  queue of ${queueBdp} BDP: ${NAMES[name]} ${percent(run.shares[0])}, mean round trip ${rtt.toFixed(0)} ms, ${percent(lost)} lost`,
      );
      results.buffers[`${name} ${queueBdp}`] = { share: run.shares[0], rttMs: rtt, lost };
    }
    const series = (what) => ['bbr', 'cubic'].map((it) => ({ name: NAMES[it], colour: it, points: traces[it][what] }));
    const xAxis = { label: 'time, s', max: seconds };
    const where = `100 Mbit/s, 50 ms, queue of ${queueBdp} BDP`;
    save(`congestion-${word}`, [
      { title: `Rate: ${where}`, xAxis, yAxis: { label: 'rate, Mbit/s', max: 110 }, series: series('rate') },
      {
        title: `Round-trip time: ${where}`,
        xAxis,
        yAxis: { label: 'round trip, ms', max: queueBdp > 1 ? 300 : 70 },
        series: series('rtt'),
      },
    ]);
  }
}

function sharing() {
  console.log(`\n100 Mbit/s, 50 ms, two flows, the second 5 s later, 120 s: shares of the last 90 s`);
  results.sharing = {};
  const panels = [];
  for (const pair of [
    ['cubic', 'cubic'],
    ['bbr', 'bbr'],
    ['cubic', 'bbr'],
    ['bbr', 'cubic'],
  ]) {
    for (const queueBdp of [0.5, 1, 4]) {
      const options = { ...SLOWER, seconds: 120, stagger: 5000, queueBdp };
      const algorithms = pair.map((name) => ALGORITHMS[name]);
      const { traces } = trace({ ...options, algorithms }, 500);
      const late = traces.map(({ rate }) => mean(rate.filter(([at]) => at > 30).map(([, it]) => it)));
      const jain = (late[0] + late[1]) ** 2 / (2 * (late[0] ** 2 + late[1] ** 2));
      const label = pair.map((name) => NAMES[name]).join(' + ');
      console.log(
        `  ${label}, queue of ${queueBdp} BDP: ${late.map((it) => `${it.toFixed(0)} Mbit/s`).join(', ')}, Jain's index ${jain.toFixed(2)}`,
      );
      results.sharing[`${pair.join('+')} ${queueBdp}`] = { mbits: late, jain };
      if (queueBdp !== 1 || (pair[0] === 'bbr' && pair[1] === 'cubic')) continue;
      const same = pair[0] === pair[1];
      panels.push({
        title: `${label}: 100 Mbit/s, 50 ms, queue of one BDP`,
        xAxis: { label: 'time, s', max: 120 },
        yAxis: { label: 'rate, Mbit/s', max: 110 },
        series: traces.map(({ rate }, i) => ({
          name: same ? (i === 0 ? 'first' : 'second') : NAMES[pair[i]],
          colour: same && i === 1 ? 'second' : pair[i],
          points: rate,
        })),
      });
    }
  }
  save('congestion-sharing', panels);
}

/** ACKs that a receiver sends by itself, and those that the sender asks for. */
function acks() {
  const time = Number(values.seconds ?? 20);
  const runs = seedsUpTo(values.seeds ?? 8);
  console.log(
    `\nACKs a second, and share of the link: by the receiver alone -> as the sender asks, ${time} s, mean of ${runs.length} seeds`,
  );
  results.acks = {};
  for (const [bitsPerSecond, rttMs] of [
    [1e8, 10],
    [1e8, 50],
    [1e9, 20],
    [1e9, 100],
  ]) {
    for (const name of ['cubic', 'bbr']) {
      for (const loss of [0, 1e-4, 1e-2]) {
        const [alone, asked] = [false, true].map((asks) => {
          const algorithms = [ALGORITHMS[name]];
          const link = { bitsPerSecond, rttMs, queueBdp: 1, seconds: time, loss, asks, algorithms };
          const ended = runs.map((seed) => runScenario({ ...link, seed }));
          return {
            share: mean(ended.map(({ shares }) => shares[0])),
            acks: mean(ended.map(({ flows }) => flows[0].acksSent / time)),
          };
        });
        const link = `${bitsPerSecond / 1e6} Mbit/s, ${rttMs} ms, ${NAMES[name]}, loss ${loss}`;
        const rates = [alone, asked].map((it) => it.acks.toFixed(0)).join(' -> ');
        console.log(`  ${link}: ${rates} ACKs/s, ${percent(alone.share)} -> ${percent(asked.share)}`);
        results.acks[link] = { alone, asked };
      }
    }
  }
}

if (values.only !== 'acks') {
  randomLoss();
  overTime();
  buffers();
  sharing();
}
acks();
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
