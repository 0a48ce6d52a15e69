import { open } from 'node:fs/promises';
import { MAX_VALUE_OCTETS } from '../../chamber/record.js';
import { shownId } from '../../chamber/ids.js';
import { deserializeStt } from '../../index.js';
import { printable } from '../../transfer/safe-path.js';
import { writeComplete } from '../../transfer/sealed-file.js';
import { usage } from '../arguments.js';
import { ExitCode } from '../exit-codes.js';
import { CliFailure } from '../failure.js';
import { refuseExisting } from '../sealing.js';
import { readStandardInput, writeStandardOutput } from '../standard-streams.js';
import { KINDS, type Action, type KindName } from './action.js';
import { parseJsonRecord, toJson } from './json-form.js';

const ALL = Object.keys(KINDS) as KindName[];
/** Most ids that `--sorted` holds. */
const MAX_SORTED = 10_000_000;

/** `stt chamber list`: kind and id of every record. */
export async function listRecords(action: Action): Promise<ExitCode> {
  const { args, output } = action.context;
  const only = action.kind(undefined, ALL);
  let exitCode: ExitCode = ExitCode.OK;
  await action.withChamber({ readOnly: true }, async (chamber) => {
    for (const kind of only === undefined ? ALL : [only]) {
      const ids = chamber.listRecords(KINDS[kind], {
        sorted: args.has('sorted'),
        maxSorted: MAX_SORTED,
        onDamaged: (error) => {
          exitCode = ExitCode.INTEGRITY;
          reportDamage(action, error);
        },
      });
      for await (const id of ids) {
        output.event({ event: 'record', kind, id });
        output.result(`${kind}\t${printable(id)}`);
      }
    }
  });
  return exitCode;
}

/** `stt chamber get`: the value of a record. */
export async function getRecord(action: Action): Promise<ExitCode> {
  const { args, output, signal } = action.context;
  const kind = action.kind('key', ALL);
  const id = action.rest[0]!;
  const out = args.text('out');
  if (out !== undefined && !args.has('force')) await refuseExisting(out);
  const isBare = out === undefined && kind === 'key' && !output.json;
  if (isBare && process.stdout.isTTY === true) {
    throw usage('Standard output is a terminal, which a key is not for. Redirect it, or use --out FILE or --json.');
  }
  const octets = await action.withChamber({ readOnly: true }, (chamber) => chamber.retrieveOctets(KINDS[kind], id));
  if (octets === undefined) throw missing(kind, id);
  const json = toJson(kind === 'key' ? octets : deserializeStt(octets));
  if (out !== undefined) {
    const value = kind === 'key' ? octets : Buffer.from(`${JSON.stringify(json, undefined, 2)}\n`);
    await writeComplete(out, once(value), { force: args.has('force') });
    output.event({ event: 'record', kind, id, out });
    output.note(`Wrote ${out}.`);
  } else if (isBare) {
    await writeStandardOutput(once(octets), signal);
  } else {
    output.event({ event: 'record', kind, id, value: json });
    output.result(JSON.stringify(json, undefined, 2));
  }
  return ExitCode.OK;
}

/** `stt chamber put`: stores a record. */
export async function putRecord(action: Action): Promise<ExitCode> {
  const { output, signal } = action.context;
  const kind = action.kind('key', ['key', 'session']);
  const [id, path = '-'] = action.rest as readonly [string, string?];
  if (path === '-' && process.stdin.isTTY) {
    throw usage('Standard input is a terminal, which would show the value. Name a FILE, or redirect it.');
  }
  const octets = path === '-' ? await limited(readStandardInput(signal), 'standard input') : await readValue(path);
  await action.withChamber({ create: true }, async (chamber) => {
    if (kind === 'key') await chamber.storeKey(id, octets);
    else await chamber.storeSession(id, parsed(octets));
  });
  output.event({ event: 'stored', kind, id });
  output.note(`Stored ${kind} ${printable(shownId(id))}.`);
  return ExitCode.OK;
}

/** `stt chamber delete`. */
export async function deleteRecord(action: Action): Promise<ExitCode> {
  const { output } = action.context;
  const kind = action.kind('key', ALL);
  const id = action.rest[0]!;
  const wasThere = await action.withChamber({}, (chamber) => chamber.deleteRecord(KINDS[kind], id));
  if (!wasThere) throw missing(kind, id);
  output.event({ event: 'deleted', kind, id });
  output.note(`Deleted ${kind} ${printable(shownId(id))}.`);
  return ExitCode.OK;
}

/** A record that cannot be read, without an end of the command. */
export function reportDamage({ context: { output } }: Action, error: Error): void {
  output.event({ event: 'damaged', code: (error as { code?: string }).code, message: error.message });
  output.warn(printable(error.message));
}

function missing(kind: KindName, id: string): CliFailure {
  return new CliFailure(
    ExitCode.LOCAL_FILE,
    'ERR_STT_NO_RECORD',
    `The chamber has no ${kind} ${shownId(id)}. \`stt chamber list DIR\` shows what it has.`,
  );
}

function parsed(octets: Uint8Array): ReturnType<typeof parseJsonRecord> {
  try {
    return parseJsonRecord(new TextDecoder('utf-8', { fatal: true }).decode(octets));
  } catch (cause) {
    const why = cause instanceof SyntaxError ? cause.message : 'it is no text in UTF-8';
    throw new CliFailure(ExitCode.USAGE, 'ERR_STT_USAGE', `The record cannot be stored: ${why}.`, { cause });
  }
}

async function readValue(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    return await limited(file.createReadStream({ autoClose: false }) as AsyncIterable<Uint8Array>, path);
  } finally {
    await file.close();
  }
}

/** All octets of a source, in memory, where they are not more than a record may have. */
async function limited(source: AsyncIterable<Uint8Array>, name: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let sum = 0;
  for await (const part of source) {
    sum += part.length;
    // JSON may be longer than what it stands for, but not without bound.
    if (sum > 8 * MAX_VALUE_OCTETS) throw usage(`"${name}" is too large: a record holds ${MAX_VALUE_OCTETS} octets.`);
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts, sum));
}

async function* once(octets: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield octets;
}
