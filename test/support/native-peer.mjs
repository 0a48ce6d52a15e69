// What the tests of the addon need a process or a thread of its own for: `node native-peer.mjs <mode> <addon>`.
import { createRequire } from 'node:module';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const [mode, path] = isMainThread ? process.argv.slice(2) : [workerData.mode, workerData.path];
const addon = createRequire(import.meta.url)(path);
const { Engine } = addon;

const ID = Buffer.from('0102030405060708', 'hex');
// Handshake frame with the id: type 5, 21 zeros, payload of type HELLO_RESP.
const ANSWER = Buffer.concat([Buffer.from([0x53, 0x54, 32, 5, 0]), ID, Buffer.alloc(21), Buffer.from([2])]);
const LOOPBACK = Buffer.from('00000000000000000000ffff7f000001000000000000', 'hex');

function open(onBatch, onWritable = () => {}, bind = LOOPBACK) {
  const config = {
    bind,
    host: '127.0.0.1',
    ipv6Only: false,
    receiveBufferOctets: 0,
    sendBufferOctets: 0,
    forceNoOffload: false,
    refuseGso: false,
    refuseMarks: false,
    blockEvery: 0,
    busyPollMicros: 0,
    slabOctets: 0,
    transmitOctets: 0,
  };
  const engine = new Engine(config, {
    onBatch,
    onWritable,
    onError: (error) => {
      throw error;
    },
  });
  engine.expectHandshake(ID);
  return engine;
}

function flood(engine, address, count) {
  for (let i = 0; i < count; i++) engine.sendDatagram(address, ANSWER);
  engine.flush();
}

const octets = (length) => new Uint8Array(length).fill(7);

function attempt(call) {
  try {
    call();
  } catch {
    // An error is as good a way out as any.
  }
}

function exercisePrimitives() {
  addon.probe();
  addon.sha256([octets(3), octets(0)]);
  addon.hmacSha256(octets(32), [octets(3)]);
  addon.hkdfExpand(addon.hkdfExtract(octets(0), octets(32)), octets(3), 100);
  const agreement = new addon.KeyAgreement(octets(32));
  agreement.agree(agreement.publicKey());
  agreement.agree(new Uint8Array(32));
  agreement.destroy();
  attempt(() => agreement.agree(octets(32)));
  attempt(() => new addon.KeyAgreement(octets(3)));
  const state = new addon.NoiseState(octets(32));
  state.encrypt(octets(5));
  state.mixKeyAndHash(octets(32));
  state.mixKey(octets(0));
  new addon.NoiseState(state).decrypt(state.encrypt(octets(5)));
  state.decrypt(octets(40));
  state.split();
  attempt(() => new addon.NoiseState(agreement));
  const xaes = new addon.XaesCipher(octets(32));
  const box = octets(66);
  for (const first of [1, 1, 2]) {
    xaes.seal(octets(24).fill(first, 0, 1), octets(5), octets(50), box, 0);
    xaes.open(octets(24).fill(first, 0, 1), octets(5), box, octets(60), 3);
    xaes.open(octets(24).fill(first, 0, 1), octets(6), box, octets(60), 3);
  }
  attempt(() => new addon.XaesCipher(octets(3)));
  for (const suite of [1, 2]) {
    const sealed = addon.sealAead(suite, octets(32), octets(12), octets(5), octets(50));
    addon.openAead(suite, octets(32), octets(12), octets(5), sealed);
    addon.openAead(suite, octets(32), octets(12), octets(6), sealed);
    const cipher = new addon.PacketCipher(suite, octets(32));
    cipher.seal(octets(12), octets(13), octets(16), octets(30), octets(100), 3);
    cipher.open(octets(12), octets(13), sealed, octets(100), 3);
    new addon.HeaderCipher(suite, octets(32)).mask(octets(16));
    attempt(() => new addon.PacketCipher(suite, octets(3)));
  }
  addon.parseFrame(addon.encodeFrame(5, 0, octets(8), 1n, 2n, 3, octets(4), octets(9)));
  addon.parseFrame(octets(60));
  attempt(() => addon.sha256([1]));
  attempt(() => new Engine({}, {}));
}

