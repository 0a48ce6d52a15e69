import { randomBytes } from 'node:crypto';
import { renderUnicodeCompact } from 'uqr';
import { usage } from '../arguments.js';
import type { Command } from '../command.js';
import { ExitCode } from '../exit-codes.js';
import { CliFailure } from '../failure.js';
import { SEED_OCTETS, encodeSeed, writeSecret } from '../seeds.js';

export const command: Command = {
  name: 'keygen',
  synopsis: ['keygen [--out FILE] [--qr] [--force]'],
  description: [
    'Makes a shared seed: 32 random octets, printed as base64url or written to FILE, which only its owner can read (mode 0600). Everybody who holds the seed can send and receive; bring it to the other machine on a safe way.',
  ],
  options: {
    out: { value: 'FILE', help: 'write the seed to FILE instead of standard output; makes missing directories' },
    qr: { help: 'print the seed as a QR code as well' },
    force: { help: 'replace FILE if it exists' },
  },
  async run({ args, output }) {
    if (args.positionals.length > 0) throw usage('`stt keygen` takes no arguments. Name a file with --out FILE.');
    const seed = encodeSeed(randomBytes(SEED_OCTETS));
    const file = args.text('out');
    if (file !== undefined) {
      await writeSecret(file, `${seed}\n`, { force: args.has('force') }).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
        throw new CliFailure(
          ExitCode.LOCAL_FILE,
          'EEXIST',
          `${file} exists. Choose another name, or replace it with --force: what was shared with the old seed is lost.`,
        );
      });
    }
    output.event(file === undefined ? { event: 'seed', seed } : { event: 'seed', file });
    if (file === undefined) output.result(seed);
    else output.note(`Wrote a new seed to ${file}. Bring it to the other machine secretly.`);
    if (args.has('qr')) output.result(renderUnicodeCompact(seed, { border: 2 }));
    return ExitCode.OK;
  },
};
