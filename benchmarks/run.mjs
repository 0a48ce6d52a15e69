// npm run bench [-- --rounds 5 --metrics bulk,borrowed,messages,rtt,cycles --peers native,js,tls,dgram,webSocket,ws
//   --packet 1400 --json FILE]; --packet search lets the path MTU be found
// Two processes per measurement, each pinned to a core of its own where `taskset` is there; rounds of all peers
// interleaved, so that a slow moment of the machine hits all alike; medians.
import { execFileSync, fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    metrics: { type: 'string', default: 'bulk,borrowed,messages,rtt,cycles' },
    peers: { type: 'string', default: 'native,js,tls,dgram,webSocket,ws' },
    packet: { type: 'string', default: '1400' },
    json: { type: 'string' },
  },
});

const PEERS = {
  native: {
    label: 'STT native',
    module: 'stt',
    env: { STT_BACKEND: 'native' },
    metrics: ['bulk', 'borrowed', 'messages', 'rtt', 'cycles'],
  },
  js: {
    label: 'STT JS',
    module: 'stt',
    env: { STT_BACKEND: 'js' },
    metrics: ['bulk', 'borrowed', 'messages', 'rtt', 'cycles'],
  },
  tls: { label: 'node:tls (TCP)', module: 'tls', env: {}, metrics: ['bulk', 'messages', 'rtt', 'cycles'] },
  dgram: { label: 'node:dgram', module: 'dgram', env: {}, metrics: ['rtt'] },
  webSocket: {
    label: 'STT/WebSocket',
    module: 'stt-web-socket',
    env: { STT_BACKEND: 'native' },
    metrics: ['bulk', 'rtt'],
  },
  ws: { label: 'ws alone', module: 'ws', env: {}, metrics: ['bulk', 'rtt'] },
};
const METRICS = {
  bulk: {
    title: 'bulk, one stream, 64 KiB writes',
    unit: 'Gbit/s',
    value: (s) => (s.octets * 8) / s.ms / 1e6,
    digits: 2,
  },
  borrowed: {
    title: 'bulk as above, read by readBorrowed',
    unit: 'Gbit/s',
    value: (s) => (s.octets * 8) / s.ms / 1e6,
    digits: 2,
  },
  messages: {
    title: '64-octet writes on one stream',
    unit: 'million/s',
    value: (s) => s.octets / 64 / s.ms / 1e3,
    digits: 2,
  },
  rtt: {
    title: '64-octet ping-pong, p50 / p99',
    unit: 'us',
    value: (s, c) => c.p50,
    second: (s, c) => c.p99,
    digits: 1,
  },
  cycles: { title: 'connect + echo + close', unit: 'cycles/s', value: (s, c) => c.perSecond, digits: 0 },
};
const HERE = fileURLToPath(new URL('.', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'stt-bench-'));
const pinned = canRun('taskset', ['-c', '1', 'true']) && availableParallelism() >= 2;

try {
  await main();
} finally {
  rmSync(work, { recursive: true, force: true });
}

async function main() {
  makeCertificate();
  const peers = values.peers.split(',').filter((name) => PEERS[name] && (name !== 'tls' || haveCertificate()));
  const metrics = values.metrics.split(',').filter((name) => METRICS[name]);
  const rounds = Number(values.rounds);
  console.log(
    `Node ${process.version}, OpenSSL ${process.versions.openssl}, ${availableParallelism()} cores, ` +
      `${values.packet}-octet packets, median of ${rounds} interleaved rounds, ${pinned ? 'each process on its own core' : 'processes not pinned'}`,
  );
  const results = {};
  for (let round = 0; round < rounds; round++) {
    for (const metric of metrics) {
      for (const name of peers) {
        if (!PEERS[name].metrics.includes(metric)) continue;
        const result = await measure(PEERS[name], metric).catch((error) => ({ failed: error.message }));
        ((results[metric] ??= {})[name] ??= []).push(result);
        process.stderr.write(`\r${round + 1}/${rounds} ${metric} ${name}          `);
      }
    }
  }
  process.stderr.write('\r                                        \r');
  for (const metric of metrics) printTable(metric, results[metric] ?? {});
  if (values.json)
    writeFileSync(
      values.json,
      JSON.stringify({ node: process.version, date: new Date().toISOString(), results }, null, 1),
    );
}

