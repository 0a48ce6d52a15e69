import type { Stream } from '../../../lib/protocol/stream.js';
import type { Endpoint } from './endpoint.js';
import { SimRandom } from './random.js';
import type { Recorder } from './recorder.js';

/** A prime, so that the pattern fits no packet, page or block size. */
const PERIOD = 65_521;
const BLOCK = ((): Uint8Array => {
  const random = new SimRandom(0xc0ffee);
  // Twice, so that every piece of a period lies together.
  const block = new Uint8Array(2 * PERIOD);
  for (let i = 0; i < PERIOD; i++) block[i] = block[i + PERIOD] = random.u32() & 0xff;
  return block;
})();

/** Octets `offset..` of the endless pattern `number`; at most a period at a time. */
export function pattern(number: number, offset: number, length: number): Uint8Array {
  const begin = (offset + number * 7_919) % PERIOD;
  return BLOCK.subarray(begin, begin + length);
}

/** Writes a pattern of so many octets into a stream, as fast as `write` lets it, in pieces of random sizes, and ends it. */
export class PatternWriter {
  readonly stream: Stream;
  readonly #number: number;
  readonly #length: number;
  readonly #random: SimRandom;
  #written = 0;

  constructor(stream: Stream, number: number, length: number, seed: number) {
    this.stream = stream;
    this.#number = number;
    this.#length = length;
    this.#random = new SimRandom(seed);
  }

  write(): void {
    while (this.#written < this.#length) {
      const most = this.#random.pick([100, 3_000, 20_000, PERIOD]);
      const length = Math.min(this.#length - this.#written, this.#random.integer(1, most));
      const room = this.stream.write(pattern(this.#number, this.#written, length));
      this.#written += length;
      if (!room && this.#written < this.#length) return;
    }
    this.stream.finish();
  }
}

/** Checks that what comes on a stream is the pattern. */
export class PatternReader {
  readonly #number: number;
  octets = 0;

  constructor(number: number) {
    this.#number = number;
  }

  take(bytes: Uint8Array, begin: number, end: number): void {
    for (let at = begin; at < end;) {
      const expected = pattern(this.#number, this.octets, Math.min(end - at, PERIOD));
      if (Buffer.compare(bytes.subarray(at, at + expected.length), expected) !== 0) {
        throw new Error(`octets from ${this.octets} on are not those that were written`);
      }
      at += expected.length;
      this.octets += expected.length;
    }
  }
}

/** Sends patterns over streams that `from` opens and checks them at `to`. */
export class Transfers {
  readonly #from: Endpoint<Recorder>;
  readonly #to: Endpoint<Recorder>;
  readonly #writers = new Map<Stream, PatternWriter>();
  readonly #readers = new Map<number, PatternReader>();
  readonly #lengths = new Map<number, number>();

  constructor(from: Endpoint<Recorder>, to: Endpoint<Recorder>) {
    this.#from = from;
    this.#to = to;
    to.app.keeps = false;
    const { onData } = to.app;
    to.app.onData = (stream, bytes, begin, end) => {
      const reader = this.#readers.get(stream.id);
      if (reader === undefined) onData(stream, bytes, begin, end);
      else reader.take(bytes, begin, end);
    };
    const { onRoom } = from.app;
    from.app.onRoom = (stream) => {
      onRoom(stream);
      this.#writers.get(stream)?.write();
    };
  }

  /** Starts another stream of so many octets. */
  start(length: number, seed: number, weight?: number): Stream {
    const stream = this.#from.session.openStream(weight);
    if (stream === undefined) throw new Error('no more streams');
    const writer = new PatternWriter(stream, stream.id, length, seed);
    this.#writers.set(stream, writer);
    this.#readers.set(stream.id, new PatternReader(stream.id));
    this.#lengths.set(stream.id, length);
    writer.write();
    return stream;
  }

  /** Octets of a stream that came. */
  received(stream: Stream): number {
    return this.#readers.get(stream.id)!.octets;
  }

  /** Everything came, to the octet, and the writers know it. */
  get done(): boolean {
    for (const [id, length] of this.#lengths) {
      if (!this.#to.app.ended.has(id) || !this.#from.app.finished.has(id)) return false;
      if (this.#readers.get(id)!.octets !== length) throw new Error(`stream ${id} ended early`);
    }
    return true;
  }
}