async function exerciseEngine() {
  let batches = 0;
  const engine = open(() => batches++);
  const peer = open(() => batches++);
  attempt(() =>
    open(
      () => {},
      () => {},
      engine.boundAddress(),
    ),
  );
  const keys = [octets(32), octets(12), octets(32)];
  const slot = engine.openSession(octets(8), 1, ...keys, ...keys, 2);
  peer.openSession(octets(8), 1, ...keys, ...keys, 2);
  const path = engine.openPath(peer.boundAddress());
  engine.setMac1Keys([octets(32), octets(32)]);
  engine.setMac1Keys([octets(32)]);
  engine.sealStreamRun(slot, path, 0, 1, 0, true, octets(100_000), 0, 100_000, 1_000);
  engine.sealFrames(slot, path, 100, octets(20), 0, 20);
  engine.flush();
  for (let i = 0; i < 300; i++) engine.closePath(engine.openPath(octets(22).fill(i)));
  for (let i = 0; i < 300; i++) engine.openSession(octets(8).fill(i), 2, ...keys, ...keys, 2);
  flood(engine, peer.boundAddress(), 100);
  while (batches === 0) await new Promise((resolve) => setImmediate(resolve));
  await Promise.all([engine, peer].map((each) => new Promise((resolve) => each.close(resolve))));
}

const modes = {
  throw() {
    const engine = open(() => {
      throw new Error('application (expected by the test)');
    });
    flood(engine, engine.boundAddress(), 1);
  },

  'throw-handled'() {
    let count = 0;
    const engine = open(() => {
      throw new Error('application');
    });
    process.on('uncaughtException', () => {
      process.send(`uncaught: ${++count}`);
      if (count < 2) flood(engine, engine.boundAddress(), 1);
      else engine.close(() => process.disconnect());
    });
    flood(engine, engine.boundAddress(), 1);
  },

  close() {
    const engine = open(() => engine.close(() => process.send('closed', () => process.disconnect())));
    flood(engine, engine.boundAddress(), 100);
  },

  exit() {
    const engine = open(() => {});
    flood(engine, engine.boundAddress(), 100);
    process.exit(7);
  },

  'exit-in-batch'() {
    const engine = open(() => process.exit(7));
    flood(engine, engine.boundAddress(), 100);
  },

  async terminate() {
    for (let i = 0; i < 8; i++) {
      const worker = new Worker(new URL(import.meta.url), { workerData: { mode: 'storm', path } });
      await new Promise((resolve) => worker.once('message', resolve));
      await worker.terminate();
    }
    process.send('terminated 8 threads', () => process.disconnect());
  },

  // Two engines that never stop sending to each other.
  storm() {
    let rounds = 0;
    const answer = (engine, to) => {
      flood(engine, to.boundAddress(), 20);
      if (++rounds === 50) parentPort.postMessage('busy');
    };
    const a = open(() => answer(a, b));
    const b = open(() => answer(b, a));
    flood(a, b.boundAddress(), 20);
  },

  echo() {
    let seen = 0;
    const engine = open((rowCount) => {
      seen += rowCount;
      if (seen === 20) engine.close(() => parentPort.postMessage(seen));
      else flood(engine, engine.boundAddress(), 1);
    });
    flood(engine, engine.boundAddress(), 1);
  },

  // Everything once and then some: a process that ends by itself is what a search for leaks can look at.
  async exercise() {
    for (let i = 0; i < 20; i++) {
      exercisePrimitives();
      await exerciseEngine();
    }
  },

  async collect() {
    const { setFlagsFromString } = await import('node:v8');
    const { runInNewContext } = await import('node:vm');
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc');
    let left = 20;
    const registry = new FinalizationRegistry(() => left--);
    for (let i = 0; i < 20; i++) {
      const engine = open(() => {});
      registry.register(engine);
      await new Promise((resolve) => engine.close(resolve));
    }
    while (left > 1) {
      gc();
      await new Promise((resolve) => setImmediate(resolve));
    }
    process.send('collected', () => process.disconnect());
  },
};

await modes[mode]();
