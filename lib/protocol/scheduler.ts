import { DEFAULT_WEIGHT, type Stream } from './stream.js';
import * as SchedulerPlace from './scheduler-place.js';

/** Octets per round and unit of weight: 16 KiB for the default weight, a dozen packets in one run. */
const QUANTUM = 1024;
/** The lowest weight still gets this part of the highest (STT §6). */
const LOWEST_SHARE = 16;

/** Where a stream is: value of `Stream.place`. */
export * as SchedulerPlace from './scheduler-place.js';

/**
 * Whose turn it is: deficit round robin over the streams that have something to send, by weight. Streams are linked
 * through their own fields, so that nothing is allocated.
 */
export class Scheduler {
  /** Stream in turn. */
  #turn: Stream | undefined;
  #count = 0;
  /** Head of the ring of streams that wait for credit. */
  #blocked: Stream | undefined;
  /** How many ready streams have which weight; only kept once one has another than the default. */
  #weights: Map<number, number> | undefined;
  #highest = DEFAULT_WEIGHT;

  /** Streams in the ring. */
  get count(): number {
    return this.#count;
  }

  get hasBlocked(): boolean {
    return this.#blocked !== undefined;
  }

  /** Puts a stream into the ring, at the end of the round. */
  add(stream: Stream): void {
    if (stream.place === SchedulerPlace.READY) return;
    this.remove(stream);
    stream.place = SchedulerPlace.READY;
    stream.deficit = 0;
    this.#turn = insertBefore(stream, this.#turn);
    this.#count++;
    this.#countWeight(stream.weight, 1);
  }

  remove(stream: Stream): void {
    if (stream.place === SchedulerPlace.READY) {
      this.#turn = unlink(stream, this.#turn);
      this.#count--;
      this.#countWeight(stream.weight, -1);
    } else if (stream.place === SchedulerPlace.BLOCKED) this.#blocked = unlink(stream, this.#blocked);
    stream.place = SchedulerPlace.NONE;
  }

  /** Sets a stream aside until the peer gives credit. */
  block(stream: Stream): void {
    if (stream.place === SchedulerPlace.BLOCKED) return;
    this.remove(stream);
    stream.place = SchedulerPlace.BLOCKED;
    this.#blocked = insertBefore(stream, this.#blocked);
  }

  /** The session has credit again. */
  unblockAll(): void {
    while (this.#blocked !== undefined) this.add(this.#blocked);
  }

  setWeight(stream: Stream, weight: number): void {
    const place = stream.place;
    this.remove(stream);
    stream.weight = weight;
    if (place === SchedulerPlace.READY) this.add(stream);
    else if (place === SchedulerPlace.BLOCKED) this.block(stream);
  }

  /** The stream in turn, undefined if none is ready. */
  next(): Stream | undefined {
    let stream = this.#turn;
    if (stream === undefined || this.#count === 1) return stream;
    while (stream.deficit <= 0) {
      stream = stream.ringNext!;
      stream.deficit += this.#quantum(stream.weight);
    }
    this.#turn = stream;
    return stream;
  }

  /** Octets that the stream in turn may send at once. */
  budget(stream: Stream): number {
    return this.#count === 1 ? Infinity : Math.max(1, stream.deficit);
  }

  /** The stream has sent. */
  charge(stream: Stream, octets: number): void {
    stream.deficit = this.#count === 1 ? 0 : stream.deficit - octets;
  }

  #quantum(weight: number): number {
    return QUANTUM * Math.max(weight, this.#highest / LOWEST_SHARE);
  }

  #countWeight(weight: number, by: number): void {
    let weights = this.#weights;
    if (weights === undefined) {
      if (weight === DEFAULT_WEIGHT) return;
      // Until now all had the default.
      weights = this.#weights = new Map();
      const others = this.#count - by;
      if (others > 0) weights.set(DEFAULT_WEIGHT, others);
    }
    const count = (weights.get(weight) ?? 0) + by;
    if (count > 0) weights.set(weight, count);
    else weights.delete(weight);
    this.#highest = 0;
    for (const known of weights.keys()) if (known > this.#highest) this.#highest = known;
  }
}

/** Links a stream in before `head`; gives the head. */
function insertBefore(stream: Stream, head: Stream | undefined): Stream {
  if (head === undefined) return (stream.ringNext = stream.ringPrevious = stream);
  const last = head.ringPrevious!;
  stream.ringNext = head;
  stream.ringPrevious = last;
  last.ringNext = head.ringPrevious = stream;
  return head;
}

/** Takes a stream out; gives the head, moved on if it was the stream. */
function unlink(stream: Stream, head: Stream | undefined): Stream | undefined {
  const next = stream.ringNext!;
  const previous = stream.ringPrevious!;
  stream.ringNext = stream.ringPrevious = undefined;
  if (next === stream) return undefined;
  previous.ringNext = next;
  next.ringPrevious = previous;
  return head === stream ? next : head;
}
