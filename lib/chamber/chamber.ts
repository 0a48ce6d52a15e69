import { NODE_ID_OCTETS } from '../constants.js';
import { sttError } from '../node-errors.js';
import { checkOptionNames, integerOption } from '../options.js';
import type { STCWrapper } from '../stc/stc-wrapper.js';
import { deserializeStt, type SttDict } from '../wire/serialization.js';
import { ChamberBatch } from './batch.js';
import { idOctets } from './ids.js';
import type { KeyHolder } from './meta.js';
import { openMeta } from './opening.js';
import { RecordKind, recordLabel } from './record.js';
import { SealedRecords, conflict, type Change, type Expectation } from './sealed-records.js';
import type { ChamberStore, StoreStats } from './store.js';
import { LmdbStore } from './stores/lmdb.js';
import { verifyRecords, type VerifyReport } from './verify.js';
import { checkKey, sessionOctets } from './values.js';

/** How often `updateKey` and `updateSession` try again when others write the same record. */
const MAX_TRIES = 64;
const DEFAULT_MAX_SORTED = 100_000;

export interface ChamberOptions {
  /** Directory of the embedded store; made if it is missing. */
  readonly path?: string;
  /** A store of another kind, instead of `path`. It stays open when the chamber is closed. */
  readonly store?: ChamberStore;
  /** Whose chamber it is: 32 octets. Nobody with another id opens it, whatever the seed. */
  readonly nodeId: Uint8Array;
  /** Made of the node's own seed: all keys of the chamber follow from it. */
  readonly stc: STCWrapper;
  /** Makes a chamber where there is none. Default true. */
  readonly create?: boolean;
  /** Never writes. Default false. */
  readonly readOnly?: boolean;
}

export interface ListOptions {
  /** By id, in the order of UTF-16 units, instead of the order of the store. All ids are held in memory. Default false. */
  readonly sorted?: boolean;
  /** Most ids that `sorted` may hold, 1 to 10,000,000. Default 100,000; more reject with `ERR_STT_OPTION_RANGE`. */
  readonly maxSorted?: number;
  /** Called for each record whose id cannot be read. Without it the iterator rejects with the first of them, at its end. */
  readonly onDamaged?: (error: Error) => void;
}

/** A snapshot of a chamber. Counters run since it was opened. */
export interface ChamberStats {
  readonly reads: number;
  /** Records written or deleted, and the commits they were in. */
  readonly writes: number;
  readonly commits: number;
  /** Seals that did not open. */
  readonly damaged: number;
  readonly store: StoreStats;
}

/**
 * Encrypted key-value storage for a node's keys and session records, safe against crashes (docs/chamber.md).
 *
 * ```js
 * const chamber = await Chamber.open({ path: 'chamber', nodeId: node.nodeId, stc: new STCWrapper(nodeSeed) });
 * await chamber.storeKey('backup', key);
 * ```
 *
 * Every method may reject with `ERR_STT_CHAMBER_STORE` if the store fails, `ERR_STT_CHAMBER_CLOSED` after `close()`,
 * `ERR_STT_CHAMBER_RESEALED` if a reseal began since `open()`, and `ERR_STT_CHAMBER_ID` for an id that is no string, is
 * empty or longer than 16,384 octets.
 */
export class Chamber {
  readonly #records: SealedRecords;
  readonly #ownStore: ChamberStore | undefined;
  readonly #readOnly: boolean;
  #closing: Promise<void> | undefined;
  #reads = 0;
  #writes = 0;
  #commits = 0;
  #damaged = 0;

  private constructor(records: SealedRecords, ownStore: ChamberStore | undefined, readOnly: boolean) {
    this.#records = records;
    this.#ownStore = ownStore;
    this.#readOnly = readOnly;
  }

  /**
   * Opens the chamber in a directory or store, or makes it.
   * Rejects with `ERR_STT_CHAMBER_FOREIGN` for another seed or node id, `ERR_STT_CHAMBER_FORMAT` for what is no chamber,
   * `ERR_STT_CHAMBER_VERSION` for one of a newer version, `ERR_STT_CHAMBER_RESEALED` for one whose reseal is unfinished,
   * `ERR_STT_UNKNOWN_OPTION`, `ERR_STT_OPTION_RANGE`.
   */
  static async open(options: ChamberOptions): Promise<Chamber> {
    checkOptionNames(options, ['path', 'store', 'nodeId', 'stc', 'create', 'readOnly']);
    const { path, store, create = true, readOnly = false } = options;
    const holder = keyHolder(options);
    if ((path === undefined) === (store === undefined)) {
      throw sttError('ERR_STT_OPTION_RANGE', {
        name: 'path',
        value: String(path),
        expected: 'either `path` or `store`',
      });
    }
    const ownStore = path === undefined ? undefined : await LmdbStore.open(path, { create, readOnly });
    try {
      const opened = (store ?? ownStore)!;
      const meta = await openMeta(opened, holder, { create, readOnly });
      if (meta.isResealing) throw sttError('ERR_STT_CHAMBER_RESEALED', { where: opened.label });
      return new Chamber(new SealedRecords(opened, holder, meta), ownStore, readOnly);
    } catch (error) {
      await ownStore?.close();
      throw error;
    }
  }

