// A UDP proxy that impairs what passes: loss (also in bursts), duplication, reordering, delay, jitter, corruption, rate.
// Everything it decides comes from a seed. Plain JavaScript, so that it also runs by itself:
//
//   node test/support/udp-proxy.mjs --target 127.0.0.1:4000 --loss 5 --burst 3 --delay 20 --seed 1
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** Clients that a proxy serves at a time; the one silent longest goes first. */
const MAX_CLIENTS = 256;
const BUFFER_OCTETS = 4 * 1024 * 1024;

/** Mulberry32: small, seeded, good enough to throw dice. Gives 0 <= x < 1. */
export function seededRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x100000000;
  };
}

/** One direction of a bad network. Decides, for each datagram, when copies of it come out and whether they are damaged. */
export class Impairment {
  #settings;
  #random;
  #losing = false;
  #freeAt = 0;
  stats = { passed: 0, lost: 0, duplicated: 0, reordered: 0, corrupted: 0, overflowed: 0 };

  constructor(settings, random) {
    this.#settings = {
      loss: 0,
      burst: 1,
      duplicate: 0,
      reorder: 0,
      reorderMs: 5,
      delayMs: 0,
      jitterMs: 0,
      corrupt: 0,
      rate: Infinity,
      queue: 256 * 1024,
      ...settings,
    };
    this.#random = random;
  }

  /** Calls `out(time, octets)` for every copy that is to come out. `now` in milliseconds. */
  pass(now, datagram, out) {
    if (this.#loses()) {
      this.stats.lost++;
      return;
    }
    const { rate, queue } = this.#settings;
    let leaves = now;
    if (rate !== Infinity) {
      const start = Math.max(now, this.#freeAt);
      if (((start - now) * rate) / 8000 > queue) {
        this.stats.overflowed++;
        return;
      }
      leaves = this.#freeAt = start + (datagram.length * 8000) / rate;
    }
    this.stats.passed++;
    this.#copy(leaves, datagram, out);
    if (this.#chance('duplicate')) {
      this.stats.duplicated++;
      this.#copy(leaves, datagram, out);
    }
  }

  #copy(leaves, datagram, out) {
    const { delayMs, jitterMs, reorderMs } = this.#settings;
    let arrives = leaves + delayMs + this.#random() * jitterMs;
    if (this.#chance('reorder')) {
      this.stats.reordered++;
      arrives += reorderMs;
    }
    if (datagram.length > 0 && this.#chance('corrupt')) {
      this.stats.corrupted++;
      datagram = Uint8Array.from(datagram);
      datagram[Math.floor(this.#random() * datagram.length)] ^= 1 << Math.floor(this.#random() * 8);
    }
    out(arrives, datagram);
  }

  /** Gilbert's model: bursts of `burst` datagrams on average, `loss` of all datagrams. */
  #loses() {
    const { loss, burst } = this.#settings;
    if (loss <= 0) return false;
    if (loss >= 1) return true;
    const draw = this.#random();
    this.#losing = this.#losing ? draw >= 1 / burst : draw < loss / (burst * (1 - loss));
    return this.#losing;
  }

  #chance(name) {
    const probability = this.#settings[name];
    return probability > 0 && this.#random() < probability;
  }
}

/** Calls back at times, earliest first, equal times in the order given; one timer for all. */
class Schedule {
  #heap = [];
  #count = 0;
  #timer;
  #closed = false;

