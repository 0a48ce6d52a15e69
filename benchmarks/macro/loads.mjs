// What clients do. Each load ends with `sent`, what the server is to expect, and reports when the server has it all.
const SECONDS = Number(process.env.BENCH_SECONDS ?? 4);
const OCTETS = Number(process.env.BENCH_OCTETS ?? 2 ** 34);
const ROUND_TRIPS = Number(process.env.BENCH_ROUND_TRIPS ?? 10_000);
const CONNECTIONS = Number(process.env.BENCH_CONNECTIONS ?? 1000);
/** Writes at least, however short the time and busy the machine: a rate needs a beginning and an end. */
const LEAST_WRITES = 64;
/** Round trips before those that count, and seconds and cycles at most: that is when the code is compiled. */
const WARM_ROUND_TRIPS = Math.min(5_000, ROUND_TRIPS);
const WARM_CYCLES = 2000;
const WARM_CYCLE_MS = 1250 * SECONDS;

export const LOADS = { pump: onePump, pumpMany, rtt, cycles, idle };

async function finish(self, message, octets = 0) {
  process.send({ event: 'sent', octets });
  await self.command('finish');
  self.report({ event: 'done', ...message });
}

/** Writes until `isOver`, as fast as there is room. Gives the octets written. */
function pump(connection, { chunk, perTurn = 64, corked = false }, isOver) {
  const data = Buffer.alloc(chunk, 1);
  let octets = 0;
  return new Promise((resolve) => {
    const step = () => {
      if (isOver(octets)) {
        resolve(octets);
        return;
      }
      let hasRoom = true;
      if (corked) connection.cork();
      for (let i = 0; i < perTurn && hasRoom; i++) {
        octets += data.length;
        hasRoom = connection.write(data);
      }
      if (corked) connection.uncork();
      if (hasRoom) setImmediate(step);
      else connection.onDrain(step);
    };
    step();
  });
}

async function onePump(info, load, self) {
  const connection = await self.peer.connect(info);
  self.startClock();
  const end = performance.now() + SECONDS * 1000;
  const least = LEAST_WRITES * load.chunk;
  const isOver = (sent) => sent >= OCTETS || (sent >= least && performance.now() >= end);
  const octets = await pump(connection, load, isOver);
  await finish(self, { stats: connection.stats?.() }, octets);
}

/** All connections write until the server has measured. */
async function pumpMany(info, load, self) {
  const { peer } = self;
  const { streams, sessions } = load;
  const connections =
    streams === undefined
      ? await Promise.all(Array.from({ length: sessions }, () => peer.connect(info)))
      : await peer.connectStreams(info, streams);
  let isOver = false;
  const pumps = connections.map((connection) => pump(connection, load, () => isOver));
  // Until the windows have opened.
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 500));
  self.startClock();
  process.send({ event: 'begun' });
  await self.command('measured');
  isOver = true;
  process.send({ event: 'sent', octets: 0 });
  await self.command('finish');
  self.report({ event: 'done' });
  await Promise.all(pumps);
}

/** Sends 64 octets and calls back when as many are back. */
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

async function rtt(info, _load, self) {
  const connection = await self.peer.connect(info);
  const request = requester(connection);
  const times = new Float64Array(ROUND_TRIPS);
  await new Promise((resolve) => {
    let i = -WARM_ROUND_TRIPS;
    let begin = performance.now();
    const next = () => {
      const now = performance.now();
      if (i >= 0) times[i] = now - begin;
      else if (i === -1) self.startClock();
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
  const at = (share) => times[Math.floor(ROUND_TRIPS * share)] * 1000;
  await finish(self, { p50: at(0.5), p99: at(0.99) });
}

async function open(info, self) {
  const connection = await self.peer.connect(info);
  await new Promise((resolve) => requester(connection)(resolve));
  return connection;
}

async function cycles(info, _load, self) {
  const cycle = async () => (await open(info, self)).close();
  // A server that has been up for a while, as all are but once: its code is compiled.
  const warm = performance.now();
  for (let i = 0; i < WARM_CYCLES && performance.now() - warm < WARM_CYCLE_MS; i++) await cycle();
  self.startClock();
  const begin = performance.now();
  let count = 0;
  do {
    await cycle();
    count++;
  } while (performance.now() - begin < 500 * SECONDS);
  await finish(self, { perSecond: count / ((performance.now() - begin) / 1000) });
}

async function idle(info, _load, self) {
  for (let i = 0; i < 20; i++) await (await open(info, self)).close();
  process.send({ event: 'begun' });
  await self.command('measured');
  const before = await self.resident();
  const connections = [];
  while (connections.length < CONNECTIONS) connections.push(await open(info, self));
  const growth = (await self.resident()) - before;
  await finish(self, { growth, count: connections.length });
}
