// What the tests of the addon need a process or a thread of its own for: `node native-peer.mjs <mode> <addon>`.
import { createRequire } from 'node:module';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const [mode, path] = isMainThread ? process.argv.slice(2) : [workerData.mode, workerData.path];
const { Engine } = createRequire(import.meta.url)(path);

const ID = Buffer.from('0102030405060708', 'hex');
// Handshake frame with the id: type 5, 21 zeros, payload of type HELLO_RESP.
const ANSWER = Buffer.concat([Buffer.from([0x53, 0x54, 32, 5, 0]), ID, Buffer.alloc(21), Buffer.from([2])]);
const LOOPBACK = Buffer.from('00000000000000000000ffff7f000001000000000000', 'hex');

function open(onBatch, onWritable = () => {}) {
  const config = {
    bind: LOOPBACK,
    host: '127.0.0.1',
    ipv6Only: false,
    receiveBufferOctets: 0,
    sendBufferOctets: 0,
    forceNoOffload: false,
    refuseGso: false,
    blockEvery: 0,
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
