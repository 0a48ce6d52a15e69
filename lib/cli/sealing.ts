import { lstat, open, type FileHandle } from 'node:fs/promises';
import { STCWrapper } from '../index.js';
import { writeComplete } from '../transfer/sealed-file.js';
import { usage, type OptionSpecs } from './arguments.js';
import type { CommandContext } from './command.js';
import { ExitCode } from './exit-codes.js';
import { CliFailure } from './failure.js';
import { loadSharedSeeds } from './seeds.js';
import { readStandardInput, writeStandardOutput } from './standard-streams.js';

export const SEALING_OPTIONS: OptionSpecs = {
  out: { value: 'FILE', short: 'o', help: 'where to write; - is standard output' },
  force: { help: 'replace the file if it exists' },
  'seed-file': {
    value: 'FILE',
    help: 'read the shared seed from FILE (else STT_SHARED_SEED, else the config directory)',
  },
};

/** Octets of one read of a file. */
const READ_OCTETS = 4 * 65_536;
const STANDARD = '-';

export interface Conversion {
  readonly event: 'sealed' | 'opened';
  /** Where to write what is made of the file `path`; undefined where that has to be said. */
  readonly defaultOut: (path: string) => string | undefined;
  readonly convert: (stcs: readonly STCWrapper[], source: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;
}

/** Turns one file, or standard input, into another: what `stt seal` and `stt open` have in common. */
export async function convertFile(context: CommandContext, conversion: Conversion): Promise<ExitCode> {
  const { args, output, env, signal } = context;
  const { event, defaultOut, convert } = conversion;
  const [path, ...more] = args.positionals;
  if (path === undefined || more.length > 0) throw usage('Name one file, or - for standard input.');
  const out = args.text('out') ?? (path === STANDARD ? STANDARD : defaultOut(path));
  if (out === undefined) throw usage(`"${path}" does not end in .stt: name the file to write with --out FILE.`);
  if (out === STANDARD && event === 'sealed' && process.stdout.isTTY === true) {
    throw usage('Standard output is a terminal, which sealed octets are not for. Redirect it, or use --out FILE.');
  }
  if (out === STANDARD) output.reserveStdout();
  const stcs = (await loadSharedSeeds(args.text('seed-file'), env, output)).map((seed) => new STCWrapper(seed));
  const force = args.has('force');
  if (out !== STANDARD && !force) await refuseExisting(out);
  const { source, total, close } = path === STANDARD ? standardInput(signal) : await fileInput(path);
  let octets = 0;
  output.startProgress(() => ({ label: path === STANDARD ? 'standard input' : path, octets, total }));
  async function* counted(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const part of source) {
      signal.throwIfAborted();
      octets += part.length;
      yield part;
    }
  }
  let written = 0;
  async function* converted(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const part of convert(stcs, counted())) {
      signal.throwIfAborted();
      written += part.length;
      yield part;
    }
    // Standard input that Ctrl-C ended is no file that is complete.
    signal.throwIfAborted();
  }
  try {
    if (out === STANDARD) await writeStandardOutput(converted(), signal);
    else await writeComplete(out, converted(), { force });
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    output.stopProgress();
    await close();
  }
  output.event({ event, path, out, octets: written });
  if (out !== STANDARD) output.note(`Wrote ${out}.`);
  return ExitCode.OK;
}

interface Input {
  readonly source: AsyncIterable<Uint8Array>;
  readonly total: number | undefined;
  close(): Promise<void>;
}

function standardInput(signal: AbortSignal): Input {
  return { source: readStandardInput(signal), total: undefined, close: () => Promise.resolve() };
}

async function fileInput(path: string): Promise<Input> {
  const file = await open(path);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw usage(`"${path}" is no regular file. Give its octets on standard input, as -.`);
    return { source: octetsOf(file), total: stats.size, close: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

function octetsOf(file: FileHandle): AsyncIterable<Uint8Array> {
  return file.createReadStream({ autoClose: false, highWaterMark: READ_OCTETS });
}

/** @throws CliFailure, if there is a file of that name */
export async function refuseExisting(path: string): Promise<void> {
  if ((await lstat(path).catch(() => undefined)) === undefined) return;
  throw new CliFailure(
    ExitCode.LOCAL_FILE,
    'EEXIST',
    `${path} exists. Choose another name, or replace it with --force.`,
  );
}
