import type { Redis } from 'iovalkey';
import { sttError, type ErrorCode } from '../../node-errors.js';
import type { RedisTarget } from './redis-options.js';
import type { Script } from './redis-scripts.js';

/** Milliseconds between attempts: doubled from the first to the last. */
const FIRST_PAUSE = 10;
const LAST_PAUSE = 500;
/** Milliseconds a connection that was given up has for a farewell. */
const FAREWELL = 50;
/** Milliseconds without traffic after which the system asks whether the server is still there. */
const KEEP_ALIVE = 10_000;

/** Answers that say that a server will do it later, or another one will. */
const LATER = /(?:^|[\s-])(?:LOADING|MASTERDOWN|READONLY|BUSY|NOREPLICAS|CLUSTERDOWN|TRYAGAIN)\b/;
const IS_READ_ONLY = /(?:^|[\s-])READONLY\b/;
const IS_FULL = /(?:^|[\s-])OOM\b/;
const IS_UNKNOWN_SCRIPT = /(?:^|[\s-])NOSCRIPT\b/;
const IS_OTHER_TYPE = /(?:^|[\s-])WRONGTYPE\b/;

/** The time of a request was over. */
class Late extends Error {}

/**
 * One connection to a server, made when it is wanted and made anew when it broke. Every request is done, or rejected,
 * until a deadline on the clock of `performance.now()`; none is sent after it was rejected.
 */
export class RedisConnection {
  readonly #target: RedisTarget;
  #client: Promise<Redis> | undefined;

  constructor(target: RedisTarget) {
    this.#target = target;
  }

  /** Connects and logs in. @throws STTChamberError `ERR_STT_CHAMBER_STORE`, also if the server is only not there yet */
  async open(deadline: number): Promise<void> {
    try {
      await before(deadline, this.#connected());
    } catch (error) {
      throw this.#failure(reasonOf(error));
    }
  }

  /**
   * Sends a request, and again after a broken connection until the deadline: it must not matter if it is done twice.
   * `doubt` is said of one that was sent and not answered.
   * @throws STTChamberError `ERR_STT_CHAMBER_STORE`, `ERR_STT_CHAMBER_FULL`, `ERR_STT_CHAMBER_FORMAT`
   */
  async request<T>(send: (client: Redis) => Promise<T>, deadline: number, doubt = ''): Promise<T> {
    let isInDoubt = false;
    let why: string | undefined;
    for (let pause = FIRST_PAUSE; performance.now() < deadline; pause = Math.min(2 * pause, LAST_PAUSE)) {
      let client: Redis | undefined;
      try {
        client = await before(deadline, this.#connected());
        return await before(deadline, send(client));
      } catch (error) {
        isInDoubt ||= client !== undefined && !isAnswer(error);
        if (error instanceof Late) {
          // Whatever is sent on it now would wait behind what is not answered.
          if (client !== undefined) this.#giveUp(client);
          why ??= client === undefined ? 'no connection' : 'no answer';
          break;
        }
        why = reasonOf(error);
        if (isAnswer(error) && !LATER.test(why)) throw this.#refusal(why);
        // Another server may have taken over under the same address.
        if (client !== undefined && IS_READ_ONLY.test(why)) this.#giveUp(client);
      }
      await before(deadline, new Promise((resolve) => setTimeout(resolve, pause))).catch(() => {});
    }
    throw this.#failure(`${why ?? 'no turn'}, within ${this.#target.timeout} ms${isInDoubt ? doubt : ''}`);
  }

  /** Runs a script, which the server may know already. */
  async run(
    client: Redis,
    { text, sha }: Script,
    keys: readonly string[],
    args: readonly (string | Buffer)[],
  ): Promise<unknown> {
    const rest = [keys.length, ...keys, ...args];
    try {
      return await client.callBuffer('EVALSHA', sha, ...rest);
    } catch (error) {
      if (!IS_UNKNOWN_SCRIPT.test(reasonOf(error))) throw error;
      return await client.callBuffer('EVAL', text, ...rest);
    }
  }

  async close(): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    if (client === undefined || client.status === 'end') return;
    const ended = new Promise<void>((resolve) => client.once('end', resolve));
    this.#giveUp(client);
    await ended;
  }

  #connected(): Promise<Redis> {
    if (this.#client === undefined) {
      const connecting = this.#connect(() => {
        if (this.#client === connecting) this.#client = undefined;
      });
      this.#client = connecting;
      connecting.catch(() => {
        if (this.#client === connecting) this.#client = undefined;
      });
    }
    return this.#client;
  }

  async #connect(onEnd: () => void): Promise<Redis> {
    const { host, port, socketPath, username, password, database, tls, timeout } = this.#target;
    const { Redis: Client } = await this.#driver();
    let reason: Error | undefined;
    const client = new Client({
      ...(socketPath === undefined ? { host, port } : { path: socketPath }),
      ...(tls === undefined ? {} : { tls }),
      connectTimeout: timeout,
      disconnectTimeout: FAREWELL,
      keepAlive: KEEP_ALIVE,
      lazyConnect: true,
      // All that is done again is done again here, where it is known whether it may be.
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      // The client goes on without log-in or database if these fail.
      enableReadyCheck: false,
    });
    client.on('error', (error: Error) => (reason = error));
    client.once('end', onEnd);
    try {
      await client.connect();
      const logIn = async (): Promise<void> => {
        if (password !== undefined) await client.call('AUTH', ...(username === undefined ? [] : [username]), password);
        await client.call('SELECT', database);
      };
      await before(performance.now() + timeout, logIn());
      return client;
    } catch (error) {
      client.disconnect();
      throw isAnswer(error) || error instanceof Late ? error : (reason ?? error);
    }
  }

  async #driver(): Promise<{ readonly Redis: typeof Redis }> {
    try {
      // Only here: who has no such store need not have the package.
      return await import('iovalkey');
    } catch (cause) {
      const why = 'the package iovalkey is not there; install it beside this one';
      throw sttError('ERR_STT_CHAMBER_STORE', { where: this.#target.label, why }, { cause });
    }
  }

  #giveUp(client: Redis): void {
    this.#client = undefined;
    client.disconnect();
  }

  #refusal(why: string): Error {
    if (IS_OTHER_TYPE.test(why)) return this.#failure('something else is under its keys', 'ERR_STT_CHAMBER_FORMAT');
    return this.#failure(why, IS_FULL.test(why) ? 'ERR_STT_CHAMBER_FULL' : 'ERR_STT_CHAMBER_STORE');
  }

  /** Without a cause: errors of the client carry what was sent, the password among it. */
  #failure(why: string, code: ErrorCode = 'ERR_STT_CHAMBER_STORE'): Error {
    return sttError(code, { where: this.#target.label, why });
  }
}

/** @throws Late */
function before<T>(deadline: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Late('no answer')), Math.max(0, deadline - performance.now()));
    void promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** True for what a server said, as opposed to what happened to the connection. */
function isAnswer(error: unknown): boolean {
  return (error as Error).name === 'ReplyError';
}

/** Attempts at several addresses that all failed have codes but no message. */
function reasonOf(error: unknown): string {
  const { message, code } = error as { message: string; code?: string };
  return (message === '' ? String(code) : message).replace(/\.$/, '');
}
