import { sttError } from '../node-errors.js';
import { checkOptionNames } from '../options.js';
import type { STCWrapper } from '../stc/stc-wrapper.js';
import { keyHolder } from './chamber.js';
import { META_NAMES, holds, holdsNext, makeMeta, makeResealingMeta, type KeyHolder, type Meta } from './meta.js';
import { openMeta, writeMeta } from './opening.js';
import { RECORD_KINDS, RecordCodec, revisionOf, type RecordKind } from './record.js';
import type { ChamberStore, StoreCondition, StoreEntry, StoreOperation } from './store.js';
import { LmdbStore } from './stores/lmdb.js';

/** Records moved in one commit. */
const PAGE = 256;

/** A seed and node id that open a chamber. */
export interface ChamberKeys {
  readonly stc: STCWrapper;
  /** 32 octets. */
  readonly nodeId: Uint8Array;
}

export interface ResealOptions {
  /** Directory of the embedded store. */
  readonly path?: string;
  /** A store of another kind, instead of `path`. */
  readonly store?: ChamberStore;
  /** What opens the chamber now. */
  readonly from: ChamberKeys;
  /** What shall open it afterwards. */
  readonly to: ChamberKeys;
  /** Called for each record that does not open: it stays as it is, and nothing opens it afterwards either. */
  readonly onDamaged?: (error: Error) => void;
}

/** What a reseal has done. */
export interface ResealReport {
  /** Records sealed anew by this call. */
  readonly records: number;
  readonly damaged: number;
}

/**
 * Seals everything in a chamber under another seed and node id, in place. Whatever ends it in between, call it again with
 * the same keys to go on; until it is finished the chamber opens with neither. A chamber that is open meanwhile rejects
 * with `ERR_STT_CHAMBER_RESEALED`. Does nothing if all of it was done before.
 *
 * Rejects with `ERR_STT_CHAMBER_FOREIGN` for keys that are not those of the chamber, or not those that an unfinished
 * reseal is for, and as `Chamber.open` does.
 */
export async function resealChamber(options: ResealOptions): Promise<ResealReport> {
  checkOptionNames(options, ['path', 'store', 'from', 'to', 'onDamaged']);
  const { path, store: given, onDamaged = () => {} } = options;
  if ((path === undefined) === (given === undefined)) {
    throw sttError('ERR_STT_OPTION_RANGE', { name: 'path', value: String(path), expected: 'either `path` or `store`' });
  }
  const [from, to] = [keyHolder(options.from), keyHolder(options.to)];
  const store = given ?? (await LmdbStore.open(path!, { create: false }));
  try {
    return await new Resealing(store, from, to, onDamaged).run();
  } finally {
    if (given === undefined) await store.close();
  }
}

class Resealing {
  readonly #store: ChamberStore;
  readonly #from: KeyHolder;
  readonly #to: KeyHolder;
  readonly #onDamaged: (error: Error) => void;
  #records = 0;
  #damaged = 0;

  constructor(store: ChamberStore, from: KeyHolder, to: KeyHolder, onDamaged: (error: Error) => void) {
    this.#store = store;
    this.#from = from;
    this.#to = to;
    this.#onDamaged = onDamaged;
  }

  async run(): Promise<ResealReport> {
    for (;;) {
      const meta = await this.#begin();
      if (meta === undefined) break;
      if (!(await this.#moveAll(meta))) continue;
      const done = makeMeta(this.#to, meta.chamberId, meta.epoch + 1);
      // Another process that reseals the same may have finished first, which the next round sees.
      if ((await writeMeta(this.#store, done, [meta.octets, meta.octets])) < 0) break;
    }
    return { records: this.#records, damaged: this.#damaged };
  }

  /** Brings the chamber into the state of being resealed; undefined if it was resealed before. */
  async #begin(): Promise<Meta | undefined> {
    for (;;) {
      const meta = await this.#open();
      if (meta === undefined) return undefined;
      if (meta.isResealing) {
        if (holds(meta, this.#from) && holdsNext(meta, this.#to)) return meta;
        throw sttError('ERR_STT_CHAMBER_FOREIGN', { where: this.#store.label });
      }
      const begun = makeResealingMeta(this.#from, this.#to, meta.chamberId, meta.epoch);
      await writeMeta(this.#store, begun, [meta.octets, meta.octets]);
    }
  }

  async #open(): Promise<Meta | undefined> {
    const options = { create: false, readOnly: false };
    try {
      return await openMeta(this.#store, this.#from, options);
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_STT_CHAMBER_FOREIGN') throw error;
      const meta = await openMeta(this.#store, this.#to, options);
      if (meta.isResealing || meta.epoch === 0) throw error;
      return undefined;
    }
  }

  /** False if somebody else has ended the reseal. Nobody adds records meanwhile: every commit demands the former meta record. */
  async #moveAll(meta: Meta): Promise<boolean> {
    const { chamberId, epoch } = meta;
    const before = new RecordCodec({ ...this.#from, chamberId, epoch });
    const after = new RecordCodec({ ...this.#to, chamberId, epoch: epoch + 1 });
    this.#damaged = 0;
    for (const kind of RECORD_KINDS) {
      let last: Uint8Array | undefined;
      for (;;) {
        const entries = await this.#store.scan(before.prefix(kind), last, PAGE);
        if (entries.length === 0) break;
        const { operations, conditions, damage } = movedPage(kind, entries, before, after);
        const failed = await this.#store.commit(operations, [
          { name: META_NAMES[0], begins: meta.octets },
          ...conditions,
        ]);
        if (failed === 0) return false;
        // Another process that reseals the same was faster with a record: look at the page again.
        if (failed > 0) continue;
        this.#records += conditions.length;
        this.#damaged += damage.length;
        damage.forEach(this.#onDamaged);
        last = entries.at(-1)!.name;
      }
    }
    return true;
  }
}

interface MovedPage {
  readonly operations: readonly StoreOperation[];
  /** One for each record that is moved. */
  readonly conditions: readonly StoreCondition[];
  readonly damage: readonly Error[];
}

function movedPage(
  kind: RecordKind,
  entries: readonly StoreEntry[],
  before: RecordCodec,
  after: RecordCodec,
): MovedPage {
  const operations: StoreOperation[] = [];
  const conditions: StoreCondition[] = [];
  const damage: Error[] = [];
  for (const { name, record } of entries) {
    try {
      const id = before.openId(kind, name, record);
      const value = before.openValue(kind, id, record);
      const newName = after.name(kind, id);
      operations.push({ name: newName, record: after.seal(kind, newName, id, value) }, { name, record: undefined });
      conditions.push({ name, begins: revisionOf(record) });
    } catch (error) {
      damage.push(error as Error);
    }
  }
  return { operations, conditions, damage };
}
