import { integerOption } from '../options.js';
import { DEFAULT_SESSION_LIMITS, type SessionLimits } from '../protocol/session-config.js';

/** Options of a node about how much one session, and what its peer sends, may take. */
export interface LimitOptions {
  /** Streams that a peer may have open at once. Default 100. */
  readonly maxStreams?: number;
  /** Unreliable messages that wait in `receive()`; the oldest is dropped. Default 1,024. */
  readonly receiveQueue?: number;
  /** Largest unreliable message accepted from a peer, in octets; 0 refuses them. Default 65,000. */
  readonly maxMessageOctets?: number;
  /** Receive window of one stream at first and at most, in octets. Default 262,144 and 16 MiB. */
  readonly streamWindow?: number;
  readonly maxStreamWindow?: number;
  /** Receive window of a session at first and at most, in octets. Default 1 MiB and 32 MiB. */
  readonly sessionWindow?: number;
  readonly maxSessionWindow?: number;
  /** Received ranges of a session that wait for a gap before them; more ends it. Default 16,384. */
  readonly maxReassemblyGaps?: number;
  /** Answers to a peer's PINGs that wait to be sent; further PINGs are acknowledged only. Default 128. */
  readonly maxQueuedPongs?: number;
  /** Answers to a peer's PATH_CHALLENGEs that wait to be sent; further ones get none. Default 4. */
  readonly maxQueuedPathResponses?: number;
}

const MIB = 1_048_576;
const { maxReassemblyGaps, maxPongs, maxPathResponses, maxStreamWindow, maxSessionWindow } = DEFAULT_SESSION_LIMITS;

/** Default, least and most. */
const RANGES = {
  maxStreams: [100, 0, 0x7fffffff],
  receiveQueue: [1024, 1, 1_000_000],
  maxMessageOctets: [65_000, 0, 65_507],
  streamWindow: [262_144, 1024, 1024 * MIB],
  sessionWindow: [MIB, 1024, 1024 * MIB],
  maxReassemblyGaps: [maxReassemblyGaps, 16, 1_000_000],
  maxQueuedPongs: [maxPongs, 1, 65_536],
  maxQueuedPathResponses: [maxPathResponses, 1, 1024],
} as const satisfies Partial<Record<keyof LimitOptions, readonly [number, number, number]>>;

type RangedOption = keyof typeof RANGES;
const RANGED_OPTIONS = Object.keys(RANGES) as RangedOption[];

export const LIMIT_OPTIONS: readonly (keyof LimitOptions)[] = [
  ...RANGED_OPTIONS,
  'maxStreamWindow',
  'maxSessionWindow',
];

/** Options checked and filled in. */
export interface LimitConfig {
  readonly maxStreams: number;
  readonly receiveQueue: number;
  readonly maxMessageOctets: number;
  readonly streamWindow: number;
  readonly sessionWindow: number;
  readonly limits: SessionLimits;
}

/** @throws STTConfigError `ERR_STT_OPTION_RANGE` */
export function limitConfig(options: LimitOptions): LimitConfig {
  const chosen = Object.fromEntries(
    RANGED_OPTIONS.map((name) => [
      name,
      integerOption(name, options[name], ...(RANGES[name] as readonly [number, number, number])),
    ]),
  ) as Record<RangedOption, number>;
  /** The window at most: never less than the one at first. */
  const largest = (name: 'maxStreamWindow' | 'maxSessionWindow', fallback: number, first: number): number =>
    integerOption(name, options[name], Math.max(fallback, first), first, 1024 * MIB);
  return {
    ...chosen,
    limits: {
      ...DEFAULT_SESSION_LIMITS,
      maxReassemblyGaps: chosen.maxReassemblyGaps,
      maxPongs: chosen.maxQueuedPongs,
      maxPathResponses: chosen.maxQueuedPathResponses,
      maxStreamWindow: largest('maxStreamWindow', maxStreamWindow, chosen.streamWindow),
      maxSessionWindow: largest('maxSessionWindow', maxSessionWindow, chosen.sessionWindow),
    },
  };
}
