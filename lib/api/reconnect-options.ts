import { sttError, type ErrorCode, type STTError } from '../node-errors.js';
import { checkOptionNames, integerOption } from '../options.js';

/** How a session that broke is followed by another one. */
export interface ReconnectOptions {
  /** Bound of the wait before the first attempt, in milliseconds; doubled after each that failed. Default 100. */
  readonly minDelayMs?: number;
  /** Bound of the wait before any attempt. Default 10,000. */
  readonly maxDelayMs?: number;
  /** Attempts in a row that may fail. Default: no end of them. */
  readonly maxAttempts?: number;
  /**
   * Whether to connect again after this error. By default after what the network, the loss of the peer or keys that are
   * used up brought, and not after a close that the other side meant. Never asked after `close` and `destroy` of this side.
   */
  readonly when?: (error: STTError) => boolean;
}

/** Options checked and filled in. */
export interface ReconnectConfig {
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  readonly maxAttempts: number;
  readonly when: (error: STTError) => boolean;
}

/** Ends that nobody meant. */
const BROKEN: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_STT_IDLE_TIMEOUT',
  'ERR_STT_CONNECTION_LOST',
  'ERR_STT_CRYPTO',
  'ERR_STT_PEER_RESTARTED',
]);

/** @throws STTConfigError `ERR_STT_UNKNOWN_OPTION`, `ERR_STT_OPTION_RANGE` */
export function reconnectConfig(option: boolean | ReconnectOptions | undefined): ReconnectConfig | undefined {
  if (option === undefined || option === false) return undefined;
  if (option !== true && (typeof option !== 'object' || (option as object | null) === null)) {
    throw wrong('reconnect', option, 'true, false or an object of options');
  }
  const { minDelayMs, maxDelayMs, maxAttempts, when } = option === true ? ({} as ReconnectOptions) : option;
  if (option !== true) checkOptionNames(option, ['minDelayMs', 'maxDelayMs', 'maxAttempts', 'when']);
  if (when !== undefined && typeof when !== 'function') throw wrong('reconnect.when', when, 'a function');
  const min = integerOption('reconnect.minDelayMs', minDelayMs, 100, 1, 3_600_000);
  return {
    minDelayMs: min,
    maxDelayMs: integerOption('reconnect.maxDelayMs', maxDelayMs, Math.max(min, 10_000), min, 3_600_000),
    maxAttempts:
      maxAttempts === undefined
        ? Infinity
        : integerOption('reconnect.maxAttempts', maxAttempts, 1, 1, Number.MAX_SAFE_INTEGER),
    when: when ?? ((error) => BROKEN.has(error.code)),
  };
}

function wrong(name: string, value: unknown, expected: string): STTError {
  return sttError('ERR_STT_OPTION_RANGE', { name, value: String(value), expected });
}
