import { hkdfSync, randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { link, mkdir, open, unlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { MAX_SEEDS } from '../constants.js';
import { nodeKeyPair } from '../stc/node-identity.js';
import { nodeProvider } from '../stc/node-provider.js';
import { ExitCode } from './exit-codes.js';
import { CliFailure } from './failure.js';
import type { Output } from './output.js';

/** Octets of a seed that `stt` makes. */
export const SEED_OCTETS = 32;
/** No seed file is longer; more is something else by mistake. */
const MAX_FILE_OCTETS = 65_536;

/** The user's directory for `stt`. */
export function configDirectory(env: NodeJS.ProcessEnv): string {
  const { XDG_CONFIG_HOME: xdg, APPDATA: appData } = env;
  // The XDG specification: relative paths are to be ignored.
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, 'stt');
  if (process.platform === 'win32' && appData !== undefined && isAbsolute(appData)) return join(appData, 'stt');
  return join(homedir(), '.config', 'stt');
}

export function nodeSeedPath(env: NodeJS.ProcessEnv): string {
  return join(configDirectory(env), 'node-seed');
}

export function sharedSeedPath(env: NodeJS.ProcessEnv): string {
  return join(configDirectory(env), 'shared-seed');
}

/**
 * The shared seeds: of `file`, else of STT_SHARED_SEED, else of the config directory. Several, one a line, are a ring:
 * the first is used to connect, all are accepted.
 */
export async function loadSharedSeeds(
  file: string | undefined,
  env: NodeJS.ProcessEnv,
  output: Output,
): Promise<Uint8Array[]> {
  if (file !== undefined) return parseSeeds(await readSecret(file, output), file);
  const text = env['STT_SHARED_SEED'];
  if (text !== undefined && text !== '') return parseSeeds(text, 'STT_SHARED_SEED');
  const path = sharedSeedPath(env);
  try {
    return parseSeeds(await readSecret(path, output), path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new CliFailure(
      ExitCode.SETUP,
      'ERR_STT_NO_SEED',
      `There is no shared seed. Make one with \`stt keygen --out ${path}\` and copy it to the other machine, ` +
        'or give one with --seed-file FILE or STT_SHARED_SEED.',
      { cause: error },
    );
  }
}

/** The one seed in a file that must be there. */
export async function readSeedFile(path: string, output: Output): Promise<Uint8Array> {
  const [seed, ...more] = parseSeeds(await readSecret(path, output), path);
  if (more.length > 0) throw unusable(path, 'a node has one seed of its own, this has several');
  return seed!;
}

/** The node's own seed; made when there is none. */
export async function loadNodeSeed(env: NodeJS.ProcessEnv, output: Output): Promise<Uint8Array> {
  const path = nodeSeedPath(env);
  for (let attempt = 0; ; attempt++) {
    try {
      return await readSeedFile(path, output);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt > 0) throw error;
    }
    await writeSecret(path, `${encodeSeed(randomBytes(SEED_OCTETS))}\n`, { force: false }).catch((error: unknown) => {
      // Another process was faster: its seed is the one.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
  }
}

/**
 * The seed of `stt send` and `stt ping`: derived from the node's own, so that a user's own receiver, which has the
 * node's own identity, can be sent to from the same account. (Two nodes of one identity cannot connect.)
 */
export function senderSeed(nodeSeed: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', nodeSeed, '', 'stt cli sender', SEED_OCTETS));
}

/** Id of the node of a seed, in hexadecimal. */
export function nodeIdOf(nodeSeed: Uint8Array): string {
  return Buffer.from(nodeKeyPair(nodeProvider, nodeSeed).publicKey).toString('hex');
}

export function encodeSeed(seed: Uint8Array): string {
  return Buffer.from(seed).toString('base64url');
}

/** Creates a file that only its owner can read, complete or not at all, whatever the umask is. */
export async function writeSecret(path: string, text: string, { force }: { readonly force: boolean }): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const handle = await open(temporary, 'wx', 0o600);
  try {
    try {
      // The umask may have taken bits away.
      await handle.chmod(0o600);
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (force) await unlink(path).catch(ignore);
    await link(temporary, path);
  } finally {
    await unlink(temporary).catch(ignore);
  }
}

/** A small file that others should not be able to read. */
export async function readSecret(path: string, output: Output): Promise<string> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    const stats = await handle.stat();
    if (stats.isDirectory()) throw unusable(path, 'it is a directory');
    if (isReadableByOthers(stats)) output.warn(`warning: others can read ${path}; run \`chmod 600 ${path}\`.`);
    const buffer = Buffer.alloc(MAX_FILE_OCTETS);
    let length = 0;
    // A pipe gives its octets in pieces.
    for (;;) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
      if (length === buffer.length) throw unusable(path, 'it is too long');
    }
    return buffer.toString('utf8', 0, length);
  } finally {
    await handle.close();
  }
}

function isReadableByOthers(stats: Stats): boolean {
  return process.platform !== 'win32' && stats.isFile() && (stats.mode & 0o077) !== 0;
}

/** Seeds in base64url (or base64), one a line or separated by blanks; lines that begin with # are comments. */
function parseSeeds(text: string, where: string): Uint8Array[] {
  const words = text
    .split(/\r?\n/)
    .filter((line) => !line.trimStart().startsWith('#'))
    .flatMap((line) => line.split(/\s+/))
    .filter((word) => word !== '');
  if (words.length === 0) throw unusable(where, 'it is empty');
  if (words.length > MAX_SEEDS) throw unusable(where, `it has more than ${MAX_SEEDS} seeds`);
  return words.map((word) => {
    // The word itself is never shown: it may be a secret with a typing error.
    if (!/^[A-Za-z0-9_+/-]+={0,2}$/.test(word)) throw unusable(where, 'it is not base64url');
    const seed = Buffer.from(word, 'base64');
    if (seed.length < 16) throw unusable(where, `it has ${seed.length} octets, at least 16 and better 32 are needed`);
    return new Uint8Array(seed);
  });
}

function unusable(where: string, why: string): CliFailure {
  return new CliFailure(
    ExitCode.SETUP,
    'ERR_STT_SEED',
    `${where} holds no usable seed: ${why}. \`stt keygen\` makes one; put exactly what it prints there.`,
  );
}

function ignore(): void {}
