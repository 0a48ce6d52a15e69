import { createHash } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import {
  chmod,
  link,
  lstat,
  mkdir,
  open,
  realpath,
  rename,
  statfs,
  unlink,
  utimes,
  type FileHandle,
} from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { DirectoryEnd, Entry, RefusalCode } from './messages.js';
import { partialName, splitPath } from './safe-path.js';

/** Owner may work in a directory while it is being filled. */
const WORKING_MODE = 0o700;

/** Thrown to refuse one entry; the transfer goes on with the next. */
export class EntryRefused extends Error {
  readonly code: RefusalCode;

  constructor(code: RefusalCode, reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.code = code;
  }
}

/** Where one file goes. */
export interface Place {
  readonly names: readonly string[];
  readonly directory: string;
  readonly finalPath: string;
  readonly partialPath: string;
  /**
   * 'write': the octets are needed from `offset` on, the rest is in the partial file.
   * 'compare': a file of that size is there; it is done if it has the same octets.
   */
  action: 'write' | 'compare';
  offset: number;
  /** Octets of free space set aside; given back with `release`. */
  reserved: number;
}

export interface TargetOptions {
  /** Replace files that exist. */
  readonly force: boolean;
}

/**
 * The directory that a receiver may write to, shared by all its transfers. Nothing is ever created, read or changed
 * outside of it: names are checked, and no symbolic link below it is followed.
 */
export class TargetDirectory {
  readonly root: string;
  readonly force: boolean;
  /** Final paths that are being received: two senders must not write one partial file. */
  readonly #busy = new Set<string>();
  /** Octets of files that were accepted and are not written yet. */
  #reserved = 0;
  /** Directories made here, whose mode is theirs to set. */
  readonly #created = new Set<string>();

  private constructor(root: string, force: boolean) {
    this.root = root;
    this.force = force;
  }

  /** Opens the directory; makes it if it is not there. OS errors pass through. */
  static async open(path: string, { force }: TargetOptions): Promise<TargetDirectory> {
    await mkdir(path, { recursive: true });
    const root = await realpath(path);
    const stats = await lstat(root);
    if (!stats.isDirectory()) throw Object.assign(new Error(`${path} is not a directory`), { code: 'ENOTDIR', path });
    return new TargetDirectory(root, force);
  }

  /** Free octets for this user, less what is set aside for files being received. */
  async freeOctets(): Promise<number> {
    const { bavail, bsize } = await statfs(this.root);
    return bavail * bsize - this.#reserved;
  }

  /** True if something (complete or partial) is there under one of the names, so that less than everything may be needed. */
  async hasAny(roots: readonly string[]): Promise<boolean> {
    for (const root of roots) {
      if (typeof splitPath(root) === 'string') continue;
      if ((await statOf(join(this.root, root))) !== undefined) return true;
      if ((await statOf(join(this.root, partialName(root, sha256)))) !== undefined) return true;
    }
    return false;
  }

