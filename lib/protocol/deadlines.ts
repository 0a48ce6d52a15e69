/** Something that wants to be woken at a time. The two fields belong to the heap that holds it. */
export interface Deadline {
  /** Absolute milliseconds; Infinity while it waits for nothing. */
  deadline: number;
  /** Place in the heap, -1 outside. */
  heapIndex: number;
}

/**
 * An indexed binary min-heap: the next of many thousand sessions to wake, each of which moves its deadline with almost
 * every batch.
 */
export class Deadlines<T extends Deadline> {
  readonly #heap: T[] = [];

  /** The earliest deadline, Infinity if there is none. */
  get next(): number {
    return this.#heap.length === 0 ? Infinity : this.#heap[0]!.deadline;
  }

  /** Sets (or, with Infinity, removes) the deadline of an item. */
  set(item: T, deadline: number): void {
    if (deadline === Infinity) {
      this.delete(item);
      return;
    }
    const before = item.deadline;
    item.deadline = deadline;
    if (item.heapIndex < 0) {
      item.heapIndex = this.#heap.length;
      this.#heap.push(item);
      this.#up(item.heapIndex);
    } else if (deadline < before) this.#up(item.heapIndex);
    else if (deadline > before) this.#down(item.heapIndex);
  }

  delete(item: T): void {
    const at = item.heapIndex;
    item.deadline = Infinity;
    if (at < 0) return;
    item.heapIndex = -1;
    const last = this.#heap.pop()!;
    if (last === item) return;
    this.#place(last, at);
    this.#up(at);
    this.#down(last.heapIndex);
  }

  /** Takes out and returns an item whose deadline is not after `now`, or undefined. */
  popDue(now: number): T | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.deadline > now) return undefined;
    this.delete(first);
    return first;
  }

  #place(item: T, at: number): void {
    this.#heap[at] = item;
    item.heapIndex = at;
  }

  #up(from: number): void {
    const heap = this.#heap;
    const item = heap[from]!;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.deadline <= item.deadline) break;
      this.#place(heap[parent]!, at);
      at = parent;
    }
    this.#place(item, at);
  }

  #down(from: number): void {
    const heap = this.#heap;
    const item = heap[from]!;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.deadline < heap[child]!.deadline) child++;
      if (heap[child]!.deadline >= item.deadline) break;
      this.#place(heap[child]!, at);
      at = child;
    }
    this.#place(item, at);
  }
}
