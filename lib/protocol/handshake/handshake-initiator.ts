import type { CryptoProvider, Suite } from '../../ports/crypto.js';
import type { Random } from '../../ports/random.js';
import type { TransportParams } from '../../wire/handshake-messages.js';
import type { HandshakeResult, KeyPair } from './handshake-result.js';
import type { HelloClock } from './hello-clock.js';
import type { SeedKeys } from './seed-keys.js';

export interface InitiatorConfig {
  readonly crypto: CryptoProvider;
  /** Keys of the seed that initiates: the first of the ring. */
  readonly seed: SeedKeys;
  readonly staticKeys: KeyPair;
  readonly params: TransportParams;
  /** In order of preference; see `preferredSuites`. */
  readonly suites: readonly Suite[];
  /** Shared by all attempts of a node. */
  readonly helloClock: HelloClock;
  readonly random: Random;
  /** True for the id of a session that this node already has. */
  readonly isSessionIdTaken: (sessionId: Uint8Array) => boolean;
  /** Only this peer will do. */
  readonly peerNodeId?: Uint8Array | undefined;
  /** After which the attempt has failed; default 10,000. */
  readonly timeoutMs?: number | undefined;
}

/** A HELLO to send now. */
export interface HelloTransmit {
  readonly datagram: Uint8Array;
  /** Answers to it carry this id: eight octets, for `PacketEngine.expectHandshake`. */
  readonly handshakeId: Uint8Array;
  /** True when `handshakeId` was not seen before. */
  readonly fresh: boolean;
}

/** Why an attempt that timed out had no success. */
export type InitiatorFailure =
  'ERR_STT_HANDSHAKE_TIMEOUT' | 'ERR_STT_HANDSHAKE_SELF' | 'ERR_STT_PEER_MISMATCH' | 'ERR_STT_VERSION';

/**
 * One attempt to reach a peer (STT §4): `start`, then at every `pollTimeout()` `pollTransmit` until `failure` is set,
 * and every answer to `handleAnswer` until one gives a result.
 */
export interface HandshakeInitiatorShape {
  /** Begins at this time; the first HELLO is due at once. */
  start(now: number): void;
  /** The HELLO that is due, if one is. `wallClockMicros`: microseconds since the epoch. */
  pollTransmit(now: number, wallClockMicros: number): HelloTransmit | undefined;
  /** Absolute time of the next transmission or of giving up; Infinity when it is over. */
  pollTimeout(): number;
  /** Set once the timeout has passed (found by `pollTransmit`). */
  readonly failure: InitiatorFailure | undefined;
  /** The ids whose answers still count. All are to be forgotten when the attempt is over. */
  readonly handshakeIds: readonly Uint8Array[];
  /** Takes a datagram in; undefined unless it finishes the handshake: what is bad is dropped and counted. */
  handleAnswer(bytes: Uint8Array, begin: number, end: number, now: number): HandshakeResult | undefined;
  /** Answers that were dropped. */
  readonly dropped: number;
  /** Gives up and wipes the keys. */
  abandon(): void;
}
