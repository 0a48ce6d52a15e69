// One process of a measurement: node worker.mjs <server|client> <peer> <metric>, driven over IPC by run.mjs.
const [role, peerName, metric] = process.argv.slice(2);
// Long enough that the code which is compiled in the first second does not decide.
const BULK_OCTETS = Number(process.env.BULK_OCTETS ?? 2 ** 34);
const BULK_MS = Number(process.env.BULK_MS ?? 4000);
const MESSAGES_MS = Number(process.env.MESSAGES_MS ?? 2000);
const ROUND_TRIPS = Number(process.env.ROUND_TRIPS ?? 10_000);
const CYCLES_MS = Number(process.env.CYCLES_MS ?? 2000);

// A run that hangs ends itself; a worker whose parent is gone does too.
setTimeout(() => process.exit(3), 30_000).unref();
process.on('disconnect', () => process.exit(0));

process.env.METRIC = metric;
const peer = await import(`./peers/${peerName}.mjs`);

const cpuSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
let cpuAtStart = 0;
const report = (message) =>
  process.send({ ...message, cpu: cpuSeconds() - cpuAtStart, maxRss: process.resourceUsage().maxRSS * 1024 });

const COMMANDS = ['connect', 'sent', 'finish'];
const commands = new Map();
process.on('message', (message) => commands.get(message.command)?.(message));
const command = (name) => new Promise((resolve) => commands.set(name, resolve));
for (const name of COMMANDS) commands.set(name, () => {});

if (role === 'server') await serve();
else await runClient();

async function serve() {
  let octets = 0;
  let chunks = 0;
  let first = 0;
  let last = 0;
  let expected = Infinity;
  let complete;
  const echo = metric === 'rtt' || metric === 'cycles';
  const told = command('sent');
  const info = await peer.listen((connection) => {
    connection.onData((chunk) => {
      if (echo) {
        connection.write(chunk);
        return;
      }
      if (chunks++ === 0) first = performance.now();
      octets += chunk.length;
      if ((chunks & 15) === 0 || octets >= expected) last = performance.now();
      if (octets >= expected) complete?.();
    });
  });
  cpuAtStart = cpuSeconds();
  process.send({ event: 'listening', info });
  const { octets: sent } = await told;
  if (!echo) {
    expected = sent;
    if (octets < expected) await new Promise((resolve) => (complete = resolve));
  }
  report({ event: 'received', octets, chunks, ms: last - first });
}

async function runClient() {
  const start = command('connect');
  process.send({ event: 'ready' });
  const { info } = await start;
  const metrics = { bulk, borrowed: bulk, messages, rtt, cycles };
  await metrics[metric](info);
}

/** Writes chunks until `maxOctets` or `maxMs`, obeying back-pressure. */
function pump(connection, chunk, maxOctets, maxMs) {
  return new Promise((resolve) => {
    const begin = performance.now();
    let octets = 0;
    const step = () => {
      const ms = performance.now() - begin;
      if (octets >= maxOctets || ms >= maxMs) {
        resolve({ octets, ms });
        return;
      }
      for (let i = 0; i < 64 && octets < maxOctets; i++) {
        octets += chunk.length;
        if (!connection.write(chunk)) {
          connection.onDrain(step);
          return;
        }
      }
      setImmediate(step);
    };
    step();
  });
}

async function bulk(info) {
  const connection = await peer.connect(info);
  cpuAtStart = cpuSeconds();
  const sent = await pump(connection, Buffer.alloc(65_536, 1), BULK_OCTETS, BULK_MS);
  process.send({ event: 'sent', octets: sent.octets });
  await command('finish');
  report({ event: 'done', stats: connection.stats?.() });
}

async function messages(info) {
  const connection = await peer.connect(info);
  cpuAtStart = cpuSeconds();
  const sent = await pump(connection, Buffer.alloc(64, 1), Infinity, MESSAGES_MS);
  process.send({ event: 'sent', octets: sent.octets });
  await command('finish');
  report({ event: 'done' });
}

/** Sends 64 octets and resolves when as many are back. */
function requester(connection) {
  const request = Buffer.alloc(64, 7);
  let missing = 0;
  let done;
  connection.onData((chunk) => {
    missing -= chunk.length;
    if (missing <= 0) done();
  });
  return (callback) => {
    missing = request.length;
    done = callback;
    connection.write(request);
  };
}

async function rtt(info) {
  const connection = await peer.connect(info);
  const request = requester(connection);
  const warmUp = 5000;
  const times = new Float64Array(ROUND_TRIPS);
  await new Promise((resolve) => {
    let i = -warmUp;
    let begin = performance.now();
    const next = () => {
      const now = performance.now();
      if (i >= 0) times[i] = now - begin;
      else if (i === -1) cpuAtStart = cpuSeconds();
      if (++i >= ROUND_TRIPS) {
        resolve();
        return;
      }
      begin = performance.now();
      request(next);
    };
    request(next);
  });
  times.sort();
  process.send({ event: 'sent', octets: 0 });
  await command('finish');
  report({ event: 'done', p50: times[ROUND_TRIPS >> 1] * 1000, p99: times[Math.floor(ROUND_TRIPS * 0.99)] * 1000 });
}

async function cycles(info) {
  const cycle = async () => {
    const connection = await peer.connect(info);
    await new Promise((resolve) => requester(connection)(resolve));
    await connection.close();
  };
  // A server that has been up for a while, as all are but once: its code is compiled.
  const warm = performance.now();
  for (let i = 0; i < 2000 && performance.now() - warm < 5000; i++) await cycle();
  cpuAtStart = cpuSeconds();
  const begin = performance.now();
  let count = 0;
  while (performance.now() - begin < CYCLES_MS) {
    await cycle();
    count++;
  }
  const perSecond = count / ((performance.now() - begin) / 1000);
  process.send({ event: 'sent', octets: 0 });
  await command('finish');
  report({ event: 'done', perSecond });
}
