import type { CryptoProvider, Suite } from '../../ports/crypto.js';
import type { TransportParams } from '../../wire/handshake-messages.js';
import type { HandshakeResult, KeyPair } from './handshake-result.js';
import type { SeedKeys } from './seed-keys.js';

export interface ResponderConfig {
  readonly crypto: CryptoProvider;
  /** The ring, in the order of `PacketEngine.setMac1Keys`. */
  readonly seeds: readonly SeedKeys[];
  readonly staticKeys: KeyPair;
  readonly params: TransportParams;
  /** What this side accepts; see `preferredSuites`. */
  readonly suites: readonly Suite[];
  /** True for an id that this node uses for any session. */
  readonly isSessionIdTaken: (sessionId: Uint8Array) => boolean;
  /** Called when a half-open session is given up: expired or evicted. Its slot in the engine is to be closed. */
  readonly onDiscard: (sessionId: Uint8Array) => void;
  /** False: this peer gets no answer. */
  readonly authorize?: ((peerNodeId: Uint8Array) => boolean) | undefined;
  /** Key of the stateless-reset tokens (STT §5); without one they are random, and never used. */
  readonly resetKey?: Uint8Array | undefined;
}

/** What became of a HELLO. */
export interface HelloOutcome {
  /** A datagram to send to `replyAddress`. */
  readonly reply: Uint8Array | undefined;
  readonly replyAddress: Uint8Array;
  /** A new half-open session: its keys go into the packet engine; nothing is told to the application before `confirm`. */
  readonly opened: HandshakeResult | undefined;
}

/** The answering side of all handshakes of a node (STT §4): one for each node. */
export interface HandshakeResponderShape {
  /**
   * Takes a HELLO in whose mac1 verified under seed `seedIndex`. Undefined: silence.
   * `address`: sender, ADDRESS_OCTETS; `wallClockMicros`: microseconds since the epoch.
   */
  handleHello(
    bytes: Uint8Array,
    begin: number,
    end: number,
    seedIndex: number,
    address: Uint8Array,
    now: number,
    wallClockMicros: number,
  ): HelloOutcome | undefined;
  /** The first packet of a half-open session opened: it is a session now. Undefined if there is none of this id. */
  confirm(sessionId: Uint8Array, now: number): HandshakeResult | undefined;
  /** Absolute time at which `expire` wants to be called; Infinity: not at all. */
  pollTimeout(): number;
  /** Gives up half-open sessions that were not confirmed in time, and forgets what is too old to matter. */
  expire(now: number): void;
  readonly halfOpen: number;
}
