import type { Random } from '../ports/random.js';

/** Numbers between two skipped ones: 256..4,096 (STT §5). */
const SKIP_MIN = 256;
const SKIP_SPAN = 4096 - SKIP_MIN + 1;
/** Skipped numbers that are remembered after all around them is settled: 16 of them lie 4,096 to 65,536 packets back. */
const REMEMBERED = 16;
/** Most that are remembered while packets before them are in flight: 8 KiB, for at least 262,144 packets in flight. */
const REMEMBERED_MAX = 1024;

/** Gives out packet numbers and skips one at random every so often (STT §5), so that an ACK of what was not received shows. */
export class PacketNumbers {
  readonly #random: Random;
  #next = 0;
  /** The number that will be skipped next, larger than `#next`. */
  #skip: number;
  /** Ring of skipped numbers, ascending from `#head` on; made when the first one is skipped. */
  #skipped: Float64Array | undefined;
  #head = 0;
  #count = 0;
  #settled = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#skip = this.#draw(0);
  }

  /** The number of the next packet; larger than every number given out, and never a skipped one. */
  get next(): number {
    return this.#next;
  }

  /** How many consecutive numbers, `max` at most, begin at `next`. At least 1 unless `max` is 0. */
  run(max: number): number {
    const free = this.#skip - this.#next;
    return max < free ? max : free;
  }

  /** `count` packets (<= `run(count)`) were sealed, from `next` on. */
  take(count: number): void {
    this.#next += count;
    if (this.#next === this.#skip) {
      this.#remember(this.#skip);
      this.#next++;
      this.#skip = this.#draw(this.#next);
    }
  }

  /** Whether `pn` was skipped; forgotten after a while. */
  wasSkipped(pn: number): boolean {
    for (let i = 0; i < this.#count; i++) if (this.#at(i) === pn) return true;
    return false;
  }

  /** Whether ranges of an ACK ([lo, hi] pairs, descending) hold a number that was skipped. */
  acknowledgesSkipped(ranges: Float64Array, rangeCount: number): boolean {
    let range = 0;
    for (let i = this.#count - 1; i >= 0; i--) {
      const pn = this.#at(i);
      while (range < rangeCount && ranges[range * 2]! > pn) range++;
      if (range === rangeCount) return false;
      if (ranges[range * 2 + 1]! >= pn) return true;
    }
    return false;
  }

  /** All packets below `pn` are acknowledged or lost: skipped numbers there may be forgotten in time. */
  settle(pn: number): void {
    this.#settled = pn;
  }

  #at(index: number): number {
    const skipped = this.#skipped!;
    return skipped[(this.#head + index) & (skipped.length - 1)]!;
  }

  #draw(from: number): number {
    return from + SKIP_MIN + (this.#random.u32() % SKIP_SPAN);
  }

  #remember(pn: number): void {
    let skipped = (this.#skipped ??= new Float64Array(REMEMBERED));
    if (this.#count === skipped.length) {
      if (skipped[this.#head]! >= this.#settled && skipped.length < REMEMBERED_MAX) {
        const larger = new Float64Array(skipped.length * 2);
        for (let i = 0; i < this.#count; i++) larger[i] = this.#at(i);
        this.#skipped = skipped = larger;
        this.#head = 0;
      } else {
        this.#head = (this.#head + 1) & (skipped.length - 1);
        this.#count--;
      }
    }
    skipped[(this.#head + this.#count++) & (skipped.length - 1)] = pn;
  }
}
