import { randomBytes } from 'node:crypto';
import { sttError, type ErrorCode } from '../../node-errors.js';
import {
  PAGE_OCTETS,
  compareOctets,
  type ChamberStore,
  type StoreCondition,
  type StoreEntry,
  type StoreOperation,
  type StoreStats,
} from '../store.js';
import { RedisConnection } from './redis-connection.js';
import { redisTarget, type RedisStoreOptions, type RedisTarget } from './redis-options.js';
import { COMMIT, CommitRefusal, SCAN } from './redis-scripts.js';

/** Commits sent together: at most as many, or so many octets, whichever comes first. */
const MAX_GROUP = 1024;
const MAX_GROUP_OCTETS = 4 * 1_048_576;
/** Milliseconds for which the server remembers the last group of a handle: longer than a dead connection lives. */
const REMEMBER = 3_600_000;
const NO_OCTETS = Buffer.alloc(0);
const IN_DOUBT = '; it is not known whether the write was done';

interface Commit {
  readonly operations: readonly StoreOperation[];
  readonly conditions: readonly StoreCondition[];
  readonly octets: number;
  readonly deadline: number;
  readonly resolve: (failed: number) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A store that many processes and machines share: a Redis or Valkey server, by the package `iovalkey`, which is to be
 * installed beside this one. Every commit is one script of the server: at once or not at all, under its conditions.
 *
 * Fails closed: an operation that was not done within `timeout` rejects with `ERR_STT_CHAMBER_STORE`, which says so if
 * it is not known whether a write was done. A broken connection is made anew meanwhile, and a write that was sent is done
 * once, however often it is sent.
 *
 * How durable a confirmed write is depends on the server: `appendonly yes` and `appendfsync always` are as LmdbStore.
 *
 * ```js
 * const store = await RedisStore.open({ url: 'rediss://chambers.example', username: 'stt', password });
 * const chamber = await Chamber.open({ store, nodeId, stc });
 * ```
 */
export class RedisStore implements ChamberStore {
  readonly label: string;
  readonly #timeout: number;
  readonly #connection: RedisConnection;
  /** Keys of the server: the records, their names, the last group of this handle. */
  readonly #keys: readonly [string, string, string];
  readonly #queue: Commit[] = [];
  readonly #underWay = new Set<Promise<unknown>>();
  #groups = 0;
  #isFlushing = false;
  #closing: Promise<void> | undefined;

  private constructor(target: RedisTarget, connection: RedisConnection) {
    this.label = target.label;
    this.#timeout = target.timeout;
    this.#connection = connection;
    const { prefix } = target;
    // Random, so that no two handles have the same.
    const handle = randomBytes(16).toString('hex');
    this.#keys = [`${prefix}:records`, `${prefix}:names`, `${prefix}:handle:${handle}`];
  }

  /**
   * Connects. Rejects with `ERR_STT_CHAMBER_STORE` if the server cannot be reached, refuses the log-in or may throw
   * records away when its memory is full, `ERR_STT_UNKNOWN_OPTION`, `ERR_STT_OPTION_RANGE`.
   */
  static async open(options: RedisStoreOptions = {}): Promise<RedisStore> {
    const target = redisTarget(options);
    const connection = new RedisConnection(target);
    const store = new RedisStore(target, connection);
    try {
      const deadline = performance.now() + target.timeout;
      await connection.open(deadline);
      await store.#requireNoEviction(deadline);
      return store;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  async get(name: Uint8Array): Promise<Uint8Array | undefined> {
    const [records] = this.#keys;
    const found = await this.#request((connection, deadline) =>
      connection.request((client) => client.hgetBuffer(records, asBuffer(name)), deadline),
    );
    return found === null ? undefined : plain(found);
  }

  commit(operations: readonly StoreOperation[], conditions: readonly StoreCondition[] = []): Promise<number> {
    return this.#request(
      (_, deadline) =>
        new Promise((resolve, reject) => {
          const octets = operations.reduce((sum, { record }) => sum + (record?.length ?? 0), 0);
          this.#queue.push({ operations, conditions, octets, deadline, resolve, reject });
          if (!this.#isFlushing) void this.#flush();
        }),
    );
  }

  async scan(prefix: Uint8Array, after: Uint8Array | undefined, limit: number): Promise<readonly StoreEntry[]> {
    const [records, names] = this.#keys;
    const isBehind = after !== undefined && compareOctets(after, prefix) >= 0;
    const from = Buffer.concat([Buffer.from(isBehind ? '(' : '['), isBehind ? after : prefix]);
    const args = [from, endOf(prefix), String(limit), String(PAGE_OCTETS)];
    const page = (await this.#request((connection, deadline) =>
      connection.request((client) => connection.run(client, SCAN, [records, names], args), deadline),
    )) as readonly Buffer[];
    return Array.from({ length: page.length / 2 }, (_, i) => ({
      name: plain(page[2 * i]!),
      record: plain(page[2 * i + 1]!),
    }));
  }

