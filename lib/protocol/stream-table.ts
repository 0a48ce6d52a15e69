import { RangeSet } from './range-set.js';
import type { Stream } from './stream.js';
import * as StreamLookup from './stream-lookup.js';

/** What an id that came from the peer stands for. */
export * as StreamLookup from './stream-lookup.js';

/** No id above this is a u32 (STT §6). */
const MAX_PER_SIDE = 0x7fffffff;

/**
 * The streams of a session and the limits on their number. Streams are counted from 1 per side: id = 2n - 1 from the
 * initiator, 2n from the responder. An id opens all lower ones of its side too (STT §6); these take no memory but a
 * place in a range set.
 */
export class StreamTable {
  readonly #streams = new Map<number, Stream>();
  readonly #initiator: boolean;
  #ownOpened = 0;
  #ownLimit: number;
  #peerOpened = 0;
  #peerLimit: number;
  readonly #peerWindow: number;
  #peerClosed = 0;
  /** Numbers of the peer's streams that are open by implication only. */
  readonly #implied = new RangeSet();
  readonly #churn: ChurnBudget;

  /** `ownLimit`: streams that this side may open; `peerLimit`: that the peer may have open at once. */
  constructor(initiator: boolean, ownLimit: number, peerLimit: number, churn: ChurnBudget) {
    this.#initiator = initiator;
    this.#ownLimit = ownLimit;
    this.#peerLimit = this.#peerWindow = peerLimit;
    this.#churn = churn;
  }

  get size(): number {
    return this.#streams.size;
  }

  get ownOpened(): number {
    return this.#ownOpened;
  }

  get peerOpened(): number {
    return this.#peerOpened;
  }

  /** Streams that this side may open now. */
  get available(): number {
    return Math.min(this.#ownLimit, MAX_PER_SIDE) - this.#ownOpened;
  }

  /** Cumulative count of streams that the peer may open. */
  get peerLimit(): number {
    return this.#peerLimit;
  }

  get(id: number): Stream | undefined {
    return this.#streams.get(id);
  }

  values(): IterableIterator<Stream> {
    return this.#streams.values();
  }

  isOwn(id: number): boolean {
    return (id & 1) === (this.#initiator ? 1 : 0);
  }

  /** What `id` (not 0) stands for; opens what it implies if it is new. */
  lookup(id: number): StreamLookup.Kind {
    if (this.#streams.has(id)) return StreamLookup.OPEN;
    const number = Math.floor((id + 1) / 2);
    if (this.isOwn(id)) return number > this.#ownOpened ? StreamLookup.UNOPENED : StreamLookup.OVER;
    if (number > this.#peerLimit) return StreamLookup.OVER_LIMIT;
    if (number > this.#peerOpened) {
      this.#implied.add(this.#peerOpened + 1, number);
      this.#peerOpened = number;
      return StreamLookup.NEW;
    }
    return this.#implied.remove(number, number + 1) === 0 ? StreamLookup.OVER : StreamLookup.NEW;
  }

  add(stream: Stream): void {
    this.#streams.set(stream.id, stream);
  }

  /** Id of the next stream of this side, 0 if the peer allows no more. */
  nextOwnId(): number {
    if (this.available <= 0) return 0;
    this.#ownOpened++;
    return this.#initiator ? 2 * this.#ownOpened - 1 : 2 * this.#ownOpened;
  }

  /** The peer allows `count` streams in all. True if that is more than before. */
  raiseOwnLimit(count: number): boolean {
    if (count <= this.#ownLimit) return false;
    this.#ownLimit = count;
    return true;
  }

  /** Both directions of a stream are over and everything about it is acknowledged. */
  remove(stream: Stream, byReset: boolean, now: number): void {
    if (!this.#streams.delete(stream.id) || this.isOwn(stream.id)) return;
    this.#peerClosed++;
    if (byReset) this.#churn.spend(now);
  }

  /** Raises the peer's limit by what was cleaned up. True if that is worth telling. */
  renewPeerLimit(now: number): boolean {
    const due = this.#peerClosed - this.#churn.withheld(now) + this.#peerWindow - this.#peerLimit;
    if (due <= 0 || (due < this.#peerWindow / 8 && this.#peerLimit - this.#peerOpened > this.#peerWindow / 2))
      return false;
    this.#peerLimit = Math.min(MAX_PER_SIDE, this.#peerLimit + due);
    return true;
  }

  clear(): void {
    this.#streams.clear();
  }
}

/**
 * Budget against a peer that opens and resets streams without end: it is cheap for the peer and work for the
 * application. A burst is free; beyond it credit for new streams comes back only at a rate.
 */
export class ChurnBudget {
  readonly #burst: number;
  readonly #perMs: number;
  #owed = 0;
  #since: number;

  constructor(burst: number, perSecond: number, now: number) {
    this.#burst = burst;
    this.#perMs = perSecond / 1000;
    this.#since = now;
  }

  spend(now: number): void {
    this.#decay(now);
    this.#owed++;
  }

  /** Streams whose credit is held back now. */
  withheld(now: number): number {
    this.#decay(now);
    return Math.max(0, Math.ceil(this.#owed - this.#burst));
  }

  /** When the next held-back credit comes free, Infinity if none is held back. */
  get deadline(): number {
    const over = this.#owed - this.#burst;
    // At least a millisecond ahead: a rounding error must not make a deadline that does not pass.
    return over <= 0 ? Infinity : this.#since + Math.max(1, (over - Math.ceil(over) + 1) / this.#perMs);
  }

  #decay(now: number): void {
    this.#owed = Math.max(0, this.#owed - (now - this.#since) * this.#perMs);
    this.#since = now;
  }
}
