import { releaseBlock, takeBlock } from './block-pool.js';
import { RangeSet } from './range-set.js';

/**
 * Chunks at least this large are kept by reference; smaller ones are copied, since many small writes must leave as full
 * packets and a copy of 16 KiB costs less than the packets that a seam between chunks would add.
 */
export const REFERENCE_OCTETS = 16_384;

/** Finished chunks at the front of the list that are tolerated before it is moved together. */
const COMPACT_AT = 64;

interface Chunk {
  /** Stream offset of the first octet. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** Octets in use, from the first of `bytes` on; of a block, the rest is still free. */
  length: number;
  /** A block of the pool, owned by the buffer. */
  readonly block: boolean;
}

/**
 * The sending half of a stream: what was written and is not acknowledged, from which lost octets are read again.
 *
 *       released          sent, some of it acknowledged or lost          written
 *   0 ............. base ===================================== next ............... end
 */
export class SendBuffer {
  #chunks: Chunk[] = [];
  #head = 0;
  readonly #acked = new RangeSet();
  #ackedAbove = 0;
  readonly #lost = new RangeSet();
  #base = 0;
  #next = 0;
  #end = 0;
  #finished = false;
  #finSent = false;
  #finLost = false;
  #finAcked = false;

  /** Result of `pick`: the range to be sent next. `pickEnd` with `pickFin` is the end of the stream. */
  pickBegin = 0;
  pickEnd = 0;
  pickFin = false;

  /** Result of `locate`. */
  chunk: Uint8Array = EMPTY;
  chunkBegin = 0;
  chunkEnd = 0;

  /** Octets written and never sent. */
  get unsent(): number {
    return this.#end - this.#next;
  }

  /** Octets sent and not acknowledged. */
  get unacked(): number {
    return this.#next - this.#base - this.#ackedAbove;
  }

  /** Octets sent and kept: from the first one that is not acknowledged. */
  get unreleased(): number {
    return this.#next - this.#base;
  }

  /** Offset after the last octet written. */
  get end(): number {
    return this.#end;
  }

  /** Offset of the first octet never sent. */
  get next(): number {
    return this.#next;
  }

  get finished(): boolean {
    return this.#finished;
  }

  /** Everything written, and the end, is acknowledged. */
  get done(): boolean {
    return this.#finAcked && this.#base === this.#end;
  }

  /** Something waits to be sent again. */
  get hasLost(): boolean {
    return this.#lost.count > 0 || this.#finLost;
  }

