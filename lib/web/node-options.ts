import { LIMIT_OPTIONS, limitConfig, type LimitOptions } from '../api/limit-options.js';
import { ROTATION_OPTIONS, rotationPolicy, type RotationOptions } from '../api/rotation-options.js';
import { bytesOption, checkOptionNames, integerOption } from '../options.js';
import type { RotationPolicy } from '../protocol/rotation-policy.js';
import type { SessionLimits } from '../protocol/session-config.js';
import { checkSeed } from '../stc/stc-root.js';
import { DEFAULT_TRANSPORT_PARAMS, type TransportParams } from '../wire/handshake-messages.js';

/** Options of a node in a browser: those of Node's that make sense without a socket of one's own. */
export interface STTNodeOptions extends RotationOptions, LimitOptions {
  /** The node's own secret, at least 16 random octets, 32 are right: the node id follows from it. */
  readonly nodeSeed: Uint8Array;
  /** The secret shared with the peer: at least 16 random octets, 32 are right. */
  readonly sharedSeed: Uint8Array;
  /** A session in which nothing is heard for so long is over; 0 = never. Default 30,000. */
  readonly idleTimeoutMs?: number;
  /** Sends a PING when nothing was heard for a third of the idle timeout. Default false. */
  readonly keepAlive?: boolean;
  /** How long `close()` may take to deliver what was written. Default 30,000. */
  readonly closeTimeoutMs?: number;
}

/** Options checked and filled in. */
export interface NodeConfig {
  readonly nodeSeed: Uint8Array;
  readonly sharedSeed: Uint8Array;
  readonly keepAliveMs: number;
  readonly closeTimeoutMs: number;
  readonly receiveQueue: number;
  readonly params: TransportParams;
  readonly limits: SessionLimits;
  readonly rotation: RotationPolicy;
}

const NAMES: readonly (keyof STTNodeOptions)[] = [
  ...LIMIT_OPTIONS,
  ...ROTATION_OPTIONS,
  'nodeSeed',
  'sharedSeed',
  'idleTimeoutMs',
  'keepAlive',
  'closeTimeoutMs',
];

/**
 * @throws STTConfigError `ERR_STT_UNKNOWN_OPTION`, `ERR_STT_OPTION_RANGE`; STTCryptoError `ERR_STT_SEED_TOO_SHORT`
 */
export function nodeConfig(options: STTNodeOptions): NodeConfig {
  checkOptionNames(options, NAMES);
  const integer = (name: keyof STTNodeOptions, fallback: number, min: number, max: number): number =>
    integerOption(name, options[name], fallback, min, max);
  const idleTimeoutMs = integer('idleTimeoutMs', 30_000, 0, 86_400_000);
  if (idleTimeoutMs > 0) integer('idleTimeoutMs', 30_000, 1_000, 86_400_000);
  const { maxStreams, receiveQueue, maxMessageOctets, streamWindow, sessionWindow, limits } = limitConfig(options);
  return {
    nodeSeed: seed('nodeSeed', options.nodeSeed),
    sharedSeed: seed('sharedSeed', options.sharedSeed),
    keepAliveMs: options.keepAlive === true ? idleTimeoutMs / 3 : 0,
    closeTimeoutMs: integer('closeTimeoutMs', 30_000, 0, 0x7fffffff),
    receiveQueue,
    params: {
      ...DEFAULT_TRANSPORT_PARAMS,
      initialMaxData: sessionWindow,
      initialMaxStreamData: streamWindow,
      maxStreams,
      idleTimeoutMs,
      maxDatagram: maxMessageOctets,
    },
    rotation: rotationPolicy(options),
    limits,
  };
}

function seed(name: string, value: unknown): Uint8Array {
  const octets = bytesOption(name, value);
  checkSeed(name, octets);
  return octets.slice();
}
