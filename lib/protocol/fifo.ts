/** Items taken that are still held, before the rest is moved up. */
const SLACK = 64;

/** First in, first out; each in constant time on average. */
export class Fifo<T> {
  #items: T[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** The item that is `index` places behind the oldest. */
  at(index: number): T | undefined {
    return this.#items[this.#head + index];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Takes the oldest one out. */
  shift(): T | undefined {
    const item = this.at(0);
    if (this.length > 0) this.#head++;
    // Half of the array is spent.
    if (this.length === 0 || (this.#head > SLACK && 2 * this.#head > this.#items.length)) this.take(this.rest());
    return item;
  }

  /** What waits, oldest first. */
  rest(): T[] {
    return this.#items.slice(this.#head);
  }

  /** Holds these from now on, and nothing else. */
  take(items: T[]): void {
    this.#items = items;
    this.#head = 0;
  }
}