  /** Something can be sent, if new octets may go up to offset `creditLimit`. */
  sendable(creditLimit: number): boolean {
    if (this.hasLost) return true;
    if (this.#next < this.#end) return this.#next < creditLimit;
    return this.#finished && !this.#finSent;
  }

  append(bytes: Uint8Array): void {
    const length = bytes.length;
    if (length === 0) return;
    if (length >= REFERENCE_OCTETS) {
      this.#chunks.push({ offset: this.#end, bytes, length, block: false });
      this.#end += length;
      return;
    }
    let at = 0;
    while (at < length) {
      const tail = this.#openBlock();
      const take = Math.min(length - at, tail.bytes.length - tail.length);
      tail.bytes.set(take === length ? bytes : bytes.subarray(at, at + take), tail.length);
      tail.length += take;
      this.#end += take;
      at += take;
    }
  }

  finish(): void {
    this.#finished = true;
  }

  /** Finds what to send next: lost octets first, then new ones below `creditLimit`. False if there is nothing. */
  pick(creditLimit: number): boolean {
    const lost = this.#lost;
    if (lost.count > 0) {
      this.pickBegin = lost.lo(0);
      this.pickEnd = lost.hi(0);
    } else if (this.#next < this.#end && this.#next < creditLimit) {
      this.pickBegin = this.#next;
      this.pickEnd = Math.min(this.#end, creditLimit);
    } else if (this.#finLost || (this.#finished && !this.#finSent && this.#next === this.#end)) {
      this.pickBegin = this.pickEnd = this.#end;
    } else return false;
    this.pickFin = this.#finished && this.pickEnd === this.#end;
    return true;
  }

  /** The oldest sent octets that are not acknowledged, to probe with. False if all are. */
  pickOldest(): boolean {
    if (this.#base < this.#next) {
      // Acknowledged ranges never touch the base.
      this.pickBegin = this.#base;
      this.pickEnd = this.#acked.count === 0 ? this.#next : this.#acked.lo(0);
    } else if (this.#finSent && !this.#finAcked) {
      this.pickBegin = this.pickEnd = this.#end;
    } else return false;
    this.pickFin = this.#finished && this.pickEnd === this.#end;
    return true;
  }

  /** Finds the memory of the octets from `offset` on, as far as they lie together. */
  locate(offset: number): void {
    const chunk = this.#chunks[this.#find(offset)]!;
    this.chunk = chunk.bytes;
    this.chunkBegin = offset - chunk.offset;
    this.chunkEnd = chunk.length;
  }

  /** Copies octets from `offset` on, across chunks. */
  copy(offset: number, length: number, out: Uint8Array, at: number): void {
    let index = this.#find(offset);
    while (length > 0) {
      const chunk = this.#chunks[index++]!;
      const begin = offset - chunk.offset;
      const take = Math.min(length, chunk.length - begin);
      out.set(chunk.bytes.subarray(begin, begin + take), at);
      at += take;
      offset += take;
      length -= take;
    }
  }

  /** [begin, end) went out, with `fin` if STREAM_END did. */
  onSent(begin: number, end: number, fin: boolean): void {
    if (begin < this.#next) this.#lost.remove(begin, end);
    if (end > this.#next) this.#next = end;
    if (fin) {
      this.#finSent = true;
      this.#finLost = false;
    }
  }

  onAcked(begin: number, end: number, fin: boolean): void {
    if (fin) {
      this.#finAcked = true;
      this.#finLost = false;
    }
    if (end <= this.#base || begin === end) return;
    const acked = this.#acked;
    this.#lost.remove(begin, end);
    if (begin > this.#base) {
      this.#ackedAbove += acked.add(begin, end);
      return;
    }
    this.#base = end;
    if (acked.count > 0) {
      this.#ackedAbove -= acked.removeBelow(this.#base);
      if (acked.count > 0 && acked.lo(0) === this.#base) {
        this.#base = acked.hi(0);
        this.#ackedAbove -= acked.removeBelow(this.#base);
      }
    }
    this.#release();
  }

  onLost(begin: number, end: number, fin: boolean): void {
    if (fin && !this.#finAcked) this.#finLost = true;
    begin = Math.max(begin, this.#base);
    if (begin >= end) return;
    const lost = this.#lost;
    const acked = this.#acked;
    lost.add(begin, end);
    for (let i = acked.firstEnding(begin + 1); i < acked.count && acked.lo(i) < end; i++) {
      lost.remove(acked.lo(i), acked.hi(i));
    }
  }

  /** Forgets everything that is not acknowledged; `next` stays, as the final size of a reset. */
  clear(): void {
    this.#end = Math.max(this.#end, this.#next);
    this.#base = this.#end;
    this.#ackedAbove = 0;
    this.#acked.clear();
    this.#lost.clear();
    this.#finLost = false;
    this.#release();
    this.#base = this.#end = this.#next;
  }

  /** The block to fill: the last chunk if it has room, else a new one; a large one once a writer filled one. */
  #openBlock(): Chunk {
    const tail = this.#chunks[this.#chunks.length - 1];
    if (tail !== undefined && tail.block && tail.length < tail.bytes.length) return tail;
    const bytes = takeBlock(tail !== undefined && tail.block ? 'large' : 'small');
    const made: Chunk = { offset: this.#end, bytes, length: 0, block: true };
    this.#chunks.push(made);
    return made;
  }

  /** Index of the chunk that holds `offset`. */
  #find(offset: number): number {
    let low = this.#head;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#chunks[middle]!.offset <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Lets go of the chunks below the base. */
  #release(): void {
    const chunks = this.#chunks;
    let head = this.#head;
    while (head < chunks.length) {
      const chunk = chunks[head]!;
      if (chunk.offset + chunk.length > this.#base) break;
      if (chunk.block) releaseBlock(chunk.bytes);
      chunks[head++] = RELEASED;
    }
    // `locate` must not keep the memory of a chunk alive.
    if (head > this.#head) this.chunk = EMPTY;
    if (head === chunks.length) {
      if (head > 0) this.#chunks = [];
      head = 0;
    } else if (head >= COMPACT_AT && 2 * head >= chunks.length) {
      chunks.splice(0, head);
      head = 0;
    }
    this.#head = head;
  }
}

const EMPTY = new Uint8Array(0);
const RELEASED: Chunk = { offset: 0, bytes: EMPTY, length: 0, block: false };
