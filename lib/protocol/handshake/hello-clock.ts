/**
 * The timestamps of a node's HELLOs: microseconds since the epoch, strictly increasing whatever the wall clock does
 * (STT §4). One for all attempts of a node.
 */
export class HelloClock {
  #last = 0;

  /** The next timestamp, at the given wall-clock time. */
  next(wallClockMicros: number): number {
    this.#last = Math.max(this.#last + 1, Math.floor(wallClockMicros));
    return this.#last;
  }
}
