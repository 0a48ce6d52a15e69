import { SentFlag, type SentFrameObserver } from './sent-frame.js';
import { ALL, REPEATED, SentRecords } from './sent-records.js';

export { SentFrame, type SentFrameObserver } from './sent-frame.js';

// States of a packet number.
const NONE = 0;
const OUTSTANDING = 1;
const ACKED = 2;
/** Outstanding, but what it carries was told lost for a probe to carry it. */
const PROBED = 3;
const LOST = 4;
/** The fate is open, and the record of the slot valid. */
const OPEN_BIT = 1;

/** The ring grows from and shrinks to this: 80 octets in an idle session. */
const MIN_RING = 16;

/**
 * Packets in flight, without an object per packet.
 *
 *   ring, by pn & mask: state (u8) and record (i32); valid from `lowest` to `end`
 *
 *                lowest                                end
 *     ... settled | open acked open skipped ... open open | ...
 */
export class SentPackets {
  readonly #records = new SentRecords();
  #state = new Uint8Array(MIN_RING);
  #recordOf = new Int32Array(MIN_RING);
  #mask = MIN_RING - 1;
  #lowest = 0;
  #end = 0;
  /** Record of the packet added last. */
  #current = 0;

  // Of the packets that `look`, `acknowledge` or `lose` met last.
  time = 0;
  /** All of these packets together; of `look`: that packet. */
  octets = 0;
  /** The largest of them. */
  largest = 0;
  flags = 0;
  path = 0;
  /** The lowest packet number of the unit that was sent at once and holds them. */
  first = 0;
  /** Record of that unit. */
  #shown = 0;
  /** Set when `find` passes acknowledged packets. */
  passedAcked = false;

  /** No packet below is open. */
  get lowest(): number {
    return this.#lowest;
  }

  /** One more than the largest packet number sent. */
  get end(): number {
    return this.#end;
  }

  /** Packets that the ring has room for. */
  get capacity(): number {
    return this.#mask + 1;
  }

  /** `trim` would gain nothing. */
  get isSmall(): boolean {
    return this.#mask + 1 === MIN_RING && this.#records.isSmall;
  }

  add(pn: number, time: number, size: number, flags: number, path: number): void {
    this.#add(pn, 1, time, size, flags, path);
  }

  /** See `LossRecovery.onRunSent`. */
  addRun(
    pn: number,
    count: number,
    time: number,
    size: number,
    lastSize: number,
    flags: number,
    path: number,
    streamId: number,
    offset: number,
    payload: number,
    end: number,
    fin: boolean,
  ): void {
    const at = this.#add(pn, count, time, size, flags, path);
    this.#records.asRun(at, lastSize, streamId, offset, payload, end, fin);
  }

  /** The packet added last, which is no run, carries a frame. */
  addFrame(kind: number, a: number, b: number, c: number): void {
    this.#records.addFrame(this.#current, kind, a, b, c);
  }

  /** Names that unit by a small number. */
  get slot(): number {
    return this.#records.slot(this.#shown);
  }

  /** `slot` of the packet or run added last. */
  get currentSlot(): number {
    return this.#records.slot(this.#current);
  }

  isOpen(pn: number): boolean {
    return pn >= this.#lowest && pn < this.#end && (this.#state[pn & this.#mask]! & OPEN_BIT) !== 0;
  }

