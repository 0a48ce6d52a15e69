import { sttError } from '../node-errors.js';
import { idOctets, shownId } from './ids.js';
import { META_NAMES, type KeyHolder, type Meta } from './meta.js';
import { MAX_VALUE_OCTETS, RecordCodec, recordLabel, revisionOf, type RecordKind } from './record.js';
import type { ChamberStore, StoreCondition, StoreOperation } from './store.js';

/** Records read at once while listing. */
const PAGE = 256;
const ANY = new Uint8Array(0);

/** What a change expects: 'any' record or none, 'present', 'absent', or the very revision that was read. */
export type Expectation = 'any' | 'present' | 'absent' | Uint8Array;

/** One change of a commit; a value of undefined deletes. */
export interface Change {
  readonly kind: RecordKind;
  readonly id: string;
  readonly value: Uint8Array | undefined;
  readonly expects: Expectation;
}

/** A value and the revision it is of. */
export interface Opened {
  readonly value: Uint8Array;
  readonly revision: Uint8Array;
}

/** A record met while listing: with its id, or with the error that says why there is none. */
export type Listed =
  | { readonly id: string; readonly octets: Uint8Array; readonly name: Uint8Array; readonly record: Uint8Array }
  | { readonly error: Error };

/** The records of a chamber: octets by kind and id, sealed in a store. */
export class SealedRecords {
  readonly store: ChamberStore;
  readonly codec: RecordCodec;
  readonly nodeId: Uint8Array;
  readonly #meta: Meta;

  constructor(store: ChamberStore, holder: KeyHolder, meta: Meta) {
    this.store = store;
    this.nodeId = holder.nodeId;
    this.#meta = meta;
    const { chamberId, epoch } = meta;
    this.codec = new RecordCodec({ ...holder, chamberId, epoch });
  }

  async get(kind: RecordKind, id: string): Promise<Opened | undefined> {
    const octets = idOctets(id);
    const record = await this.store.get(this.codec.name(kind, octets));
    if (record === undefined) {
      // Where a reseal has begun it may have moved, which is not the same as being absent.
      await this.checkMeta();
      return undefined;
    }
    return { value: this.codec.openValue(kind, octets, record), revision: revisionOf(record) };
  }

  /**
   * Does all changes at once or none. The first change whose expectation did not hold, undefined if all was done.
   * @throws STTChamberError `ERR_STT_CHAMBER_ID`, `ERR_STT_CHAMBER_VALUE`, `ERR_STT_CHAMBER_RESEALED`, and the store's
   */
  async commit(changes: readonly Change[]): Promise<Change | undefined> {
    const operations: StoreOperation[] = [];
    const conditions: StoreCondition[] = [this.#unchanged()];
    const expecting: Change[] = [];
    for (const change of changes) {
      const { kind, id, value, expects } = change;
      const octets = idOctets(id);
      const name = this.codec.name(kind, octets);
      operations.push({
        name,
        record: value && this.codec.seal(kind, name, octets, checkedValue(kind, octets, value)),
      });
      if (expects === 'any') continue;
      conditions.push({ name, begins: expects === 'absent' ? undefined : expects === 'present' ? ANY : expects });
      expecting.push(change);
    }
    const failed = await this.store.commit(operations, conditions);
    if (failed === 0) throw this.#resealed();
    return failed < 0 ? undefined : expecting[failed - 1];
  }

  /** All records of a kind, in an order that does not change while the chamber has the same seed. */
  async *list(kind: RecordKind): AsyncGenerator<Listed, void, undefined> {
    const prefix = this.codec.prefix(kind);
    for (let after: Uint8Array | undefined; ;) {
      const entries = await this.store.scan(prefix, after, PAGE);
      // After the page: what a reseal took away before would be missing in it.
      await this.checkMeta();
      for (const { name, record } of entries) yield this.#listed(kind, name, record);
      after = entries.at(-1)?.name;
      if (after === undefined) return;
    }
  }

  /** @throws STTChamberError `ERR_STT_CHAMBER_RESEALED` if a reseal began since the chamber was opened */
  async checkMeta(): Promise<void> {
    const octets = await this.store.get(META_NAMES[0]);
    // A first copy that rotted away is for `verify` to find: the second still tells.
    if (octets !== undefined && sameMeta(octets, this.#meta.octets)) return;
    const second = await this.store.get(META_NAMES[1]);
    if (second === undefined || !sameMeta(second, this.#meta.octets)) throw this.#resealed();
  }

  #listed(kind: RecordKind, name: Uint8Array, record: Uint8Array): Listed {
    try {
      const octets = this.codec.openId(kind, name, record);
      return { id: new TextDecoder('utf-8', { ignoreBOM: true }).decode(octets), octets, name, record };
    } catch (error) {
      return { error: error as Error };
    }
  }

  #unchanged(): StoreCondition {
    return { name: META_NAMES[0], begins: this.#meta.octets };
  }

  #resealed(): Error {
    return sttError('ERR_STT_CHAMBER_RESEALED', { where: this.store.label });
  }
}

function sameMeta(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i]);
}

function checkedValue(kind: RecordKind, id: Uint8Array, value: Uint8Array): Uint8Array {
  if (value.length <= MAX_VALUE_OCTETS) return value;
  throw sttError('ERR_STT_CHAMBER_VALUE', {
    record: recordLabel(kind, id),
    why: `it has ${value.length} octets, the limit is ${MAX_VALUE_OCTETS}`,
  });
}

/** @throws STTChamberError `ERR_STT_CHAMBER_CONFLICT` */
export function conflict({ id }: Change): Error {
  return sttError('ERR_STT_CHAMBER_CONFLICT', { id: shownId(id) });
}
