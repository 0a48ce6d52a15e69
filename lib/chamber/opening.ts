import { sttError } from '../node-errors.js';
import { META_NAMES, holds, holdsNext, makeMeta, parseMeta, type KeyHolder, type Meta } from './meta.js';
import { compareOctets, type ChamberStore } from './store.js';

const CHAMBER_ID_OCTETS = 16;
const NOTHING = new Uint8Array(0);

/** How a chamber is to be opened. */
export interface OpeningOptions {
  /** Makes a chamber in an empty store. */
  readonly create: boolean;
  /** Writes nothing, not even a repair. */
  readonly readOnly: boolean;
}

/**
 * The meta record of the chamber in a store. Made if the store is empty; its second copy stands in for a damaged
 * first one, which then is repaired.
 * @throws STTChamberError `ERR_STT_CHAMBER_FORMAT`, `ERR_STT_CHAMBER_VERSION`, `ERR_STT_CHAMBER_FOREIGN`, and the store's
 */
export async function openMeta(store: ChamberStore, holder: KeyHolder, options: OpeningOptions): Promise<Meta> {
  for (;;) {
    const copies = await Promise.all(META_NAMES.map((name) => store.get(name)));
    if (copies.every((octets) => octets === undefined)) {
      const [first] = await store.scan(NOTHING, undefined, 1);
      // Another process has made it since the copies were asked for.
      if (first !== undefined && META_NAMES.some((name) => compareOctets(name, first.name) === 0)) continue;
      if (first !== undefined) {
        throw sttError('ERR_STT_CHAMBER_FORMAT', { where: store.label, why: 'it holds something else' });
      }
      if (!options.create || options.readOnly) {
        throw sttError('ERR_STT_CHAMBER_FORMAT', { where: store.label, why: 'it is empty' });
      }
      const made = makeMeta(holder, holder.stc.crypto.randomBytes(CHAMBER_ID_OCTETS), 0);
      const failed = await writeMeta(store, made, [undefined, undefined]);
      // Another process was faster: its meta record is the one.
      if (failed >= 0) continue;
      return parseMeta(made, store.label)!;
    }
    const metas = copies.map((octets) => (octets === undefined ? undefined : parseMeta(octets, store.label)));
    const good = metas.find((meta) => meta !== undefined && (holds(meta, holder) || holdsNext(meta, holder)));
    if (good === undefined) {
      if (metas.some((meta) => meta !== undefined)) throw sttError('ERR_STT_CHAMBER_FOREIGN', { where: store.label });
      throw sttError('ERR_STT_CHAMBER_FORMAT', { where: store.label, why: 'its meta records are damaged' });
    }
    const isWhole = copies.every((octets) => octets !== undefined && compareOctets(octets, good.octets) === 0);
    if (!isWhole && !options.readOnly && (await writeMeta(store, good.octets, copies)) >= 0) continue;
    return good;
  }
}

/** Puts both copies, if the present ones are as they were; the index of the one that is not, else -1. */
export function writeMeta(
  store: ChamberStore,
  octets: Uint8Array,
  present: readonly (Uint8Array | undefined)[],
): Promise<number> {
  return store.commit(
    META_NAMES.map((name) => ({ name, record: octets })),
    META_NAMES.map((name, i) => ({ name, begins: present[i] })),
  );
}
