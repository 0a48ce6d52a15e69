import type { Ranges } from './sending.js';

/** Ranges that are kept at most (STT §7); the oldest go first. */
const MAX_RANGES = 64;
/** Packets behind a missing one by which the sender knows that it is lost (RFC 9002 §6.1.1). */
const PACKET_THRESHOLD = 3;
/** Congestion Experienced, of the two ECN bits. */
const CE = 3;

/**
 * Which packets were received, in whatever order.
 *
 *   pairs   [ lo, hi | lo, hi | ... ]   descending: the first pair grows at `hi` while packets arrive in order
 */
export class ReceivedRanges implements Ranges {
  #pairs = new Float64Array(8);
  #count = 0;
  ect0 = 0;
  ect1 = 0;
  ce = 0;
  /** The packet, or any after it, by which the sender can tell that those in the last gap are lost. */
  #proof = Infinity;

  get pairs(): Float64Array {
    return this.#pairs;
  }

  get count(): number {
    return this.#count;
  }

  add(first: number, last: number, ecn: number): boolean {
    if (ecn !== 0) this.#countMarks(last - first + 1, ecn);
    const next = this.#count > 0 ? this.#pairs[1]! + 1 : 0;
    if (first > next) this.#proof = first - 1 + PACKET_THRESHOLD;
    const isProof = last >= this.#proof;
    if (isProof) this.#proof = Infinity;
    if (first === next && this.#count > 0) this.#pairs[1] = last;
    else this.#insert(first, last);
    return first !== next || isProof || ecn === CE;
  }

  get hasEcn(): boolean {
    return this.ect0 + this.ect1 + this.ce > 0;
  }

  forget(largest: number): void {
    const ranges = this.#pairs;
    let count = this.#count;
    while (count > 1 && ranges[count * 2 - 1]! <= largest) count--;
    this.#count = count;
    // The largest number itself stays, for every ACK to begin with.
    if (count > 0 && ranges[count * 2 - 2]! <= largest) {
      ranges[count * 2 - 2] = Math.min(largest + 1, ranges[count * 2 - 1]!);
    }
  }

  #countMarks(count: number, ecn: number): void {
    if (ecn === CE) this.ce += count;
    else if (ecn === 2) this.ect0 += count;
    else this.ect1 += count;
  }

  #insert(first: number, last: number): void {
    let ranges = this.#pairs;
    let count = this.#count;
    let at = 0;
    while (at < count && ranges[at * 2]! > last + 1) at++;
    if (at < count && ranges[at * 2 + 1]! >= first - 1) {
      // It touches the range at `at`, and perhaps closes the gap to those below.
      if (last > ranges[at * 2 + 1]!) ranges[at * 2 + 1] = last;
      if (first < ranges[at * 2]!) ranges[at * 2] = first;
      let below = at + 1;
      while (below < count && ranges[below * 2 + 1]! >= ranges[at * 2]! - 1) {
        ranges[at * 2] = Math.min(ranges[at * 2]!, ranges[below * 2]!);
        below++;
      }
      if (below > at + 1) {
        ranges.copyWithin((at + 1) * 2, below * 2, count * 2);
        this.#count = count - (below - at - 1);
      }
      return;
    }
    if (at === MAX_RANGES) return;
    if (count === MAX_RANGES) count--;
    if ((count + 1) * 2 > ranges.length) {
      const larger = new Float64Array(ranges.length * 2);
      larger.set(ranges);
      this.#pairs = ranges = larger;
    }
    ranges.copyWithin((at + 1) * 2, at * 2, count * 2);
    ranges[at * 2] = first;
    ranges[at * 2 + 1] = last;
    this.#count = count + 1;
  }
}
