// node benchmarks/micro/chunks.mjs [--rounds 5] [--chunk 65536] [--backends native,js] [--pieces 65536]
// GB/s of StreamEncoder and StreamDecoder on one core, each direction alone in a process of its own; rounds interleaved,
// medians. Needs dist/.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { spread } from '../statistics.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    chunk: { type: 'string', default: '65536' },
    pieces: { type: 'string', default: '65536' },
    backends: { type: 'string', default: 'native,js' },
    child: { type: 'string' },
  },
});
const chunkSize = Number(values.chunk);
const STREAM_OCTETS = 256 * 1024 * 1024;
const DURATION_MS = 2000;

if (values.child === undefined) parent();
else console.log(await measure(values.child));

function parent() {
  const figures = new Map();
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const backend of values.backends.split(',')) {
      for (const direction of ['seal', 'open']) {
        const name = `${direction} ${backend}`;
        const args = [
          fileURLToPath(import.meta.url),
          '--child',
          direction,
          '--chunk',
          values.chunk,
          '--pieces',
          values.pieces,
        ];
        const figure = Number(onOneCore([process.execPath, ...args], { ...process.env, STT_BACKEND: backend }));
        figures.set(name, [...(figures.get(name) ?? []), figure]);
      }
    }
  }
  console.log(`Node ${process.version}, chunks of ${chunkSize} octets, GB/s, median [least-most] of ${values.rounds}`);
  for (const [name, list] of figures) {
    const { least, median, most } = spread(list);
    console.log(`  ${name.padEnd(12)} ${median.toFixed(2)} [${least.toFixed(2)}-${most.toFixed(2)}]`);
  }
}

function onOneCore(command, env) {
  const run = ([file, ...args]) =>
    execFileSync(file, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    return run(['taskset', '-c', '1', ...command]);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return run(command);
  }
}

async function measure(direction) {
  const { StreamDecoder, StreamEncoder, STCWrapper } = await import('../../dist/index.js');
  const context = new STCWrapper(new Uint8Array(32).fill(1)).createStreamContext(new Uint8Array(8), 1);
  const encoder = new StreamEncoder(context, chunkSize);
  const piece = new Uint8Array(Number(values.pieces)).fill(7);
  const count = Math.ceil(STREAM_OCTETS / piece.length);
  function* pieces() {
    for (let i = 0; i < count; i++) yield piece;
  }
  const once = async (octets) => {
    let sum = 0;
    for await (const part of octets) sum += part.length;
    if (sum < count * piece.length) throw new Error('Too few octets');
  };
  let run = () => once(encoder.encode(pieces()));
  if (direction === 'open') {
    const chunks = [];
    for await (const chunk of encoder.encode(pieces())) chunks.push(chunk);
    run = () => once(new StreamDecoder(context).decode(chunks));
  }
  await run();
  let octets = 0;
  const begin = performance.now();
  do {
    await run();
    octets += count * piece.length;
  } while (performance.now() - begin < DURATION_MS);
  return octets / (performance.now() - begin) / 1e6;
}
