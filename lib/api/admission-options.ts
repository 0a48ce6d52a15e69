import { NODE_ID_OCTETS } from '../constants.js';
import { sttError } from '../node-errors.js';
import { integerOption } from '../options.js';
import { DEFAULT_HALF_OPEN_LIMITS, type HalfOpenLimits } from '../protocol/handshake/half-open-table.js';
import { DEFAULT_HANDSHAKE_RATES, type HandshakeRates } from '../protocol/handshake/handshake-budget.js';

/** What is known of a peer whose identity its handshake has proven. */
export interface PeerInfo {
  /** This node's side of the handshake: of a peer that connected, 'responder'. */
  readonly role: 'initiator' | 'responder';
  readonly transport: 'udp' | 'websocket';
  readonly address: string;
  readonly port: number;
  readonly family: 'IPv4' | 'IPv6';
}

/** Decides about a peer. What it throws, and a promise that rejects or comes too late, mean no. */
export type Authorize = (peerNodeId: Uint8Array, info: PeerInfo) => boolean | PromiseLike<boolean>;

/** Options of a node about who may connect, and how much of it. */
export interface AdmissionOptions {
  /** Node ids (32 octets) of the only peers that will do. Default: whoever holds the shared seed and passes `authorize`. */
  readonly allowedPeers?: Iterable<Uint8Array>;
  /**
   * Asked about every peer, once its identity is proven and before its session exists: true lets it in. Of a peer that
   * waits for the answer nothing is processed; one that is refused sees `ERR_STT_REFUSED`. Default: all are let in.
   */
  readonly authorize?: Authorize;
  /** How long `authorize` may take, ms; too long means no. Default 5,000. */
  readonly authorizeTimeoutMs?: number;
  /** Sessions of one peer id at once. Default: a quarter of `maxSessions`, so that no peer takes all. */
  readonly maxSessionsPerPeer?: number;
  /** Sessions of one IPv4 address, or IPv6 network of 64 bits, at once. Default: a quarter of `maxSessions`. */
  readonly maxSessionsPerSource?: number;
  /** Handshakes answered and waiting for the initiator's first packet. Default 1,024. */
  readonly maxHalfOpen?: number;
  /** Of these, of one IP address. Default 64. */
  readonly maxHalfOpenPerSource?: number;
  /** Handshakes answered a second. Default 4,000: half of an event loop. */
  readonly maxHandshakeRate?: number;
  /** Of these, of one IPv4 address, or IPv6 network of 64 bits. Default 2,000. */
  readonly maxHandshakeRatePerSource?: number;
}

export const ADMISSION_OPTIONS = [
  'allowedPeers',
  'authorize',
  'authorizeTimeoutMs',
  'maxSessionsPerPeer',
  'maxSessionsPerSource',
  'maxHalfOpen',
  'maxHalfOpenPerSource',
  'maxHandshakeRate',
  'maxHandshakeRatePerSource',
] as const satisfies readonly (keyof AdmissionOptions)[];

/** Options checked and filled in. */
export interface AdmissionConfig {
  readonly allowedPeers: readonly Uint8Array[] | undefined;
  readonly authorize: Authorize | undefined;
  readonly authorizeTimeoutMs: number;
  readonly maxSessionsPerPeer: number;
  readonly maxSessionsPerSource: number;
  readonly handshakes: HalfOpenLimits & HandshakeRates;
}

/** @throws STTConfigError `ERR_STT_OPTION_RANGE` */
export function admissionConfig(options: AdmissionOptions, maxSessions: number): AdmissionConfig {
  const integer = (name: keyof AdmissionOptions, fallback: number, max: number): number =>
    integerOption(name, options[name], fallback, 1, max);
  const { allowedPeers, authorize } = options;
  if (authorize !== undefined && typeof authorize !== 'function') {
    throw sttError('ERR_STT_OPTION_RANGE', { name: 'authorize', value: typeof authorize, expected: 'a function' });
  }
  const quarter = Math.max(1, Math.ceil(maxSessions / 4));
  const { maxHalfOpen, maxHalfOpenPerHost } = DEFAULT_HALF_OPEN_LIMITS;
  const { maxHandshakeRate, maxHandshakeRatePerSource } = DEFAULT_HANDSHAKE_RATES;
  return {
    allowedPeers: allowedPeers === undefined ? undefined : Array.from(allowedPeers, checkedNodeId),
    authorize,
    authorizeTimeoutMs: integer('authorizeTimeoutMs', 5000, 600_000),
    maxSessionsPerPeer: integer('maxSessionsPerPeer', quarter, 1_000_000),
    maxSessionsPerSource: integer('maxSessionsPerSource', quarter, 1_000_000),
    handshakes: {
      maxHalfOpen: integer('maxHalfOpen', maxHalfOpen, 65_536),
      maxHalfOpenPerHost: integer('maxHalfOpenPerSource', maxHalfOpenPerHost, 65_536),
      maxHandshakeRate: integer('maxHandshakeRate', maxHandshakeRate, 1_000_000),
      maxHandshakeRatePerSource: integer('maxHandshakeRatePerSource', maxHandshakeRatePerSource, 1_000_000),
    },
  };
}

/** A copy. @throws STTConfigError `ERR_STT_OPTION_RANGE` if it is no node id */
export function checkedNodeId(id: Uint8Array): Uint8Array {
  if (id instanceof Uint8Array && id.length === NODE_ID_OCTETS) return id.slice();
  throw sttError('ERR_STT_OPTION_RANGE', {
    name: 'a node id',
    value: typeof id,
    expected: 'a Uint8Array of 32 octets',
  });
}
