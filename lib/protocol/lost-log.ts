/** Lost packets that are remembered: more in one round trip were hardly all lost in appearance only. */
const CAPACITY = 128;

/** Remembers the packets lost last, to notice the ACK of one that was merely late. Takes no memory before the first loss. */
export class LostLog {
  #pns: Float64Array | undefined;
  /** Packets added so far: the last CAPACITY of them are in the ring. */
  #added = 0;
  /** `#added` when the last congestion event came. */
  #eventAt = 0;
  /** Packets lost since then that no ACK has come for, -1 if the event is not to be taken back. */
  #open = -1;

  /** Packets `pn .. pn + count - 1` are lost. */
  add(pn: number, count: number): void {
    const pns = (this.#pns ??= new Float64Array(CAPACITY));
    for (let i = Math.max(0, count - CAPACITY); i < count; i++) pns[(this.#added + i) & (CAPACITY - 1)] = pn + i;
    this.#added += count;
    if (this.#open >= 0) this.#open += count;
  }

  /** A congestion event, for the `count` packets added last. */
  beginEvent(count: number): void {
    this.#eventAt = this.#added - count;
    this.#open = count;
  }

  /** The congestion event has other reasons too. */
  confirmEvent(): void {
    this.#open = -1;
  }

  /** All losses of the congestion event were refuted. True once. */
  takeRefuted(): boolean {
    if (this.#open !== 0) return false;
    this.#open = -1;
    return true;
  }

  /** Forgets those that an ACK holds ([lo, hi] pairs, descending). Gives how many. */
  refute(ranges: Float64Array, rangeCount: number): number {
    const pns = this.#pns;
    if (pns === undefined) return 0;
    let range = 0;
    let found = 0;
    const oldest = Math.max(0, this.#added - CAPACITY);
    for (let i = this.#added - 1; i >= oldest; i--) {
      const pn = pns[i & (CAPACITY - 1)]!;
      if (pn < 0) continue;
      while (range < rangeCount && ranges[range * 2]! > pn) range++;
      if (range === rangeCount) break;
      if (ranges[range * 2 + 1]! < pn) continue;
      pns[i & (CAPACITY - 1)] = -1;
      found++;
      if (i >= this.#eventAt && this.#open > 0) this.#open--;
    }
    return found;
  }

  /** Gives memory back. */
  clear(): void {
    this.#pns = undefined;
    this.#added = this.#eventAt = 0;
    this.#open = -1;
  }
}
