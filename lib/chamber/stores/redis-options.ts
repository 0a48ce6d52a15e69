import type { ConnectionOptions } from 'node:tls';
import { sttError } from '../../node-errors.js';
import { checkOptionNames, integerOption } from '../../options.js';

const DEFAULT_PORT = 6379;
const DEFAULT_PREFIX = '{stt-chamber}';
const MAX_PREFIX = 256;
const DEFAULT_TIMEOUT = 5000;
const SCHEMES = new Map([
  ['redis:', false],
  ['valkey:', false],
  ['rediss:', true],
  ['valkeys:', true],
]);

export interface RedisStoreOptions {
  /**
   * `redis://[user[:password]@]host[:port][/database]`, or `rediss://` for TLS; `valkey://` and `valkeys://` are the
   * same. Default `redis://127.0.0.1:6379/0`.
   */
  readonly url?: string;
  /** A Unix socket of the server, instead of host and port of `url`. */
  readonly socketPath?: string;
  /** User of the server's access control list. Default: that of `url`, or the server's default user. */
  readonly username?: string;
  /** Default: that of `url`, or none. */
  readonly password?: string;
  /** Options of `tls.connect` (`ca`, `cert`, `key`, `servername` ...); given, TLS is used whatever `url` says. */
  readonly tls?: ConnectionOptions;
  /**
   * What the keys of the chamber on the server begin with: 1 to 256 characters. Different prefixes are different
   * chambers. Default `{stt-chamber}`; braces keep the keys of one chamber in one slot.
   */
  readonly prefix?: string;
  /** Milliseconds within which every operation is done or rejected, 10 to 600,000. Default 5000. */
  readonly timeout?: number;
}

/** Where a server is and how to log in, checked. */
export interface RedisTarget {
  readonly host: string;
  readonly port: number;
  readonly socketPath: string | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  readonly tls: ConnectionOptions | undefined;
  readonly prefix: string;
  readonly timeout: number;
  /** For messages: without the password. */
  readonly label: string;
}

/** @throws STTConfigError `ERR_STT_UNKNOWN_OPTION`, `ERR_STT_OPTION_RANGE` */
export function redisTarget(options: RedisStoreOptions): RedisTarget {
  checkOptionNames(options, ['url', 'socketPath', 'username', 'password', 'tls', 'prefix', 'timeout']);
  const { prefix = DEFAULT_PREFIX, socketPath } = options;
  if (typeof prefix !== 'string' || prefix.length < 1 || prefix.length > MAX_PREFIX) {
    throw refused('prefix', typeof prefix, `1 to ${MAX_PREFIX} characters`);
  }
  for (const name of ['socketPath', 'username', 'password'] as const) {
    const value: unknown = options[name];
    if (value !== undefined && typeof value !== 'string') throw refused(name, typeof value, 'a string');
  }
  const { tls } = options;
  if (tls !== undefined && (typeof tls !== 'object' || tls === null)) {
    throw refused('tls', typeof tls, 'options of `tls.connect`');
  }
  const timeout = integerOption('timeout', options.timeout, DEFAULT_TIMEOUT, 10, 600_000);
  const at = parseUrl(options.url ?? `redis://127.0.0.1:${DEFAULT_PORT}/0`);
  const place = socketPath ?? `${at.host}:${at.port}`;
  return {
    host: at.host,
    port: at.port,
    socketPath,
    username: options.username ?? at.username,
    password: options.password ?? at.password,
    database: at.database,
    tls: tls ?? (at.isTls ? {} : undefined),
    prefix,
    timeout,
    label: `${place}/${at.database} ${prefix}`,
  };
}

interface Place {
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  readonly isTls: boolean;
}

/** The text is in no message: it may have the password in it. */
function parseUrl(text: unknown): Place {
  const wrong = (): Error =>
    refused(
      'url',
      'what was given',
      '`redis://` or `rediss://`, a host, and at most a port and the number of a database',
    );
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined;
  const isTls = url && SCHEMES.get(url.protocol);
  const database = url && /^\/?$|^\/(\d{1,5})$/.exec(url.pathname);
  if (url === undefined || isTls === undefined || url.hostname === '' || !database || url.search || url.hash) {
    throw wrong();
  }
  const decoded = (part: string): string | undefined => {
    try {
      return part === '' ? undefined : decodeURIComponent(part);
    } catch {
      throw wrong();
    }
  };
  return {
    // Node takes addresses of IPv6 without the brackets.
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    username: decoded(url.username),
    password: decoded(url.password),
    database: Number(database[1] ?? 0),
    isTls,
  };
}

function refused(name: string, value: string, expected: string): Error {
  return sttError('ERR_STT_OPTION_RANGE', { name, value, expected });
}
