import type { EngineSession } from './engine-session.js';
import { IdTable } from './id-table.js';

/** Sessions by slot and by id. Slots that were given up are used again after `settle`, so that rows on their way out keep their meaning. */
export class SessionTable {
  readonly #byId: IdTable;
  readonly #slots: (EngineSession | undefined)[] = [];
  readonly #free: number[] = [];
  /** Slots closed since the last `settle`. */
  readonly #limbo: number[] = [];

  constructor(salt: number) {
    this.#byId = new IdTable(salt);
  }

  /** Sessions that are open. */
  get size(): number {
    return this.#byId.size;
  }

  has(id: Uint8Array): boolean {
    return this.#byId.get(id, 0) >= 0;
  }

  /** The slot of the new session. */
  add(session: EngineSession): number {
    const slot = this.#free.pop() ?? this.#slots.length;
    this.#slots[slot] = session;
    this.#byId.set(session.id, 0, slot);
    return slot;
  }

  remove(slot: number): void {
    const session = this.#slots[slot];
    if (session === undefined) return;
    this.#byId.delete(session.id, 0);
    this.#slots[slot] = undefined;
    this.#limbo.push(slot);
    session.wipe();
  }

  removeAll(): void {
    for (let slot = 0; slot < this.#slots.length; slot++) this.remove(slot);
  }

  /** No row refers to closed sessions any more. */
  settle(): void {
    for (const slot of this.#limbo) this.#free.push(slot);
    this.#limbo.length = 0;
  }

  at(slot: number): EngineSession | undefined {
    return this.#slots[slot];
  }

  /** The slot of the session whose id is at `at`, -1 if there is none. */
  find(bytes: Uint8Array, at: number): number {
    return this.#byId.get(bytes, at);
  }
}
