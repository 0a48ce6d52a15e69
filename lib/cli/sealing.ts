import { lstat, open, type FileHandle } from 'node:fs/promises';
import { STCWrapper } from '../index.js';
import { writeComplete } from '../transfer/sealed-file.js';
import { usage, type OptionSpecs } from './arguments.js';
import type { CommandContext } from './command.js';
import { ExitCode } from './exit-codes.js';
import { CliFailure } from './failure.js';
import { loadSharedSeeds } from './seeds.js';

export const SEALING_OPTIONS: OptionSpecs = {
  out: { value: 'FILE', short: 'o', help: 'where to write' },
  force: { help: 'replace the file if it exists' },
  'seed-file': {
    value: 'FILE',
    help: 'read the shared seed from FILE (else STT_SHARED_SEED, else the config directory)',
  },
};

/** Turns one file into another: what `stt seal` and `stt open` have in common. */
export async function convertFile(
  { args, output, env, signal }: CommandContext,
  event: 'sealed' | 'opened',
  defaultOut: (path: string) => string | undefined,
  convert: (stcs: readonly STCWrapper[], file: FileHandle) => AsyncIterable<Uint8Array>,
): Promise<ExitCode> {
  const [path, ...more] = args.positionals;
  if (path === undefined || more.length > 0) throw usage('Name one file.');
  const out = args.text('out') ?? defaultOut(path);
  if (out === undefined) throw usage(`"${path}" does not end in .stt: name the file to write with --out FILE.`);
  const stcs = (await loadSharedSeeds(args.text('seed-file'), env, output)).map((seed) => new STCWrapper(seed));
  const force = args.has('force');
  if (!force && (await lstat(out).catch(() => undefined)) !== undefined) {
    throw new CliFailure(
      ExitCode.LOCAL_FILE,
      'EEXIST',
      `${out} exists. Choose another name, or replace it with --force.`,
    );
  }
  const file = await open(path);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw usage(`"${path}" is no regular file.`);
    let octets = 0;
    output.startProgress(() => ({ label: path, octets, total: stats.size }));
    async function* counted(): AsyncGenerator<Uint8Array, void, undefined> {
      for await (const part of convert(stcs, file)) {
        signal.throwIfAborted();
        octets += part.length;
        yield part;
      }
    }
    await writeComplete(out, counted(), { force });
    output.stopProgress();
    output.event({ event, path, out, octets });
    output.note(`Wrote ${out}.`);
    return ExitCode.OK;
  } finally {
    output.stopProgress();
    await file.close();
  }
}