  /**
   * Decides about a file, and keeps its place until `release`.
   * @throws EntryRefused
   */
  async place(entry: Entry): Promise<Place> {
    const names = checkedNames(entry.path);
    const name = names.at(-1)!;
    const directory = join(this.root, ...names.slice(0, -1));
    const finalPath = join(directory, name);
    if (this.#busy.has(finalPath)) throw new EntryRefused('busy', 'another transfer is receiving this name just now');
    this.#busy.add(finalPath);
    let reserved = 0;
    try {
      await this.#makeDirectories(names.slice(0, -1));
      const partialPath = join(directory, partialName(name, sha256));
      const { action, offset } = await this.#decide(entry, finalPath, partialPath);
      if (action === 'write' && entry.size !== undefined) reserved = await this.#reserve(entry.size - offset);
      return { names, directory, finalPath, partialPath, action, offset, reserved };
    } catch (error) {
      this.#busy.delete(finalPath);
      throw error;
    }
  }

  /**
   * The file that was to be compared is another one: it is to be replaced.
   * @throws EntryRefused 'exists' without `force`; 'no-space'
   */
  async overwrite(place: Place): Promise<void> {
    if (!this.force) throw new EntryRefused('exists', 'another file of that name is there');
    place.reserved = await this.#reserve(place.offset);
    place.action = 'write';
    place.offset = 0;
  }

  /** `octets` of a reservation are written. */
  spend(place: Place, octets: number): void {
    const spent = Math.min(octets, place.reserved);
    place.reserved -= spent;
    this.#reserved -= spent;
  }

  /** The file is complete or given up. */
  release(place: Place): void {
    this.spend(place, place.reserved);
    this.#busy.delete(place.finalPath);
  }

  /** Opens the partial file for `place.offset` octets kept; anything that is not a plain file of its own is replaced. */
  async openPartial(place: Place, offset: number): Promise<FileHandle> {
    await this.#checkDirectories(place.names.slice(0, -1));
    const flags = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
    const existing = await statOf(place.partialPath);
    // A second hard link would let the octets appear under another name.
    if (existing !== undefined && (!existing.isFile() || existing.nlink > 1)) await unlink(place.partialPath);
    const handle = await open(place.partialPath, flags, 0o600);
    try {
      const stats = await handle.stat();
      if (!stats.isFile() || stats.nlink !== 1) throw new EntryRefused('io', 'the partial file is not a plain file');
      if (stats.size !== offset) await handle.truncate(offset);
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Opens an existing file for comparison. */
  async openExisting(place: Place): Promise<FileHandle> {
    await this.#checkDirectories(place.names.slice(0, -1));
    return open(place.finalPath, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  }

  /**
   * Gives a complete partial file its final name, in one step. Without `force` a file that came into being meanwhile
   * is not replaced.
   * @throws EntryRefused 'exists'
   */
  async complete(place: Place): Promise<void> {
    await this.#checkDirectories(place.names.slice(0, -1));
    if (this.force) await rename(place.partialPath, place.finalPath);
    else await renameNew(place.partialPath, place.finalPath);
    await syncDirectory(place.directory);
  }

  async discardPartial(place: Place): Promise<void> {
    await unlink(place.partialPath).catch(ignore);
  }

  /**
   * Makes a directory.
   * @throws EntryRefused
   */
  async makeDirectory(path: string, mode: number | undefined): Promise<void> {
    const names = checkedNames(path);
    await this.#makeDirectories(names);
    const full = join(this.root, ...names);
    // Now already, in case the transfer breaks off before the directory is finished.
    if (mode !== undefined && this.#created.has(full)) await chmod(full, mode | WORKING_MODE);
  }

  /** Sets time and mode of a directory whose contents are complete. The mode only where it was made here, or by force. */
  async finishDirectory(end: DirectoryEnd): Promise<void> {
    const names = checkedNames(end.path);
    await this.#checkDirectories(names);
    const path = join(this.root, ...names);
    if (end.mode !== undefined && (this.#created.delete(path) || this.force)) await chmod(path, end.mode);
    if (end.mtimeMs !== undefined) await utimes(path, end.mtimeMs / 1000, end.mtimeMs / 1000);
  }

  async #decide(entry: Entry, finalPath: string, partialPath: string): Promise<Pick<Place, 'action' | 'offset'>> {
    const existing = await statOf(finalPath);
    if (existing?.isDirectory()) throw new EntryRefused('exists', 'a directory of that name is there');
    const isSameSize = existing?.isFile() === true && existing.size === entry.size;
    if (existing !== undefined && !this.force) {
      if (isSameSize) return { action: 'compare', offset: existing.size };
      throw new EntryRefused('exists', 'another file of that name is there');
    }
    if (isSameSize && entry.mtimeMs === Math.round(existing!.mtimeMs)) {
      return { action: 'compare', offset: existing!.size };
    }
    const partial = await statOf(partialPath);
    const isUsable = partial?.isFile() === true && entry.size !== undefined && partial.size <= entry.size;
    return { action: 'write', offset: isUsable ? partial.size : 0 };
  }

  async #reserve(octets: number): Promise<number> {
    // Set aside before asking, so that two entries at once do not both count on the same space.
    this.#reserved += octets;
    const free = await this.freeOctets();
    if (free >= 0) return octets;
    this.#reserved -= octets;
    throw new EntryRefused('no-space', `${octets} octets are needed, ${Math.max(0, free + octets)} are free`);
  }

  async #makeDirectories(names: readonly string[]): Promise<void> {
    let path = this.root;
    for (const name of names) {
      path = join(path, name);
      try {
        await mkdir(path, { mode: WORKING_MODE });
        this.#remember(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        checkDirectory(await statOf(path));
      }
    }
  }

  async #checkDirectories(names: readonly string[]): Promise<void> {
    let path = this.root;
    for (const name of names) checkDirectory(await statOf((path = join(path, name))));
    // The kernel's own view, in case a link was slipped in between. (Where case does not matter it may be spelt otherwise.)
    if (names.length > 0 && !isBelow(await realpath(path), this.root)) throw new EntryRefused('name', LINK);
  }

  #remember(path: string): void {
    // Directories are finished depth first, so few are open at once; a peer that never finishes them gets no memory.
    if (this.#created.size < 4096) this.#created.add(path);
  }
}

const LINK = 'the name passes through a symbolic link';

function isBelow(path: string, root: string): boolean {
  return path.startsWith(root.endsWith(sep) ? root : root + sep);
}

function checkedNames(path: string): readonly string[] {
  const names = splitPath(path);
  if (typeof names === 'string') throw new EntryRefused('name', names);
  return names;
}

function checkDirectory(stats: Stats | undefined): void {
  if (stats?.isSymbolicLink()) throw new EntryRefused('name', LINK);
  if (stats?.isDirectory() !== true) throw new EntryRefused('exists', 'a part of the name is a file, not a directory');
}

/** `lstat`, undefined if nothing is there. */
async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

async function renameNew(from: string, to: string): Promise<void> {
  try {
    // link() fails if the name is taken, which rename() would silently replace.
    await link(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new EntryRefused('exists', 'another file of that name is there');
    // File systems without hard links.
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS' && code !== 'EMLINK') throw error;
    if ((await statOf(to)) !== undefined) throw new EntryRefused('exists', 'another file of that name is there');
    await rename(from, to);
    return;
  }
  await unlink(from);
}

/** A rename is durable once the directory is on the disk. Systems that cannot open directories do without. */
async function syncDirectory(path: string): Promise<void> {
  try {
    const handle = await open(path, constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // Windows, and some network file systems.
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function ignore(): void {}

/** Why the operating system's error stopped an entry, for the other side: no local path is told. */
export function refusalOf(error: unknown): EntryRefused {
  if (error instanceof EntryRefused) return error;
  const { code } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new EntryRefused('no-space', 'the disk is full', { cause: error });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new EntryRefused('io', 'the receiver may not write there', { cause: error });
    case 'ENAMETOOLONG':
    case 'EILSEQ':
    case 'EINVAL':
      return new EntryRefused('name', 'the name is not possible on the receiver', { cause: error });
    case 'EFBIG':
      return new EntryRefused('no-space', 'the file is too large for the receiver’s file system', { cause: error });
    default:
      return new EntryRefused('io', `the receiver could not write it (${code ?? 'internal error'})`, { cause: error });
  }
}
