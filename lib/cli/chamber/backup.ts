import { createReadStream } from 'node:fs';
import type { Chamber } from '../../chamber/chamber.js';
import { RECORD_KINDS } from '../../chamber/record.js';
import { shownId } from '../../chamber/ids.js';
import { writeComplete } from '../../transfer/sealed-file.js';
import { ExitCode } from '../exit-codes.js';
import { CliFailure } from '../failure.js';
import { refuseExisting } from '../sealing.js';
import { kindName, type Action } from './action.js';
import { ArchiveKey, openArchive, sealArchive, type PlainRecord } from './archive.js';
import { readPassphrase } from './passphrase.js';
import { reportDamage } from './records.js';

/** What is imported in one commit, at most, but for a last record of any size. */
const COMMIT_RECORDS = 1024;
const COMMIT_OCTETS = 4 * 1_048_576;

/** `stt chamber export`: everything that is sound, sealed under a passphrase. */
export async function exportRecords(action: Action): Promise<ExitCode> {
  const { args, output, signal } = action.context;
  const path = action.rest[0]!;
  const force = args.has('force');
  if (!force) await refuseExisting(path);
  let [records, damaged] = [0, 0];
  await action.withChamber({ readOnly: true }, async (chamber) => {
    // Asked for once it is clear that there is something to export.
    const key = new ArchiveKey(await readPassphrase(action.context, { isNew: true }));
    const onDamaged = (error: Error): void => {
      damaged++;
      reportDamage(action, error);
    };
    async function* counted(): AsyncGenerator<PlainRecord, void, undefined> {
      for await (const record of soundRecords(chamber, onDamaged)) {
        signal.throwIfAborted();
        records++;
        yield record;
      }
    }
    await writeComplete(path, sealArchive(key, counted()), { force });
  });
  output.event({ event: 'exported', path, records, damaged });
  output.result(`Records in ${path}: ${records}.${damaged === 0 ? '' : ` Damaged, and not in it: ${damaged}.`}`);
  return damaged === 0 ? ExitCode.OK : ExitCode.INTEGRITY;
}

/** `stt chamber import`: the records of an export, once all of it is proven. */
export async function importRecords(action: Action): Promise<ExitCode> {
  const { args, output } = action.context;
  const path = action.rest[0]!;
  const force = args.has('force');
  // Before the passphrase is asked for: whether there is such a file.
  const first = createReadStream(path);
  await new Promise<void>((resolve, reject) => first.once('open', () => resolve()).once('error', reject));
  const key = new ArchiveKey(await readPassphrase(action.context, { isNew: false }));
  const proven = await provenCount(key, first);
  const counts = { imported: 0, replaced: 0, unchanged: 0 };
  await action.withChamber({ create: true }, async (chamber) => {
    if (!force) await refuseDifferent(chamber, openArchive(key, createReadStream(path)));
    await writeRecords(chamber, openArchive(key, createReadStream(path)), counts);
  });
  output.event({ event: 'imported', path, ...counts });
  output.result(
    `Records imported: ${counts.imported}, of them in the place of others: ${counts.replaced}. ` +
      `There already: ${counts.unchanged}. In the export: ${proven}.`,
  );
  return ExitCode.OK;
}

/** Reads an export to its end: only then it is known that nothing of it was changed or is missing. */
async function provenCount(key: ArchiveKey, source: AsyncIterable<Uint8Array>): Promise<number> {
  const records = openArchive(key, source);
  for (let count = 0; ; count++) {
    if ((await records.next()).done === true) return count;
  }
}

async function refuseDifferent(chamber: Chamber, records: AsyncIterable<PlainRecord>): Promise<void> {
  for await (const record of records) {
    if ((await stateOf(chamber, record)) !== 'different') continue;
    throw new CliFailure(
      ExitCode.REFUSED,
      'EEXIST',
      `The chamber has another ${kindName(record.kind)} ${shownId(record.id)} than the export. Nothing was changed; --force takes what the export has.`,
    );
  }
}

async function writeRecords(
  chamber: Chamber,
  records: AsyncIterable<PlainRecord>,
  counts: { imported: number; replaced: number; unchanged: number },
): Promise<void> {
  let batch = chamber.batch();
  let octets = 0;
  for await (const record of records) {
    const state = await stateOf(chamber, record);
    if (state === 'same') {
      counts.unchanged++;
      continue;
    }
    counts.imported++;
    if (state === 'different') counts.replaced++;
    batch.storeOctets(record.kind, record.id, record.value);
    octets += record.value.length;
    if (batch.size < COMMIT_RECORDS && octets < COMMIT_OCTETS) continue;
    await batch.write();
    batch = chamber.batch();
    octets = 0;
  }
  await batch.write();
}

/** What the chamber has under the id of a record. One that is damaged is different. */
async function stateOf(chamber: Chamber, { kind, id, value }: PlainRecord): Promise<'absent' | 'same' | 'different'> {
  let present: Uint8Array | undefined;
  try {
    present = await chamber.retrieveOctets(kind, id);
  } catch (error) {
    if (!isDamage(error)) throw error;
    return 'different';
  }
  if (present === undefined) return 'absent';
  return Buffer.compare(present, value) === 0 ? 'same' : 'different';
}

async function* soundRecords(
  chamber: Chamber,
  onDamaged: (error: Error) => void,
): AsyncGenerator<PlainRecord, void, undefined> {
  for (const kind of RECORD_KINDS) {
    for await (const id of chamber.listRecords(kind, { onDamaged })) {
      try {
        const value = await chamber.retrieveOctets(kind, id);
        // Otherwise it was deleted since it was listed.
        if (value !== undefined) yield { kind, id, value };
      } catch (error) {
        if (!isDamage(error)) throw error;
        onDamaged(error as Error);
      }
    }
  }
}

function isDamage(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === 'ERR_STT_CHAMBER_DAMAGED' || code === 'ERR_STT_CHAMBER_VERSION';
}
