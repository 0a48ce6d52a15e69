/**
 * Disjoint, non-touching ranges [lo, hi) of octets, ascending, in one typed array that grows. Nothing is allocated
 * while the set is empty, since most streams of most sessions never see a gap.
 */
export class RangeSet {
  /** lo, hi, lo, hi, ... */
  #bounds: Float64Array | undefined;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  lo(index: number): number {
    return this.#bounds![2 * index]!;
  }

  hi(index: number): number {
    return this.#bounds![2 * index + 1]!;
  }

  /** Octets in all ranges. */
  get size(): number {
    let sum = 0;
    for (let i = 0; i < this.#count; i++) sum += this.hi(i) - this.lo(i);
    return sum;
  }

  /** Index of the first range whose end is at or after `at`, `count` if there is none. */
  firstEnding(at: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.hi(middle) < at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Adds [lo, hi), joining what it touches. Gives the octets that were not in the set before. */
  add(lo: number, hi: number): number {
    if (lo >= hi) return 0;
    const first = this.firstEnding(lo);
    let last = first;
    let known = 0;
    for (; last < this.#count && this.lo(last) <= hi; last++) known += this.hi(last) - this.lo(last);
    if (last > first) {
      lo = Math.min(lo, this.lo(first));
      hi = Math.max(hi, this.hi(last - 1));
    }
    this.#splice(first, last - first, 1);
    this.#set(first, lo, hi);
    return hi - lo - known;
  }

  /** Takes [lo, hi) out. Gives the octets that were in the set. */
  remove(lo: number, hi: number): number {
    if (lo >= hi || this.#count === 0) return 0;
    const first = this.firstEnding(lo + 1);
    let last = first;
    let removed = 0;
    for (; last < this.#count && this.lo(last) < hi; last++) {
      removed += Math.min(hi, this.hi(last)) - Math.max(lo, this.lo(last));
    }
    if (last === first) return 0;
    const left = this.lo(first);
    const right = this.hi(last - 1);
    const keepLeft = left < lo;
    const keepRight = right > hi;
    this.#splice(first, last - first, (keepLeft ? 1 : 0) + (keepRight ? 1 : 0));
    if (keepLeft) this.#set(first, left, lo);
    if (keepRight) this.#set(first + (keepLeft ? 1 : 0), hi, right);
    return removed;
  }

  /** Takes everything below `at` out; gives the octets that were in the set. */
  removeBelow(at: number): number {
    return this.#count > 0 && this.lo(0) < at ? this.remove(this.lo(0), at) : 0;
  }

  clear(): void {
    this.#bounds = undefined;
    this.#count = 0;
  }

  #set(index: number, lo: number, hi: number): void {
    this.#bounds![2 * index] = lo;
    this.#bounds![2 * index + 1] = hi;
  }

  /** Makes `removed` ranges from `index` on into `inserted` places. */
  #splice(index: number, removed: number, inserted: number): void {
    const count = this.#count + inserted - removed;
    if (count === 0) {
      this.clear();
      return;
    }
    if (this.#bounds === undefined) this.#bounds = new Float64Array(8);
    if (2 * count > this.#bounds.length) {
      const grown = new Float64Array(Math.max(2 * this.#bounds.length, 2 * count));
      grown.set(this.#bounds);
      this.#bounds = grown;
    }
    if (inserted !== removed) {
      this.#bounds.copyWithin(2 * (index + inserted), 2 * (index + removed), 2 * this.#count);
    }
    this.#count = count;
  }
}