  async stats(): Promise<StoreStats> {
    const entries = await this.#request((connection, deadline) =>
      connection.request((client) => client.hlen(this.#keys[0]), deadline),
    );
    return { entries, octets: undefined };
  }

  close(): Promise<void> {
    this.#closing ??= Promise.allSettled(this.#underWay).then(() => this.#connection.close());
    return this.#closing;
  }

  /** Keeps count of what is under way. */
  async #request<T>(ask: (connection: RedisConnection, deadline: number) => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw sttError('ERR_STT_CHAMBER_CLOSED');
    const answer = ask(this.#connection, performance.now() + this.#timeout);
    this.#underWay.add(answer);
    try {
      return await answer;
    } finally {
      this.#underWay.delete(answer);
    }
  }

  /** One group at a time: the server can tell by its number alone whether it has done it. */
  async #flush(): Promise<void> {
    this.#isFlushing = true;
    // What is asked for in one turn of the event loop goes together.
    await new Promise((resolve) => setImmediate(resolve));
    for (let group = this.#nextGroup(); group.length > 0; group = this.#nextGroup()) {
      try {
        await this.#send(group);
      } catch (error) {
        // What is too much together may not be too much alone.
        if (group.length > 1 && (error as { code?: ErrorCode }).code === 'ERR_STT_CHAMBER_FULL') {
          for (const commit of group) await this.#send([commit]).catch(commit.reject);
        } else {
          for (const { reject } of group) reject(error as Error);
        }
      }
    }
    this.#isFlushing = false;
  }

  #nextGroup(): readonly Commit[] {
    let [length, octets] = [0, 0];
    while (length < Math.min(MAX_GROUP, this.#queue.length)) {
      octets += this.#queue[length]!.octets;
      if (length > 0 && octets > MAX_GROUP_OCTETS) break;
      length++;
    }
    return this.#queue.splice(0, length);
  }

  async #send(group: readonly Commit[]): Promise<void> {
    const args = [String(++this.#groups), String(REMEMBER), ...group.flatMap(argumentsOf)];
    const answer = await this.#connection.request(
      (client) => this.#connection.run(client, COMMIT, this.#keys, args),
      // They came one after the other.
      group[0]!.deadline,
      IN_DOUBT,
    );
    const text = String(answer);
    if (text === CommitRefusal.FORMAT)
      throw this.#failure('ERR_STT_CHAMBER_FORMAT', 'something else is under its keys');
    if (text === CommitRefusal.FULL) throw this.#failure('ERR_STT_CHAMBER_FULL', 'the memory of the server is full');
    const results = text.split(',').map(Number);
    if (results.length !== group.length || !results.every((result) => Number.isInteger(result))) {
      throw this.#failure('ERR_STT_CHAMBER_STORE', `the server answered ${JSON.stringify(text.slice(0, 80))}`);
    }
    group.forEach(({ resolve }, i) => resolve(results[i]!));
  }

  /** The chamber is one key of the server, and what was done is noted in another: neither may be thrown away to make room. */
  async #requireNoEviction(deadline: number): Promise<void> {
    const info = await this.#connection.request(
      // Not everybody may ask.
      (client) =>
        client.info('memory').catch((error: Error) => (error.name === 'ReplyError' ? '' : Promise.reject(error))),
      deadline,
    );
    const limit = /^maxmemory:(\d+)/m.exec(info)?.[1] ?? '0';
    const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? '';
    if (limit === '0' || policy === '' || policy === 'noeviction') return;
    const why = `the server deletes chambers when its memory is full; set its maxmemory-policy to noeviction, not ${policy}`;
    throw this.#failure('ERR_STT_CHAMBER_STORE', why);
  }

  #failure(code: ErrorCode, why: string): Error {
    return sttError(code, { where: this.label, why });
  }
}

function argumentsOf({ conditions, operations }: Commit): (string | Buffer)[] {
  return [
    String(conditions.length),
    String(operations.length),
    ...conditions.flatMap(({ name, begins }) => [
      asBuffer(name),
      begins === undefined ? '0' : '1',
      begins === undefined ? NO_OCTETS : asBuffer(begins),
    ]),
    ...operations.flatMap(({ name, record }) => [asBuffer(name), record === undefined ? NO_OCTETS : asBuffer(record)]),
  ];
}

/** The end of the names with a prefix, as ZRANGEBYLEX takes it: the first name behind all of them. */
function endOf(prefix: Uint8Array): Buffer {
  const end = Buffer.from(prefix);
  for (let length = end.length; length > 0; length--) {
    if (end[length - 1]! === 255) continue;
    end[length - 1]!++;
    return Buffer.concat([Buffer.from('('), end.subarray(0, length)]);
  }
  return Buffer.from('+');
}

/** What the client gives is part of what it received. */
function plain(buffer: Buffer): Uint8Array {
  return Uint8Array.from(buffer);
}

function asBuffer(octets: Uint8Array): Buffer {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length);
}
