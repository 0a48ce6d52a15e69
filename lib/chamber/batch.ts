import type { SttDict } from '../wire/serialization.js';
import { idOctets } from './ids.js';
import { RecordKind } from './record.js';
import type { Change } from './sealed-records.js';
import { checkKey, sessionOctets } from './values.js';

/** Copies of values lie together in arrays of that size: a small array of its own for each costs more than copying. */
const ARENA_OCTETS = 65_536;

/** Changes that are written together: after a crash all of them are there or none. Values are checked as they are added. */
export class ChamberBatch {
  readonly #commit: (changes: readonly Change[]) => Promise<void>;
  #changes: Change[] = [];
  #arena = new Uint8Array(0);
  #arenaUsed = 0;

  /** By `Chamber.batch`. */
  constructor(commit: (changes: readonly Change[]) => Promise<void>) {
    this.#commit = commit;
  }

  /** Changes that wait for `write()`. */
  get size(): number {
    return this.#changes.length;
  }

  /** @throws STTChamberError `ERR_STT_CHAMBER_ID`, `ERR_STT_CHAMBER_VALUE` */
  storeKey(id: string, key: Uint8Array): this {
    return this.#add(RecordKind.KEY, id, () => this.#copy(checkKey(id, key)));
  }

  deleteKey(id: string): this {
    return this.#add(RecordKind.KEY, id, () => undefined);
  }

  /** @throws STTChamberError `ERR_STT_CHAMBER_ID`, `ERR_STT_CHAMBER_VALUE` */
  storeSession(id: string, session: SttDict): this {
    return this.#add(RecordKind.SESSION, id, () => sessionOctets(id, session));
  }

  deleteSession(id: string): this {
    return this.#add(RecordKind.SESSION, id, () => undefined);
  }

  /** @internal A record of any kind whose octets are right. */
  storeOctets(kind: RecordKind, id: string, octets: Uint8Array): this {
    return this.#add(kind, id, () => octets);
  }

  /** @internal A dictionary of a node's own. */
  storeRecord(kind: RecordKind, id: string, record: SttDict): this {
    return this.#add(kind, id, () => sessionOctets(id, record));
  }

  /** Writes the changes in the order they were added; then the batch is empty. Resolves when all of them are durable. */
  async write(): Promise<void> {
    const changes = this.#changes;
    this.#changes = [];
    this.#arena = new Uint8Array(0);
    this.#arenaUsed = 0;
    if (changes.length > 0) await this.#commit(changes);
  }

  #copy(octets: Uint8Array): Uint8Array {
    if (octets.length > ARENA_OCTETS / 4) return new Uint8Array(octets);
    if (octets.length > this.#arena.length - this.#arenaUsed) {
      this.#arena = new Uint8Array(ARENA_OCTETS);
      this.#arenaUsed = 0;
    }
    const begin = this.#arenaUsed;
    this.#arenaUsed += octets.length;
    this.#arena.set(octets, begin);
    return this.#arena.subarray(begin, this.#arenaUsed);
  }

  #add(kind: RecordKind, id: string, value: () => Uint8Array | undefined): this {
    idOctets(id);
    this.#changes.push({ kind, id, value: value(), expects: 'any' });
    return this;
  }
}
