import { releaseBlock, takeBlock } from './block-pool.js';
import { RangeSet } from './range-set.js';

/** Takes octets in order. `bytes` is borrowed. */
export interface AssemblerSink {
  onOctets(bytes: Uint8Array, begin: number, end: number): void;
}

/** Octets of a page: those of a small block. */
const PAGE = 4096;

/**
 * Puts the received octets of a stream in order. What comes in order passes straight through; what comes early waits in
 * pages. Since a page lies at a fixed place of the offset space, flow control bounds the memory: at most the window and
 * one page, however sparse the octets. Overlapping octets: those that came first win, and are counted once (STT §6).
 */
export class Assembler {
  #base = 0;
  #waiting: RangeSet | undefined;
  #pages: Map<number, Uint8Array> | undefined;
  #stored = 0;

  /** Octets given out so far; the offset of the next one. */
  get base(): number {
    return this.#base;
  }

  /** Ranges that wait for a gap before them. */
  get gaps(): number {
    return this.#waiting === undefined ? 0 : this.#waiting.count;
  }

  /** Octets that wait. */
  get stored(): number {
    return this.#stored;
  }

  /** Octets `begin..end` of `bytes` came for `offset`. What is in order now goes to the sink. */
  push(offset: number, bytes: Uint8Array, begin: number, end: number, sink: AssemblerSink): void {
    let at = offset;
    if (at < this.#base) {
      begin += this.#base - at;
      at = this.#base;
    }
    while (begin < end) {
      if (at > this.#base) {
        this.#store(at, bytes, begin, end);
        return;
      }
      const limit = this.#waiting === undefined ? Infinity : this.#waiting.lo(0);
      const take = Math.min(end - begin, limit - at);
      this.#base = at += take;
      sink.onOctets(bytes, begin, begin + take);
      begin += take;
      if (this.#waiting === undefined) continue;
      this.#drain(sink);
      // What came first was given out; what is here of the same octets is dropped.
      begin += this.#base - at;
      at = this.#base;
    }
  }

  /** Drops what waits. */
  clear(): void {
    this.#waiting = undefined;
    this.#stored = 0;
    // Not to the pool: this may be called while a page is being given out.
    this.#pages = undefined;
  }

  #store(offset: number, bytes: Uint8Array, begin: number, end: number): void {
    const waiting = (this.#waiting ??= new RangeSet());
    const until = offset + end - begin;
    let at = offset;
    for (let i = waiting.firstEnding(at + 1); at < until; i++) {
      const known = i < waiting.count ? waiting.lo(i) : Infinity;
      if (at < known) this.#copy(at, bytes, begin + at - offset, Math.min(until, known) - at);
      if (known >= until) break;
      at = waiting.hi(i);
    }
    this.#stored += waiting.add(offset, until);
  }

  #copy(at: number, bytes: Uint8Array, begin: number, length: number): void {
    const pages = (this.#pages ??= new Map());
    while (length > 0) {
      const number = Math.floor(at / PAGE);
      const within = at - number * PAGE;
      const take = Math.min(length, PAGE - within);
      let page = pages.get(number);
      if (page === undefined) pages.set(number, (page = takeBlock('small')));
      page.set(bytes.subarray(begin, begin + take), within);
      at += take;
      begin += take;
      length -= take;
    }
  }

  /** Gives out the first waiting range if it is in order. The sink may call `clear`. */
  #drain(sink: AssemblerSink): void {
    const waiting = this.#waiting!;
    if (waiting.lo(0) !== this.#base) return;
    const end = waiting.hi(0);
    this.#stored -= waiting.removeBelow(end);
    const next = waiting.count > 0 ? waiting.lo(0) : Infinity;
    if (waiting.count === 0) this.#waiting = undefined;
    while (this.#base < end) {
      const number = Math.floor(this.#base / PAGE);
      const pageBegin = number * PAGE;
      const begin = this.#base - pageBegin;
      const take = Math.min(PAGE - begin, end - this.#base);
      const page = this.#pages?.get(number);
      if (page === undefined) return;
      const finished = next >= pageBegin + PAGE;
      if (finished) this.#pages!.delete(number);
      this.#base += take;
      sink.onOctets(page, begin, begin + take);
      if (finished) releaseBlock(page);
    }
  }
}
