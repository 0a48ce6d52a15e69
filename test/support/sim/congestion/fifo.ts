/** Numbers that leave in the order they came, `width` at a time. */
export class Fifo {
  readonly #width: number;
  #values: Float64Array;
  #head = 0;
  #count = 0;

  constructor(width: number) {
    this.#width = width;
    this.#values = new Float64Array(width * 1024);
  }

  get length(): number {
    return this.#count;
  }

  /** Position of the first group in `values`; valid until the next `push`. */
  get first(): number {
    return this.#head * this.#width;
  }

  get values(): Float64Array {
    return this.#values;
  }

  /** Adds a group, and gives its position, for the caller to fill it. */
  push(): number {
    const capacity = this.#values.length / this.#width;
    if (this.#count === capacity) {
      const larger = new Float64Array(this.#values.length * 2);
      larger.set(this.#values.subarray(this.first));
      larger.set(this.#values.subarray(0, this.first), this.#values.length - this.first);
      this.#values = larger;
      this.#head = 0;
      return this.push();
    }
    return ((this.#head + this.#count++) % capacity) * this.#width;
  }

  shift(): void {
    this.#head = (this.#head + 1) % (this.#values.length / this.#width);
    this.#count--;
  }
}
