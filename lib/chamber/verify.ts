import { sttError } from '../node-errors.js';
import { deserializeStt } from '../wire/serialization.js';
import { META_NAMES } from './meta.js';
import { RECORD_KINDS, RecordKind, recordLabel, hashLabel } from './record.js';
import type { SealedRecords } from './sealed-records.js';
import { beginsWith, compareOctets, type StoreEntry } from './store.js';

const PAGE = 256;
const NOTHING = new Uint8Array(0);

/** What reading every record has shown. */
export interface VerifyReport {
  /** Records that are sound. */
  readonly records: number;
  /** Records that are not, each reported to the callback. */
  readonly damaged: number;
}

/** Reads everything in a store: ids, values, names, and both copies of the meta record. */
export async function verifyRecords(records: SealedRecords, onDamaged: (error: Error) => void): Promise<VerifyReport> {
  let [sound, damaged] = [0, 0];
  const report = (error: Error): void => {
    damaged++;
    onDamaged(error);
  };
  const [first, second] = await Promise.all(META_NAMES.map((name) => records.store.get(name)));
  if (first === undefined || second === undefined || compareOctets(first, second) !== 0) {
    report(sttError('ERR_STT_CHAMBER_DAMAGED', { record: 'meta record, of which one copy is left' }));
  }
  for (let after: Uint8Array | undefined; ;) {
    const entries = await records.store.scan(NOTHING, after, PAGE);
    await records.checkMeta();
    for (const entry of entries) {
      if (entry.name[0] === RecordKind.META && META_NAMES.some((name) => compareOctets(name, entry.name) === 0))
        continue;
      const error = damageOf(records, entry);
      if (error === undefined) sound++;
      else report(error);
    }
    after = entries.at(-1)?.name;
    if (after === undefined) return { records: sound, damaged };
  }
}

function damageOf({ codec }: SealedRecords, { name, record }: StoreEntry): Error | undefined {
  const kind = RECORD_KINDS.find((known) => beginsWith(name, codec.prefix(known)));
  if (kind === undefined) {
    const hex = Buffer.from(name).toString('hex');
    return sttError('ERR_STT_CHAMBER_DAMAGED', { record: `foreign record of name ${hex}` });
  }
  try {
    const id = codec.openId(kind, name, record);
    if (compareOctets(codec.name(kind, id), name) !== 0) {
      return sttError('ERR_STT_CHAMBER_DAMAGED', { record: hashLabel(kind, name) });
    }
    const value = codec.openValue(kind, id, record);
    if (kind === RecordKind.KEY) return undefined;
    try {
      deserializeStt(value);
    } catch (cause) {
      return sttError('ERR_STT_CHAMBER_DAMAGED', { record: recordLabel(kind, id) }, { cause });
    }
    return undefined;
  } catch (error) {
    return error as Error;
  }
}