  at(time, run) {
    if (this.#closed) return;
    const heap = this.#heap;
    const entry = { time, order: this.#count++, run };
    let i = heap.push(entry) - 1;
    for (let parent = (i - 1) >> 1; i > 0 && before(entry, heap[parent]); parent = (i - 1) >> 1) {
      heap[i] = heap[parent];
      i = parent;
    }
    heap[i] = entry;
    if (i === 0) this.#arm();
  }

  close() {
    this.#closed = true;
    this.#heap = [];
    clearTimeout(this.#timer);
  }

  #arm() {
    clearTimeout(this.#timer);
    if (this.#heap.length > 0) {
      this.#timer = setTimeout(() => this.#run(), Math.max(0, this.#heap[0].time - performance.now()));
    }
  }

  #run() {
    // A timer may be early by a fraction of a millisecond.
    while (this.#heap.length > 0 && this.#heap[0].time <= performance.now() + 0.5) this.#pop().run();
    this.#arm();
  }

  #pop() {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (heap.length > 0) {
      let i = 0;
      for (;;) {
        let child = 2 * i + 1;
        if (child >= heap.length) break;
        if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child++;
        if (!before(heap[child], last)) break;
        heap[i] = heap[child];
        i = child;
      }
      heap[i] = last;
    }
    return top;
  }
}

function before(a, b) {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}

/** Starts a proxy; see udp-proxy.d.mts. */
export async function startUdpProxy({ target, listen = { address: '127.0.0.1', port: 0 }, seed = 1, both, up, down }) {
  const random = seededRandom(seed);
  const forth = new Impairment({ ...both, ...up }, random);
  const back = new Impairment({ ...both, ...down }, random);
  const schedule = new Schedule();
  const clients = new Map();
  let rebinds = 0;
  let closed = false;
  let blocks = false;
  const front = createSocket({ type: isIPv6(listen.address) ? 'udp6' : 'udp4', lookup: numeric });
  await bind(front, listen);

  function pass(impairment, datagram, send) {
    if (blocks) return;
    const now = performance.now();
    impairment.pass(now, datagram, (time, octets) => {
      const run = () => {
        if (!closed) send(octets);
      };
      if (time <= now) run();
      else schedule.at(time, run);
    });
  }

  function openClient(address, port) {
    const socket = createSocket({ type: isIPv6(target.address) ? 'udp6' : 'udp4', lookup: numeric });
    const client = { socket, ready: false, waiting: [] };
    socket.on('error', () => {});
    socket.on('message', (datagram) => {
      pass(back, datagram, (octets) => front.send(octets, port, address, () => {}));
    });
    socket.bind({ port: 0, exclusive: true }, () => {
      enlarge(socket);
      client.ready = true;
      for (const octets of client.waiting.splice(0)) socket.send(octets, target.port, target.address, () => {});
    });
    return client;
  }

  function sendOn(client, octets) {
    if (client.closed) return;
    if (client.ready) client.socket.send(octets, target.port, target.address, () => {});
    else client.waiting.push(octets);
  }

  function drop(key) {
    const client = clients.get(key);
    clients.delete(key);
    client.closed = true;
    client.socket.close();
  }

  front.on('error', () => {});
  front.on('message', (datagram, { address, port }) => {
    const key = `${address} ${port}`;
    const known = clients.get(key);
    const client = known ?? openClient(address, port);
    // The last one in the map is the one heard last.
    if (known !== undefined) clients.delete(key);
    else if (clients.size >= MAX_CLIENTS) drop(clients.keys().next().value);
    clients.set(key, client);
    pass(forth, datagram, (octets) => sendOn(clients.get(key) ?? client, octets));
  });

  const { address, port } = front.address();
  return {
    address,
    port,
    stats: () => ({ up: { ...forth.stats }, down: { ...back.stats }, clients: clients.size, rebinds }),
    block(on) {
      blocks = on;
    },
    rebind() {
      rebinds++;
      for (const key of [...clients.keys()]) drop(key);
    },
    close() {
      if (closed) return Promise.resolve();
      closed = true;
      schedule.close();
      for (const key of [...clients.keys()]) drop(key);
      return new Promise((resolve) => front.close(() => resolve()));
    },
  };
}

// dgram would look addresses up asynchronously, even numeric ones.
function numeric(host, _options, callback) {
  callback(null, host, isIPv6(host) ? 6 : 4);
}

function bind(socket, { address, port }) {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address, port, exclusive: true }, () => {
      socket.off('error', reject);
      enlarge(socket);
      resolve();
    });
  });
}

function enlarge(socket) {
  try {
    socket.setRecvBufferSize(BUFFER_OCTETS);
    socket.setSendBufferSize(BUFFER_OCTETS);
  } catch {
    // Then it drops a little more than asked for.
  }
}

function endpoint(text) {
  const match = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(text);
  if (match === null) throw new Error(`not an ADDRESS:PORT: ${text}`);
  return { address: match[1] ?? match[2], port: Number(match[3]) };
}

function quantity(text) {
  const match = /^([\d.]+)([kmg]?)$/i.exec(text);
  if (match === null) throw new Error(`not a number: ${text}`);
  return Number(match[1]) * { '': 1, k: 1e3, m: 1e6, g: 1e9 }[match[2].toLowerCase()];
}

const USAGE = `usage: node udp-proxy.mjs --target ADDRESS:PORT [--listen ADDRESS:PORT] [--seed N] [--direction both|up|down]
  --loss PERCENT [--burst MEAN_LENGTH]   --duplicate PERCENT   --corrupt PERCENT   --reorder PERCENT [--reorder-ms MS]
  --delay MS  --jitter MS   --rate BITS_PER_SECOND (k, m, g) [--queue OCTETS]`;

async function main() {
  const text = { type: 'string' };
  const { values } = parseArgs({
    options: {
      target: text,
      listen: text,
      seed: text,
      direction: text,
      loss: text,
      burst: text,
      duplicate: text,
      corrupt: text,
      reorder: text,
      'reorder-ms': text,
      delay: text,
      jitter: text,
      rate: text,
      queue: text,
    },
  });
  if (values.target === undefined) throw new Error('--target is missing');
  const settings = {};
  const take = (option, name, scale) => {
    if (values[option] !== undefined) settings[name] = quantity(values[option]) * scale;
  };
  for (const option of ['loss', 'duplicate', 'corrupt', 'reorder']) take(option, option, 0.01);
  for (const option of ['burst', 'rate', 'queue']) take(option, option, 1);
  for (const option of ['delay', 'jitter']) take(option, `${option}Ms`, 1);
  take('reorder-ms', 'reorderMs', 1);
  const proxy = await startUdpProxy({
    target: endpoint(values.target),
    listen: endpoint(values.listen ?? '127.0.0.1:0'),
    seed: Number(values.seed ?? 1),
    [values.direction ?? 'both']: settings,
  });
  process.stdout.write(`listening ${isIPv6(proxy.address) ? `[${proxy.address}]` : proxy.address}:${proxy.port}\n`);
  const end = () => {
    process.stdout.write(`${JSON.stringify(proxy.stats())}\n`);
    void proxy.close().then(() => process.exit(0));
  };
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main().catch((error) => {
    process.stderr.write(`udp-proxy: ${error.message}\n${USAGE}\n`);
    process.exit(2);
  });
}
