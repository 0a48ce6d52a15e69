// node chunk-memory.mjs [--gigabytes 100] [--chunk 65536]: seals so much and opens it again, chunk by chunk, compares every
// octet, and tells how large the process was, at most, in each quarter of it. STT_BACKEND chooses the backend. Needs dist/.
import { parseArgs } from 'node:util';
import { StreamDecoder, StreamEncoder, STCWrapper } from '../../dist/index.js';

const text = { type: 'string' };
const { values } = parseArgs({ options: { gigabytes: text, chunk: text } });
const octets = Number(values.gigabytes ?? 100) * 1e9;
const context = new STCWrapper(new Uint8Array(32).fill(1)).createStreamContext(new Uint8Array(8), 1);
const encoder = new StreamEncoder(context, Number(values.chunk ?? 65_536));

/** Not a multiple of a chunk's size: some chunks are made of two pieces. */
const PIECE = 1_000_000;
const PERIOD = 65_521;
/** What every stretch of the data is a part of. */
const pattern = Buffer.alloc(
  PERIOD + 16 * 1_048_576,
  Uint8Array.from({ length: PERIOD }, (_, i) => (i * 7919) >> 5),
);
/** Octets after which the memory is looked at. */
const LOOK = 16 * 1_048_576;

function* source() {
  for (let at = 0; at < octets; at += PIECE) {
    yield pattern.subarray(at % PERIOD, (at % PERIOD) + Math.min(PIECE, octets - at));
  }
}

const quarters = [0, 0, 0, 0];
let at = 0;
let look = LOOK;
const begin = performance.now();
for await (const part of new StreamDecoder(context).decode(encoder.encode(source()))) {
  const from = at % PERIOD;
  if (!pattern.subarray(from, from + part.length).equals(part)) throw new Error(`Wrong octets behind ${at}`);
  at += part.length;
  if (at < look) continue;
  look = at + LOOK;
  const quarter = Math.min(3, Math.floor((4 * at) / octets));
  quarters[quarter] = Math.max(quarters[quarter], process.memoryUsage.rss());
}
if (at !== octets) throw new Error(`${at} octets instead of ${octets}`);
console.log(JSON.stringify({ octets, quarters, seconds: (performance.now() - begin) / 1000 }));