  /**
   * Stores a secret of at most 16 MiB under an id. Resolves when it is durable.
   * Rejects with `ERR_STT_CHAMBER_VALUE`, `ERR_STT_CHAMBER_FULL`.
   */
  storeKey(id: string, key: Uint8Array): Promise<void> {
    return this.#change(RecordKind.KEY, id, () => checkKey(id, key));
  }

  /** The secret under an id; undefined if there is none. Rejects with `ERR_STT_CHAMBER_DAMAGED`, naming the id. */
  async retrieveKey(id: string): Promise<Uint8Array | undefined> {
    return this.#value(RecordKind.KEY, id);
  }

  /** Deletes a secret. Resolves to true if there was one. */
  deleteKey(id: string): Promise<boolean> {
    return this.#delete(RecordKind.KEY, id);
  }

  /** Ids of all secrets, each once, in a stable order. */
  listKeys(options: ListOptions = {}): AsyncGenerator<string, void, undefined> {
    return this.#list(RecordKind.KEY, options);
  }

  /**
   * Stores a dictionary of what `serializeStt` takes, at most 16 MiB of it, under an id. Resolves when it is durable.
   * Rejects with `ERR_STT_CHAMBER_VALUE` (its `cause` says what cannot be serialized), `ERR_STT_CHAMBER_FULL`.
   */
  storeSession(id: string, session: SttDict): Promise<void> {
    return this.#change(RecordKind.SESSION, id, () => sessionOctets(id, session));
  }

  /** The dictionary under an id; undefined if there is none. Rejects with `ERR_STT_CHAMBER_DAMAGED`, naming the id. */
  async retrieveSession(id: string): Promise<SttDict | undefined> {
    return this.#dict(RecordKind.SESSION, id);
  }

  /** Deletes a dictionary. Resolves to true if there was one. */
  deleteSession(id: string): Promise<boolean> {
    return this.#delete(RecordKind.SESSION, id);
  }

  /** Ids of all dictionaries, each once, in a stable order. */
  listSessions(options: ListOptions = {}): AsyncGenerator<string, void, undefined> {
    return this.#list(RecordKind.SESSION, options);
  }

