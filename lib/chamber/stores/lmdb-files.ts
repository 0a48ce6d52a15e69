import { randomUUID } from 'node:crypto';
import { link, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export const DATA_FILE = 'data.mdb';
/** What LMDB needs to begin a data file: more than its first pages, to be on the safe side. */
const FIRST_OCTETS = 65_536;
/** The file of LMDB's locks, and what processes that were killed may have left of its making. */
export const LOCK_FILE = 'lock.mdb';
/** Room for LMDB's header and 126 readers; LMDB takes the file as large as it is. */
const LOCK_OCTETS = 3 * 4096;
/** A block of a file, as `stat` counts them. */
const BLOCK_OCTETS = 512;

/**
 * Sees to it that LMDB has the room it takes for granted when it opens a directory.
 * @throws Error of code `ENOSPC`
 */
export async function makeRoom(directory: string): Promise<void> {
  await makeLockFile(directory);
  const data = await stat(join(directory, DATA_FILE)).catch(() => undefined);
  // LMDB crashes when it cannot write its first pages.
  if (data === undefined || data.size < FIRST_OCTETS / 8) await requireRoom(directory, FIRST_OCTETS);
}

/** The file of the locks with all its room: LMDB sets its size and writes to it as memory, on a full disk to a SIGBUS. */
async function makeLockFile(directory: string): Promise<void> {
  const path = join(directory, LOCK_FILE);
  const present = await stat(path).catch(() => undefined);
  if (present !== undefined) {
    // LMDB made it, and nobody had to write to all of it yet.
    if (present.blocks * BLOCK_OCTETS < present.size) await requireRoom(directory, LOCK_OCTETS);
    return;
  }
  const temporary = `${path}.${randomUUID()}`;
  try {
    await writeFile(temporary, new Uint8Array(LOCK_OCTETS), { flag: 'wx', mode: 0o600 });
    // Not renamed: another process may have made the file and use it by now.
    await link(temporary, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT') throw error;
    // What LMDB cannot do either it says itself, and links are not everywhere.
  } finally {
    await rm(temporary, { force: true }).catch(() => {});
  }
}

async function requireRoom(directory: string, octets: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize >= octets) return;
  throw Object.assign(new Error('no room to begin with'), { code: 'ENOSPC' });
}
