// node benchmarks/macro/memory.mjs [--octets 4294967296] [--rate 200e6]: what both processes hold while a reader takes less
// than the sender offers. Resident memory is sampled every 100 ms; exits 1 if either side ever exceeds 200 MB.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { connect, listen } from '../peers/stt.mjs';

const LIMIT = 200e6;
const role = process.argv[2];

if (role === 'reader') await reader(Number(process.argv[3]));
else if (role === 'writer') await writer(JSON.parse(process.argv[3]), Number(process.argv[4]));
else await parent();

function sample() {
  let peak = 0;
  setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 100).unref();
  return () => peak;
}

/** Takes `rate` octets a second: reads when its budget allows, in pauses of 10 ms. */
async function reader(rate) {
  const peak = sample();
  const info = await listen(async ({ stream }) => {
    const begin = performance.now();
    let octets = 0;
    for await (const chunk of stream) {
      octets += chunk.length;
      const ahead = (octets / rate) * 1000 - (performance.now() - begin);
      if (ahead > 10) await new Promise((resolve) => setTimeout(resolve, ahead));
    }
    process.send({ octets, ms: performance.now() - begin, peak: peak() }, () => process.exit(0));
  });
  process.send(info);
}

async function writer(info, octets) {
  const peak = sample();
  const connection = await connect(info);
  const chunk = Buffer.alloc(65_536, 1);
  for (let sent = 0; sent < octets; sent += chunk.length) {
    if (!connection.write(chunk)) await new Promise((resolve) => connection.onDrain(resolve));
  }
  await connection.close();
  process.send({ peak: peak() }, () => process.exit(0));
}

async function parent() {
  const { values } = parseArgs({
    options: { octets: { type: 'string', default: String(2 ** 32) }, rate: { type: 'string', default: '200e6' } },
  });
  const self = fileURLToPath(import.meta.url);
  const message = (child) =>
    new Promise((resolve, reject) => {
      child.once('message', resolve);
      child.once('exit', (code) => reject(new Error(`a process ended with code ${code}`)));
    });
  const receiving = fork(self, ['reader', values.rate]);
  const { port } = await message(receiving);
  const received = message(receiving);
  const sending = fork(self, ['writer', JSON.stringify({ port }), values.octets]);
  const [r, w] = await Promise.all([received, message(sending)]);
  const mb = (octets) => (octets / 1e6).toFixed(0);
  console.log(
    `${mb(r.octets)} MB at ${(r.octets / r.ms / 1e3).toFixed(0)} MB/s; peak RSS: reader ${mb(r.peak)} MB, writer ${mb(w.peak)} MB`,
  );
  process.exitCode = r.octets >= Number(values.octets) && Math.max(r.peak, w.peak) < LIMIT ? 0 : 1;
}
