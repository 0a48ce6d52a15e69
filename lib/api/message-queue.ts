import { Fifo } from '../protocol/fifo.js';

/**
 * A bounded queue that async iterators read from. When it is full the oldest item goes, since the newest telemetry is
 * worth more than the oldest (STT §6: a full receive queue drops the oldest).
 */
export class MessageQueue<T extends { readonly data: Uint8Array }> {
  readonly #limit: number;
  readonly #items = new Fifo<T>();
  readonly #waiting: ((result: IteratorResult<T, undefined>) => void)[] = [];
  #closed = false;
  /** Items dropped because the queue was full. */
  dropped = 0;

  /** @param limit messages held at most */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get length(): number {
    return this.#items.length;
  }

  push(item: T): void {
    if (this.#closed) return;
    const reader = this.#waiting.shift();
    if (reader !== undefined) {
      reader({ value: item, done: false });
      return;
    }
    if (this.length >= this.#limit) {
      this.#items.shift();
      this.dropped++;
    }
    this.#items.push(item);
  }

  /** Ends every iterator once what is queued was read. */
  close(): void {
    this.#closed = true;
    for (const reader of this.#waiting.splice(0)) reader({ value: undefined, done: true });
  }

  iterate(): AsyncIterableIterator<T> {
    let over = false;
    let pending: ((result: IteratorResult<T, undefined>) => void) | undefined;
    const iterator: AsyncIterableIterator<T> = {
      next: () => {
        if (over) return Promise.resolve({ value: undefined, done: true });
        if (this.length > 0) return Promise.resolve({ value: this.#items.shift()!, done: false });
        if (this.#closed) return Promise.resolve({ value: undefined, done: true });
        return new Promise((resolve) => {
          pending = resolve;
          this.#waiting.push(resolve);
        });
      },
      return: () => {
        over = true;
        if (pending !== undefined) {
          const at = this.#waiting.indexOf(pending);
          if (at >= 0) this.#waiting.splice(at, 1);
          pending({ value: undefined, done: true });
        }
        return Promise.resolve({ value: undefined, done: true });
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }
}