  /** The first open packet in `pn .. last`, else a number beyond `last` or from `end` on. */
  find(pn: number, last: number): number {
    if (pn < this.#lowest) pn = this.#lowest;
    if (last >= this.#end) last = this.#end - 1;
    const state = this.#state;
    const mask = this.#mask;
    for (; pn <= last; pn++) {
      const it = state[pn & mask]!;
      if ((it & OPEN_BIT) !== 0) return pn;
      if (it === ACKED) this.passedAcked = true;
    }
    return pn;
  }

  /** Shows the open packet `pn`. Gives the last number of its run. */
  look(pn: number): number {
    const at = this.#recordOf[pn & this.#mask]!;
    this.#show(at, pn, 1);
    return this.#records.last(at);
  }

  /** Acknowledges the open packet `pn` and those open behind it in its run, up to `last`; tells the observer. Gives how many. */
  acknowledge(pn: number, last: number, observer: SentFrameObserver): number {
    const at = this.#recordOf[pn & this.#mask]!;
    const state = this.#state;
    const mask = this.#mask;
    const stop = Math.min(last, this.#records.last(at));
    let next = pn;
    do state[next++ & mask] = ACKED;
    while (next <= stop && (state[next & mask]! & OPEN_BIT) !== 0);
    const count = next - pn;
    this.#show(at, pn, count);
    this.#records.tellAcked(at, pn, count, observer);
    this.#records.release(at, count);
    return count;
  }

  /** Declares the open packet `pn` lost, and those behind it in its run that are in the same state, up to `last`. Gives how many. */
  lose(pn: number, last: number, observer: SentFrameObserver): number {
    const at = this.#recordOf[pn & this.#mask]!;
    const state = this.#state;
    const mask = this.#mask;
    const was = state[pn & mask]!;
    const stop = Math.min(last, this.#records.last(at));
    let next = pn;
    do state[next++ & mask] = LOST;
    while (next <= stop && state[next & mask] === was);
    const count = next - pn;
    this.#show(at, pn, count);
    this.#records.tellLost(at, pn, count, was === PROBED ? ~REPEATED : ALL, observer);
    this.#records.release(at, count);
    return count;
  }

  /** Tells what the oldest `count` ack-eliciting packets carry as lost, so that probes carry it, and leaves the packets open. */
  probe(count: number, observer: SentFrameObserver): void {
    const state = this.#state;
    for (let pn = this.#lowest; count > 0 && pn < this.#end; pn++) {
      const slot = pn & this.#mask;
      if (state[slot] !== OUTSTANDING) continue;
      const at = this.#recordOf[slot]!;
      if ((this.#records.flags(at) & SentFlag.ACK_ELICITING) === 0) continue;
      state[slot] = PROBED;
      this.#records.tellLost(at, pn, 1, REPEATED, observer);
      count--;
    }
  }

  /** Moves `lowest` up to the first open packet. */
  advance(): void {
    const state = this.#state;
    const mask = this.#mask;
    const end = this.#end;
    let pn = this.#lowest;
    while (pn < end && (state[pn & mask]! & OPEN_BIT) === 0) pn++;
    this.#lowest = pn;
  }

  /** Gives memory back, if nothing that counts for congestion control is open. */
  trim(): void {
    while (this.#lowest < this.#end && this.#dropLowest());
    if (this.#records.used > 0) return;
    this.#records.reset();
    this.#state = new Uint8Array(MIN_RING);
    this.#recordOf = new Int32Array(MIN_RING);
    this.#mask = MIN_RING - 1;
  }

  #show(at: number, pn: number, count: number): void {
    const records = this.#records;
    this.time = records.time(at);
    this.flags = records.flags(at);
    this.path = records.path(at);
    this.first = records.first(at);
    this.#shown = at;
    this.octets = records.octets(at, pn, count);
    this.largest = count === 1 ? this.octets : records.size(at);
  }

  /** Forgets the lowest packet if it does not count for congestion control: an ACK of ours that nobody may ever acknowledge. */
  #dropLowest(): boolean {
    const slot = this.#lowest & this.#mask;
    if ((this.#state[slot]! & OPEN_BIT) !== 0) {
      const at = this.#recordOf[slot]!;
      if ((this.#records.flags(at) & SentFlag.IN_FLIGHT) !== 0) return false;
      this.#state[slot] = NONE;
      this.#records.release(at, 1);
    }
    this.#lowest++;
    return true;
  }

  #add(pn: number, count: number, time: number, size: number, flags: number, path: number): number {
    const end = pn + count;
    this.#makeRoom(pn, end);
    const at = this.#records.make(pn, count, time, size, flags, path);
    const state = this.#state;
    const recordOf = this.#recordOf;
    const mask = this.#mask;
    for (let skipped = Math.max(this.#end, this.#lowest); skipped < pn; skipped++) state[skipped & mask] = NONE;
    for (; pn < end; pn++) {
      state[pn & mask] = OUTSTANDING;
      recordOf[pn & mask] = at;
    }
    this.#end = end;
    this.#current = at;
    return at;
  }

  #makeRoom(pn: number, end: number): void {
    while (end - this.#lowest > this.#mask + 1) {
      if (this.#lowest < this.#end) {
        if (!this.#dropLowest()) this.#grow(end - this.#lowest);
      } else if (this.#lowest < pn) this.#lowest = pn;
      else this.#grow(end - pn);
    }
  }

  #grow(span: number): void {
    let capacity = this.#mask + 1;
    while (capacity < span) capacity *= 2;
    const state = new Uint8Array(capacity);
    const recordOf = new Int32Array(capacity);
    for (let pn = this.#lowest; pn < this.#end; pn++) {
      state[pn & (capacity - 1)] = this.#state[pn & this.#mask]!;
      recordOf[pn & (capacity - 1)] = this.#recordOf[pn & this.#mask]!;
    }
    this.#state = state;
    this.#recordOf = recordOf;
    this.#mask = capacity - 1;
  }
}
