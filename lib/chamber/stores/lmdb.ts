import { mkdir, open as openFile, readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { RootDatabase } from 'lmdb';
import { sttError, type ErrorCode } from '../../errors.js';
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

/** Where LMDB has its own magic number, and what it is: 0xBEEFC0DE, in this machine's order of octets. */
const MAGIC_AT = 24;
const MAGIC = new Uint8Array(Uint32Array.of(0xbeefc0de).buffer);
/** Commits that share one flush at most: a later one waits for the next. */
const MAX_GROUP = 4096;
/** A disk with less room than that, beyond what was to be written, is called full. */
const SLACK_OCTETS = 1_048_576;

export interface LmdbStoreOptions {
  /** Makes the directory where there is none. Default true. */
  readonly create?: boolean;
  /** Never writes. Default false. */
  readonly readOnly?: boolean;
}

interface Commit {
  readonly operations: readonly StoreOperation[];
  readonly conditions: readonly StoreCondition[];
  readonly resolve: (failed: number) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The embedded store: LMDB in a directory of its own. A commit is resolved when it was flushed to the disk. Commits of
 * one turn of the event loop share a transaction and its flush. Several processes may use it at once.
 *
 * Transactions are synchronous: LMDB's asynchronous writes end in rejections that nobody can catch when a disk is full.
 */
export class LmdbStore implements ChamberStore {
  readonly label: string;
  readonly #path: string;
  readonly #db: RootDatabase<Buffer, Uint8Array>;
  readonly #queue: Commit[] = [];
  #scheduled: NodeJS.Immediate | undefined;
  #closing: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;

  private constructor(path: string, db: RootDatabase<Buffer, Uint8Array>) {
    this.label = path;
    this.#path = path;
    this.#db = db;
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
      const db = open<Buffer, Uint8Array>({
        path,
        encoding: 'binary',
        keyEncoding: 'binary',
        noSubdir: false,
        // A commit is over when it is on the disk.
        overlappingSync: false,
        maxDbs: 1,
        readOnly,
      });
      return new LmdbStore(path, db);
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
      this.#scheduled ??= setImmediate(() => this.#flush());
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
    if (this.#scheduled !== undefined) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    await this.#db.close();
  }

  #flush(): void {
    const group = this.#queue.splice(0, MAX_GROUP);
    this.#scheduled = this.#queue.length > 0 ? setImmediate(() => this.#flush()) : undefined;
    try {
      this.#settle(group, this.#transact(group));
    } catch (error) {
      if (group.length === 1) void this.#reject(group[0]!, error);
      else for (const commit of group) this.#flushAlone(commit);
    }
    if (this.#scheduled === undefined) this.#onIdle?.();
  }

  /** What failed together may succeed alone: the large ones of a group do not take the small ones with them. */
  #flushAlone(commit: Commit): void {
    try {
      this.#settle([commit], this.#transact([commit]));
    } catch (error) {
      void this.#reject(commit, error);
    }
  }

  /** Does the commits in one transaction; for each the index of the condition that failed, or -1. */
  #transact(group: readonly Commit[]): readonly number[] {
    return this.#db.transactionSync(() =>
      group.map(({ operations, conditions }) => {
        const failed = conditions.findIndex((condition) => !this.#isMet(condition));
        if (failed >= 0) return failed;
        for (const { name, record } of operations) {
          if (record === undefined) this.#db.removeSync(name);
          else this.#db.putSync(name, asBuffer(record));
        }
        return -1;
      }),
    );
  }

  #isMet({ name, begins }: StoreCondition): boolean {
    const record = this.#db.getBinaryFast(name);
    return begins === undefined || record === undefined ? begins === record : beginsWith(record, begins);
  }

  #settle(group: readonly Commit[], results: readonly number[]): void {
    group.forEach(({ resolve }, i) => resolve(results[i]!));
  }

  async #reject({ operations, reject }: Commit, cause: unknown): Promise<void> {
    const wanted = operations.reduce((sum, { record }) => sum + (record?.length ?? 0), 0);
    const code: ErrorCode = (await this.#isFull(cause, wanted)) ? 'ERR_STT_CHAMBER_FULL' : 'ERR_STT_CHAMBER_STORE';
    reject(sttError(code, { where: this.label, why: (cause as Error).message }, { cause }));
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

function saysFull(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === 28 || code === 'ENOSPC' || code === 'EDQUOT';
}

function plain(buffer: Buffer | undefined): Uint8Array | undefined {
  return buffer === undefined ? undefined : new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

function asBuffer(octets: Uint8Array): Buffer {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length);
}
