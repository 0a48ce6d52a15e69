// npm run bench [-- --rounds 5 --metrics bulk,... --peers native,... --packet 1400 --seconds 4 --connections 1000
//   --json FILE --plot --from FILE]
//
// --metrics, --peers: names of metrics.mjs and ../peers/peers.mjs; `all`. --packet: UDP payload in octets, or `search` to
// let the path MTU be found. --plot draws the bar charts of docs/performance.md and README.md; with --from, of results
// that --json wrote before, and nothing is measured.
//
// --patience SECONDS (in all): waits until other processes let the machine alone, and repeats what they disturbed. Disturbed
// runs do not count where there are others.
//
// Two processes per measurement, each pinned to a core of its own where `taskset` is there; rounds of all peers
// interleaved, so that a slow moment of the machine hits all alike; medians.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { environment } from '../environment.mjs';
import { PEERS, whyNot } from '../peers/peers.mjs';
import { counted, median, spread } from '../statistics.mjs';
import { drawAll } from './charts.mjs';
import { TOLERABLE, waitForQuiet } from './foreign.mjs';
import { METRICS } from './metrics.mjs';
import { measure } from './processes.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    metrics: { type: 'string', default: 'bulk,borrowed,messages,rtt,cycles' },
    peers: { type: 'string', default: 'native,js,tls,dgram,webSocket,ws' },
    packet: { type: 'string', default: '1400' },
    seconds: { type: 'string', default: '4' },
    connections: { type: 'string', default: '1000' },
    patience: { type: 'string', default: '0' },
    json: { type: 'string' },
    plot: { type: 'boolean', default: false },
    from: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const patientUntil = performance.now() + Number(values.patience) * 1000;
const pinned = canRun('taskset', ['-c', '1', 'true']);

if (values.from !== undefined) {
  drawAll(JSON.parse(readFileSync(values.from, 'utf8')));
} else {
  const results = await run();
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 1)}\n`);
  if (values.plot) drawAll(results);
}

function chosen(names, table, what) {
  const list = names === 'all' ? Object.keys(table) : names.split(',');
  const unknown = list.find((name) => !(name in table));
  if (unknown === undefined) return list;
  throw new Error(`there is no ${what} ${unknown}: ${Object.keys(table).join(', ')}`);
}

async function run() {
  const work = mkdtempSync(join(tmpdir(), 'stt-bench-'));
  try {
    const hasCertificate = makeCertificate(work);
    const metrics = chosen(values.metrics, METRICS, 'metric');
    const peers = chosen(values.peers, PEERS, 'peer').filter((name) => {
      const why = whyNot(PEERS[name], { hasCertificate });
      if (why !== undefined) console.log(`${PEERS[name].label}: left out, ${why}`);
      return why === undefined;
    });
    const env = {
      PACKET_SIZE: values.packet,
      CERTIFICATES: work,
      BENCH_SECONDS: values.seconds,
      BENCH_CONNECTIONS: values.connections,
      ...(Number(values.seconds) < 1 ? { BENCH_ROUND_TRIPS: '200' } : {}),
    };
    const where = environment();
    console.log(
      `Node ${where.node}, OpenSSL ${where.openssl}, ${where.machine.cores} cores of ${where.machine.cpu}, commit ${where.commit.slice(0, 10)}, ` +
        `${values.packet}-octet packets, median of ${rounds} interleaved rounds, ${pinned ? 'each process on its own core' : 'processes not pinned'}`,
    );
    const results = await measureAll(metrics, peers, env);
    for (const metric of metrics) printTable(metric, results[metric] ?? {});
    return { ...where, options: { packet: values.packet, rounds, seconds: Number(values.seconds), pinned }, results };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function measureAll(metrics, peers, env) {
  const results = {};
  for (let round = 0; round < rounds; round++) {
    for (const metric of metrics) {
      for (const name of peers) {
        if (!PEERS[name].metrics.includes(metric)) continue;
        const result = await measureInQuiet(PEERS[name], metric, env);
        ((results[metric] ??= {})[name] ??= []).push(result);
        process.stderr.write(`\r${round + 1}/${rounds} ${metric} ${name}          `);
      }
    }
  }
  process.stderr.write('\r                                        \r');
  return results;
}

/** Measures, again and again while others disturb it and there is patience left. */
async function measureInQuiet(peer, metric, env) {
  while (true) {
    if (performance.now() < patientUntil) await waitForQuiet(patientUntil - performance.now());
    const result = await measure(peer, metric, { env, pinned }).catch(({ message }) => ({ failed: message }));
    result.disturbed = result.foreign > TOLERABLE;
    if (!result.disturbed || performance.now() >= patientUntil) return result;
  }
}

function printTable(metric, byPeer) {
  const { title, unit, digits } = METRICS[metric];
  console.log(`\n${metric}: ${title} (${unit})`);
  for (const [name, runs] of Object.entries(byPeer)) {
    const good = counted(runs);
    if (good.length === 0) {
      console.log(`  ${PEERS[name].label.padEnd(18)} failed: ${runs[0].failed}`);
      process.exitCode = 1;
      continue;
    }
    const m = (key) => median(good.map((run) => run[key]));
    const { least, most } = spread(good.map((run) => run.value));
    const second = good[0].second === undefined ? '' : ` / ${m('second').toFixed(digits)}`;
    const disturbed = good[0].disturbed ? ', DISTURBED by other processes' : '';
    const cpu = good[0].cpuPerGb === undefined ? '' : `, CPU ${m('cpuPerGb').toFixed(2)} s/GB`;
    console.log(
      `  ${PEERS[name].label.padEnd(18)} ${m('value').toFixed(digits)}${second} ` +
        `[${least.toFixed(digits)}-${most.toFixed(digits)}], ` +
        `CPU server ${m('serverCpu').toFixed(2)} s, client ${m('clientCpu').toFixed(2)} s${cpu}, ` +
        `RSS ${(m('maxRss') / 1e6).toFixed(0)} MB${disturbed}`,
    );
  }
}

function canRun(command, args) {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** What node:tls needs, good for a day. */
function makeCertificate(directory) {
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
  const files = ['-keyout', join(directory, 'key.pem'), '-out', join(directory, 'cert.pem')];
  return canRun('openssl', ['req', '-x509', ...kind, '-subj', '/CN=localhost', ...files]);
}