async function measure(peer, metric) {
  const env = { ...process.env, ...peer.env, PACKET_SIZE: values.packet, CERTIFICATES: work };
  const server = start('server', peer, metric, env, '0');
  try {
    const { info } = await server.next('listening');
    const client = start('client', peer, metric, env, '1');
    try {
      await client.next('ready');
      client.tell({ command: 'connect', info });
      const { octets } = await client.next('sent');
      server.tell({ command: 'sent', octets });
      const s = await server.next('received');
      client.tell({ command: 'finish' });
      const c = await client.next('done');
      const { value, second } = METRICS[metric];
      const gigabytes = s.octets / 1e9;
      return {
        value: value(s, c),
        second: second?.(s, c),
        serverCpu: s.cpu,
        clientCpu: c.cpu,
        cpuPerGb: gigabytes > 0 ? (s.cpu + c.cpu) / gigabytes : undefined,
        maxRss: Math.max(s.maxRss, c.maxRss),
        backend: info.backend,
        stats: c.stats,
      };
    } finally {
      client.stop();
    }
  } finally {
    server.stop();
  }
}

function start(role, peer, metric, env, core) {
  const args = [join(HERE, 'worker.mjs'), role, peer.module, metric];
  const options = { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] };
  const child = pinned
    ? fork(args[0], args.slice(1), { ...options, execPath: 'taskset', execArgv: ['-c', core, process.execPath] })
    : fork(args[0], args.slice(1), options);
  const messages = [];
  let wanted;
  const check = () => {
    const at = messages.findIndex((message) => message.event === wanted?.event);
    if (at >= 0) wanted.resolve(messages.splice(at, 1)[0]);
  };
  child.on('message', (message) => {
    messages.push(message);
    check();
  });
  child.on('exit', (code) => wanted?.reject(new Error(`${role} ended with code ${code}`)));
  return {
    next: (event) =>
      new Promise((resolve, reject) => {
        wanted = { event, resolve, reject };
        check();
      }),
    tell: (message) => child.send(message),
    stop: () => child.kill('SIGKILL'),
  };
}

function printTable(metric, byPeer) {
  const { title, unit, digits } = METRICS[metric];
  console.log(`\n${title} (${unit})`);
  for (const [name, runs] of Object.entries(byPeer)) {
    const good = runs.filter((run) => run.failed === undefined);
    if (good.length === 0) {
      console.log(`  ${PEERS[name].label.padEnd(16)} failed: ${runs[0].failed}`);
      continue;
    }
    const m = (key) => median(good.map((run) => run[key]));
    const range = good.map((run) => run.value);
    const second = good[0].second === undefined ? '' : ` / ${m('second').toFixed(digits)}`;
    const cpu = good[0].cpuPerGb === undefined ? '' : `, CPU ${m('cpuPerGb').toFixed(2)} s/GB`;
    console.log(
      `  ${PEERS[name].label.padEnd(16)} ${m('value').toFixed(digits)}${second} ` +
        `[${Math.min(...range).toFixed(digits)}-${Math.max(...range).toFixed(digits)}], ` +
        `CPU server ${m('serverCpu').toFixed(2)} s, client ${m('clientCpu').toFixed(2)} s${cpu}, ` +
        `RSS ${(m('maxRss') / 1e6).toFixed(0)} MB`,
    );
  }
}

function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
}

function canRun(command, args) {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function haveCertificate() {
  return canRun('openssl', ['x509', '-in', join(work, 'cert.pem'), '-noout']);
}

function makeCertificate() {
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
  canRun('openssl', [
    ...args,
    '-subj',
    '/CN=localhost',
    '-keyout',
    join(work, 'key.pem'),
    '-out',
    join(work, 'cert.pem'),
  ]);
}
