import type { Ranges } from './sending.js';

/** Ranges that are told again and again. A peer that skips numbers makes a new one every few hundred packets. */
const MAX_RANGES = 16;

/** What was received where packets come in ascending order: the newest range grows, or a new one follows. */
export class OrderedRanges implements Ranges {
  readonly pairs = new Float64Array(2 * MAX_RANGES);
  count = 0;
  // TCP has congestion control of its own.
  readonly hasEcn = false;
  readonly ect0 = 0;
  readonly ect1 = 0;
  readonly ce = 0;

  add(first: number, last: number): boolean {
    const { pairs } = this;
    if (this.count === 0 || first !== pairs[1]! + 1) {
      pairs.copyWithin(2, 0);
      pairs[0] = first;
      this.count = Math.min(this.count + 1, MAX_RANGES);
    }
    pairs[1] = last;
    return false;
  }

  /** There are few. */
  forget(): void {}
}