  /**
   * Replaces a secret by what `change` makes of it, undefined deleting it, so that no write of another process in
   * between is lost: `change` is called again then. Resolves to what is stored. Rejects with
   * `ERR_STT_CHAMBER_CONFLICT` after 64 tries, and as `storeKey` does.
   */
  updateKey(
    id: string,
    change: (key: Uint8Array | undefined) => Uint8Array | undefined,
  ): Promise<Uint8Array | undefined> {
    return this.#update(RecordKind.KEY, id, (octets) => {
      const next = change(octets);
      return next === undefined ? undefined : checkKey(id, next);
    });
  }

  /** As `updateKey`, for a dictionary. */
  updateSession(
    id: string,
    change: (session: SttDict | undefined) => SttDict | undefined,
  ): Promise<SttDict | undefined> {
    return this.updateRecord(RecordKind.SESSION, id, change);
  }

  /** Whose chamber it is: 32 octets. */
  get nodeId(): Uint8Array {
    return this.#records.nodeId.slice();
  }

  /** Changes to be written together, all or none. */
  batch(): ChamberBatch {
    return new ChamberBatch((changes) => this.#commit(changes));
  }

  /** Reads every record and reports those that are damaged. */
  verify(onDamaged: (error: Error) => void = () => {}): Promise<VerifyReport> {
    this.#requireOpen();
    return verifyRecords(this.#records, onDamaged);
  }

  async getStats(): Promise<ChamberStats> {
    this.#requireOpen();
    return {
      reads: this.#reads,
      writes: this.#writes,
      commits: this.#commits,
      damaged: this.#damaged,
      store: await this.#records.store.stats(),
    };
  }

  /** Resolves when all that was asked for is done and the store that `path` named is closed. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#ownStore?.close() ?? Promise.resolve();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @internal A dictionary of a node's own. */
  storeRecord(kind: RecordKind, id: string, record: SttDict): Promise<void> {
    return this.#change(kind, id, () => sessionOctets(id, record));
  }

  /** @internal The octets of a record of any kind. */
  retrieveOctets(kind: RecordKind, id: string): Promise<Uint8Array | undefined> {
    return this.#value(kind, id);
  }

  /** @internal */
  retrieveRecord(kind: RecordKind, id: string): Promise<SttDict | undefined> {
    return this.#dict(kind, id);
  }

  /** @internal */
  async updateRecord(
    kind: RecordKind,
    id: string,
    change: (record: SttDict | undefined) => SttDict | undefined,
  ): Promise<SttDict | undefined> {
    let stored: SttDict | undefined;
    await this.#update(kind, id, (octets) => {
      stored = change(octets && this.#parse(kind, id, octets));
      return stored === undefined ? undefined : sessionOctets(id, stored);
    });
    return stored;
  }

  /** @internal */
  deleteRecord(kind: RecordKind, id: string): Promise<boolean> {
    return this.#delete(kind, id);
  }

  /** @internal */
  listRecords(kind: RecordKind, options: ListOptions = {}): AsyncGenerator<string, void, undefined> {
    return this.#list(kind, options);
  }

  async #change(kind: RecordKind, id: string, value: () => Uint8Array): Promise<void> {
    idOctets(id);
    await this.#commit([{ kind, id, value: value(), expects: 'any' }]);
  }

  async #delete(kind: RecordKind, id: string): Promise<boolean> {
    return (await this.#tryCommit([{ kind, id, value: undefined, expects: 'present' }])) === undefined;
  }

  async #update(
    kind: RecordKind,
    id: string,
    change: (octets: Uint8Array | undefined) => Uint8Array | undefined,
  ): Promise<Uint8Array | undefined> {
    let failed: Change | undefined;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const present = await this.#get(kind, id);
      const value = change(present?.value);
      const expects: Expectation = present?.revision ?? 'absent';
      failed = await this.#tryCommit([{ kind, id, value, expects }]);
      if (failed === undefined) return value;
    }
    throw conflict(failed!);
  }

  async #commit(changes: readonly Change[]): Promise<void> {
    const failed = await this.#tryCommit(changes);
    if (failed !== undefined) throw conflict(failed);
  }

  async #tryCommit(changes: readonly Change[]): Promise<Change | undefined> {
    this.#requireOpen();
    if (this.#readOnly) {
      throw sttError('ERR_STT_CHAMBER_STORE', { where: this.#records.store.label, why: 'it was opened for reading' });
    }
    const failed = await this.#records.commit(changes);
    if (failed === undefined) {
      this.#writes += changes.length;
      this.#commits++;
    }
    return failed;
  }

  async #get(kind: RecordKind, id: string): Promise<{ value: Uint8Array; revision: Uint8Array } | undefined> {
    this.#requireOpen();
    this.#reads++;
    try {
      return await this.#records.get(kind, id);
    } catch (error) {
      this.#countDamage(error);
      throw error;
    }
  }

  async #value(kind: RecordKind, id: string): Promise<Uint8Array | undefined> {
    return (await this.#get(kind, id))?.value;
  }

  async #dict(kind: RecordKind, id: string): Promise<SttDict | undefined> {
    const octets = await this.#value(kind, id);
    return octets && this.#parse(kind, id, octets);
  }

  #parse(kind: RecordKind, id: string, octets: Uint8Array): SttDict {
    try {
      return deserializeStt(octets) as SttDict;
    } catch (cause) {
      this.#damaged++;
      throw sttError('ERR_STT_CHAMBER_DAMAGED', { record: recordLabel(kind, idOctets(id)) }, { cause });
    }
  }

  async *#list(kind: RecordKind, options: ListOptions): AsyncGenerator<string, void, undefined> {
    checkOptionNames(options, ['sorted', 'maxSorted', 'onDamaged']);
    const maxSorted = integerOption('maxSorted', options.maxSorted, DEFAULT_MAX_SORTED, 1, 10_000_000);
    this.#requireOpen();
    const sorted: string[] = [];
    let firstError: Error | undefined;
    for await (const listed of this.#records.list(kind)) {
      if ('error' in listed) {
        this.#countDamage(listed.error);
        if (options.onDamaged === undefined) firstError ??= listed.error;
        else options.onDamaged(listed.error);
      } else if (options.sorted !== true) {
        yield listed.id;
      } else if (sorted.push(listed.id) > maxSorted) {
        throw sttError('ERR_STT_OPTION_RANGE', {
          name: 'maxSorted',
          value: maxSorted,
          expected: 'a number not below that of the records',
        });
      }
      this.#requireOpen();
    }
    yield* sorted.sort();
    if (firstError !== undefined) throw firstError;
  }

  #countDamage(error: unknown): void {
    const { code } = error as { code?: string };
    if (code === 'ERR_STT_CHAMBER_DAMAGED' || code === 'ERR_STT_CHAMBER_VERSION') this.#damaged++;
  }

  #requireOpen(): void {
    if (this.#closing !== undefined) throw sttError('ERR_STT_CHAMBER_CLOSED');
  }
}

/**
 * Seed and node id of an option object, checked.
 * @throws STTConfigError `ERR_STT_OPTION_RANGE`
 */
export function keyHolder({ stc, nodeId }: { readonly stc: unknown; readonly nodeId: unknown }): KeyHolder {
  if (!(nodeId instanceof Uint8Array) || nodeId.length !== NODE_ID_OCTETS) {
    const value = nodeId instanceof Uint8Array ? `${nodeId.length} octets long` : typeof nodeId;
    throw sttError('ERR_STT_OPTION_RANGE', {
      name: 'nodeId',
      value,
      expected: `a Uint8Array of ${NODE_ID_OCTETS} octets`,
    });
  }
  if (typeof (stc as STCWrapper | undefined)?.deriveSessionKey !== 'function') {
    throw sttError('ERR_STT_OPTION_RANGE', { name: 'stc', value: typeof stc, expected: 'an STCWrapper' });
  }
  return { stc: stc as STCWrapper, nodeId: Uint8Array.from(nodeId) };
}
