import { sttError } from '../../node-errors.js';
import {
  PAGE_OCTETS,
  beginsWith,
  compareOctets,
  type ChamberStore,
  type StoreCondition,
  type StoreEntry,
  type StoreOperation,
  type StoreStats,
} from '../store.js';

/** A store for tests: it ends with the process. Several chambers may share one. */
export class MemoryStore implements ChamberStore {
  readonly label = 'memory';
  readonly #records = new Map<string, StoreEntry>();
  /** Entries by name; undefined after a name was added or removed. */
  #ordered: readonly StoreEntry[] | undefined;

  async get(name: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#records.get(keyOf(name))?.record.slice();
  }

  async commit(operations: readonly StoreOperation[], conditions: readonly StoreCondition[] = []): Promise<number> {
    const failed = conditions.findIndex(({ name, begins }) => {
      const record = this.#records.get(keyOf(name))?.record;
      return begins === undefined || record === undefined ? begins !== record : !beginsWith(record, begins);
    });
    if (failed >= 0) return failed;
    for (const { name, record } of operations) {
      if (record === undefined) this.#records.delete(keyOf(name));
      // A Buffer's slice would share its memory.
      else this.#records.set(keyOf(name), { name: Uint8Array.from(name), record: Uint8Array.from(record) });
    }
    this.#ordered = undefined;
    return -1;
  }

  async scan(prefix: Uint8Array, after: Uint8Array | undefined, limit: number): Promise<readonly StoreEntry[]> {
    if (!(limit >= 1)) throw sttError('ERR_STT_CHAMBER_STORE', { where: this.label, why: 'a limit of no records' });
    this.#ordered ??= [...this.#records.values()].sort((a, b) => compareOctets(a.name, b.name));
    const found: StoreEntry[] = [];
    let octets = 0;
    for (const { name, record } of this.#ordered) {
      if (found.length === limit || octets >= PAGE_OCTETS) break;
      if (!beginsWith(name, prefix) || (after !== undefined && compareOctets(name, after) <= 0)) continue;
      octets += record.length;
      found.push({ name: name.slice(), record: record.slice() });
    }
    return found;
  }

  async stats(): Promise<StoreStats> {
    let octets = 0;
    for (const { name, record } of this.#records.values()) octets += name.length + record.length;
    return { entries: this.#records.size, octets };
  }

  async close(): Promise<void> {}
}

function keyOf(name: Uint8Array): string {
  return Buffer.from(name.buffer, name.byteOffset, name.length).toString('latin1');
}
