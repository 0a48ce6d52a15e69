/** Numbers per record. */
const WORDS = 4;

/** Frames of the packet under construction, noted so that they can be told to loss recovery once it is sealed. */
export class FrameLog {
  /** Frames that are noted per packet at most: a packet of tiny messages ends there. */
  static readonly CAPACITY = 256;

  readonly #records = new Float64Array(FrameLog.CAPACITY * WORDS);
  #count = 0;
  /** The packet asks for an acknowledgement. */
  ackEliciting = false;

  get count(): number {
    return this.#count;
  }

  get full(): boolean {
    // A stream's control frames and a STREAM frame may follow one check.
    return this.#count > FrameLog.CAPACITY - 8;
  }

  clear(): void {
    this.#count = 0;
    this.ackEliciting = false;
  }

  /** Notes a frame: its `SentFrame` kind and what identifies it. */
  add(kind: number, a: number, b: number, c: number): void {
    const at = this.#count++ * WORDS;
    const records = this.#records;
    records[at] = kind;
    records[at + 1] = a;
    records[at + 2] = b;
    records[at + 3] = c;
  }

  kind(index: number): number {
    return this.#records[index * WORDS]!;
  }

  a(index: number): number {
    return this.#records[index * WORDS + 1]!;
  }

  b(index: number): number {
    return this.#records[index * WORDS + 2]!;
  }

  c(index: number): number {
    return this.#records[index * WORDS + 3]!;
  }
}
