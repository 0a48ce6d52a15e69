interface Event {
  readonly at: number;
  readonly order: number;
  run(): void;
}

/** Steps without any progress of time after which a simulation is taken for a loop. */
const MAX_STEPS_AT_ONCE = 100_000;

/** A clock that jumps from event to event. Events of one time run in the order they were made. */
export class VirtualTime {
  #now = 1_000;
  #order = 0;
  #steps = 0;
  readonly #heap: Event[] = [];

  /** Milliseconds. */
  get now(): number {
    return this.#now;
  }

  get pending(): number {
    return this.#heap.length;
  }

  /** Calls `run` at a time, or as soon as possible if that has passed. */
  at(time: number, run: () => void): void {
    const heap = this.#heap;
    const event: Event = { at: Math.max(time, this.#now), order: this.#order++, run };
    let index = heap.push(event) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!earlier(event, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = event;
  }

  after(ms: number, run: () => void): void {
    this.at(this.#now + ms, run);
  }

  /** Runs the next event if it is not after `limit`. */
  step(limit: number): boolean {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.at > limit) return false;
    this.#steps = first.at === this.#now ? this.#steps + 1 : 0;
    if (this.#steps > MAX_STEPS_AT_ONCE) throw new Error(`the simulation does not get past ${this.#now} ms`);
    this.#now = first.at;
    this.#pop();
    first.run();
    return true;
  }

  /** Runs everything up to a time. */
  runUntil(time: number): void {
    while (this.step(time));
    this.#now = Math.max(this.#now, time);
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && earlier(heap[child + 1]!, heap[child]!)) child++;
      if (!earlier(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}

function earlier(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
