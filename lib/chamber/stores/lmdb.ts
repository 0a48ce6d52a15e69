import { mkdir, open as openFile, readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { RootDatabase } from 'lmdb';
import { sttError, type ErrorCode } from '../../node-errors.js';
import {
  PAGE_OCTETS,
  beginsWith,
  type ChamberStore,
  type StoreCondition,
  type StoreEntry,
  type StoreOperation,
  type StoreStats,
} from '../store.js';
import { DATA_FILE, LOCK_FILE, makeRoom } from './lmdb-files.js';
import { LmdbWriter, type CommitOutcome } from './lmdb-writer.js';
import type { StoreCommit } from './packed-commits.js';

/** Where LMDB has its own magic number, and what it is: 0xBEEFC0DE, in this machine's order of octets. */
const MAGIC_AT = 24;
const MAGIC = new Uint8Array(Uint32Array.of(0xbeefc0de).buffer);
/** Commits that share one flush at most: a later one waits for the next. */
const MAX_GROUP = 4096;
/** So many octets are worth a flush of their own: a group of them is sent to be written while another one still is. */
const LARGE_OCTETS = 262_144;
/** Groups sent to be written at once: with one more than the disk works on, it is never waited for. */
const MAX_UNDER_WAY = 2;
/** A disk with less room than that, beyond what was to be written, is called full. */
const SLACK_OCTETS = 1_048_576;

export interface LmdbStoreOptions {
  /** Makes the directory where there is none. Default true. */
  readonly create?: boolean;
  /** Never writes. Default false. */
  readonly readOnly?: boolean;
}

interface Commit extends StoreCommit {
  readonly resolve: (failed: number) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The embedded store: LMDB in a directory of its own. A commit is resolved when it was flushed to the disk. Commits of
 * one turn of the event loop, and those that come while others are being written, share a transaction and its flush.
 * Several processes may use it at once.
 */
export class LmdbStore implements ChamberStore {
  readonly label: string;
  readonly #path: string;
  readonly #db: RootDatabase<Buffer, Uint8Array>;
  readonly #writer: LmdbWriter;
  readonly #queue: Commit[] = [];
  #queuedOctets = 0;
  #underWay = 0;
  #isSoon = false;
  #closing: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;

  private constructor(path: string, db: RootDatabase<Buffer, Uint8Array>, writer: LmdbWriter) {
    this.label = path;
    this.#path = path;
    this.#db = db;
    this.#writer = writer;
  }

  /**
   * Rejects with `ERR_STT_CHAMBER_FORMAT` for a directory with something else in it, with `ERR_STT_CHAMBER_FULL` for one on
   * a full disk, and with `ERR_STT_CHAMBER_STORE` for one that cannot be made or used.
   */
  static async open(path: string, { create = true, readOnly = false }: LmdbStoreOptions = {}): Promise<LmdbStore> {
    const isThere = await isChamberDirectory(path);
    if (!isThere) {
      if (!create || readOnly) throw sttError('ERR_STT_CHAMBER_FORMAT', { where: path, why: 'there is none' });
    }
    try {
      if (!isThere) await mkdir(path, { recursive: true, mode: 0o700 });
      await makeRoom(path);
      // Here and not at the top: it takes 17 MB of buffers at once, which a node without a chamber pays for with every
      // collection of garbage.
      const { open } = await import('lmdb');
      const options = {
        path,
        encoding: 'binary',
        keyEncoding: 'binary',
        noSubdir: false,
        // A commit is over when it is on the disk.
        overlappingSync: false,
        maxDbs: 1,
        readOnly,
      } as const;
      return new LmdbStore(path, open<Buffer, Uint8Array>(options), new LmdbWriter(options));
    } catch (cause) {
      const code: ErrorCode = saysFull(cause) ? 'ERR_STT_CHAMBER_FULL' : 'ERR_STT_CHAMBER_STORE';
      throw sttError(code, { where: path, why: (cause as Error).message }, { cause });
    }
  }

  async get(name: Uint8Array): Promise<Uint8Array | undefined> {
    this.#requireOpen();
    return this.#attempt(() => {
      // The snapshot of this turn of the event loop may be older than a commit of another process.
      this.#db.resetReadTxn();
      return plain(this.#db.getBinary(name));
    });
  }

  commit(operations: readonly StoreOperation[], conditions: readonly StoreCondition[] = []): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#requireOpen();
      this.#queue.push({ operations, conditions, resolve, reject });
      this.#queuedOctets += octetsOf(operations);
      this.#advance();
    });
  }

  async scan(prefix: Uint8Array, after: Uint8Array | undefined, limit: number): Promise<readonly StoreEntry[]> {
    this.#requireOpen();
    return this.#attempt(() => {
      this.#db.resetReadTxn();
      const found: StoreEntry[] = [];
      let octets = 0;
      const start = after === undefined ? prefix : after;
      const range = start.length === 0 ? {} : { start };
      for (const { key, value } of this.#db.getRange({
        ...range,
        exclusiveStart: after !== undefined,
        snapshot: false,
      })) {
        if (!beginsWith(key, prefix)) break;
        found.push({ name: Uint8Array.from(key), record: Uint8Array.from(value) });
        octets += value.length;
        if (found.length === limit || octets >= PAGE_OCTETS) break;
      }
      return found;
    });
  }

  async stats(): Promise<StoreStats> {
    this.#requireOpen();
    const { size } = await stat(join(this.#path, DATA_FILE));
    const { entryCount } = this.#attempt(() => this.#db.getStats() as { entryCount: number });
    return { entries: entryCount, octets: size };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#underWay > 0 || this.#queue.length > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    await this.#writer.close();
    await this.#db.close();
  }

  /** Has what waits written, if it is time: the small commits of this turn of the event loop together at its end. */
  #advance(): void {
    if (this.#queue.length === 0) {
      if (this.#underWay === 0) this.#onIdle?.();
    } else if (this.#queuedOctets >= LARGE_OCTETS) {
      if (this.#underWay < MAX_UNDER_WAY) void this.#writeGroup();
    } else if (this.#underWay === 0) {
      if (this.#isSoon) return;
      this.#isSoon = true;
      setImmediate(() => {
        this.#isSoon = false;
        if (this.#underWay === 0 && this.#queue.length > 0) void this.#writeGroup();
      });
    }
  }

  async #writeGroup(): Promise<void> {
    const group = this.#queue.splice(0, MAX_GROUP);
    for (const { operations } of group) this.#queuedOctets -= octetsOf(operations);
    this.#underWay++;
    try {
      this.#settle(group, await this.#writer.write(group));
    } catch (error) {
      for (const commit of group) void this.#reject(commit, error as Error);
    }
    this.#underWay--;
    this.#advance();
  }

  #settle(group: readonly Commit[], outcomes: readonly CommitOutcome[]): void {
    group.forEach((commit, i) => {
      const outcome = outcomes[i]!;
      if (typeof outcome === 'number') commit.resolve(outcome);
      else void this.#reject(commit, Object.assign(new Error(outcome.message), { code: outcome.code }));
    });
  }

  async #reject({ operations, reject }: Commit, cause: Error): Promise<void> {
    const code: ErrorCode = (await this.#isFull(cause, octetsOf(operations)))
      ? 'ERR_STT_CHAMBER_FULL'
      : 'ERR_STT_CHAMBER_STORE';
    reject(sttError(code, { where: this.label, why: cause.message }, { cause }));
  }

  /** LMDB says "Input/output error" of a full disk, as a write that was cut short gives no other. */
  async #isFull(cause: unknown, wanted: number): Promise<boolean> {
    if (saysFull(cause)) return true;
    const free = await statfs(this.#path).then(
      ({ bavail, bsize }) => bavail * bsize,
      () => Number.POSITIVE_INFINITY,
    );
    return free < wanted + SLACK_OCTETS;
  }

  #attempt<T>(read: () => T): T {
    try {
      return read();
    } catch (cause) {
      throw sttError('ERR_STT_CHAMBER_STORE', { where: this.label, why: (cause as Error).message }, { cause });
    }
  }

  #requireOpen(): void {
    if (this.#closing !== undefined) throw sttError('ERR_STT_CHAMBER_CLOSED');
  }
}

