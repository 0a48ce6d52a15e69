/** Reads given numbers of octets from pieces of any size. */
export class OctetReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #piece: Uint8Array = new Uint8Array(0);
  /** Octets read so far. */
  position = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next octets; fewer at the end. Memory grows with what comes, not with what was asked for. */
  async read(length: number): Promise<Uint8Array> {
    const first = this.#take(length);
    const whole = first.length === length ? first : await this.#more(first, length);
    this.position += whole.length;
    return whole;
  }

  /** Lets go of the source, where it is not at its end. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #more(first: Uint8Array, length: number): Promise<Uint8Array> {
    const parts = [first];
    let sum = first.length;
    while (sum < length) {
      const next = await this.#source.next();
      if (next.done === true) break;
      this.#piece = next.value;
      const part = this.#take(length - sum);
      parts.push(part);
      sum += part.length;
    }
    return parts.length === 2 && first.length === 0 ? parts[1]! : Buffer.concat(parts, sum);
  }

  #take(length: number): Uint8Array {
    const taken = this.#piece.subarray(0, length);
    this.#piece = this.#piece.subarray(taken.length);
    return taken;
  }
}