/**
 * True for the directory of an LMDB, false for one that is empty or missing.
 * @throws STTChamberError `ERR_STT_CHAMBER_FORMAT` for anything else
 */
async function isChamberDirectory(path: string): Promise<boolean> {
  const wrong = (why: string): Error => sttError('ERR_STT_CHAMBER_FORMAT', { where: path, why });
  let names: string[];
  try {
    names = await readdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return false;
    if (code === 'ENOTDIR') throw wrong('it is no directory');
    throw error;
  }
  // A process was killed before it made more.
  if (names.every((name) => name.startsWith(LOCK_FILE))) return false;
  if (!names.includes(DATA_FILE)) throw wrong('other files are in the directory');
  const head = new Uint8Array(MAGIC_AT + MAGIC.length);
  const file = await openFile(join(path, DATA_FILE));
  try {
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    // A process that made it ended before its first write.
    if (bytesRead === 0) return true;
    if (bytesRead < head.length || !beginsWith(head.subarray(MAGIC_AT), MAGIC))
      throw wrong('its data file is none of LMDB');
  } finally {
    await file.close();
  }
  return true;
}

function octetsOf(operations: readonly StoreOperation[]): number {
  return operations.reduce((sum, { record }) => sum + (record?.length ?? 0), 0);
}

function saysFull(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === 28 || code === 'ENOSPC' || code === 'EDQUOT';
}

function plain(buffer: Buffer | undefined): Uint8Array | undefined {
  return buffer === undefined ? undefined : new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}
