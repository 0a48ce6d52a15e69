import { sttError } from '../errors.js';
import { checkOptionNames } from '../options.js';
import type { KeyPair } from '../ports/crypto.js';
import { HandshakeInitiator } from '../protocol/handshake/handshake-initiator.js';
import type { HandshakeResult } from '../protocol/handshake/handshake-result.js';
import { HelloClock } from '../protocol/handshake/hello-clock.js';
import { deriveSeedKeys, type SeedKeys } from '../protocol/handshake/seed-keys.js';
import { preferredSuites } from '../protocol/handshake/suites.js';
import { exportKey } from '../protocol/key-schedule.js';
import { NODE_IDENTITY } from '../stc/node-identity.js';
import { checkSeed } from '../stc/stc-root.js';
import type { STCWrapper } from '../stc/stc-wrapper.js';
import { DEFAULT_TRANSPORT_PARAMS } from '../wire/handshake-messages.js';
import { monotonicMs } from './clock.js';

export interface STTHandshakeOptions {
  /** Of the node's own seed: the identity follows from it. */
  readonly stc: STCWrapper;
  /** The secret shared with the peer: at least 16 random octets, 32 are right. */
  readonly sharedSeed: Uint8Array;
  /** Whose identity is proven; default that of a node, so that the peer sees the node id of an `STTNode`. */
  readonly nodeIdentity?: Uint8Array;
}

/** What both sides of a handshake know when it is over. */
export interface HandshakeKeys {
  /** 32 octets, the same on both sides. */
  readonly sessionKey: Uint8Array;
  /** The peer's public key, 32 octets. */
  readonly peerNodeId: Uint8Array;
}

/**
 * The initiator's side of one handshake by hand, over any channel (STT §4): two messages, each a whole STTFrame of 1,200
 * octets. A node does this by itself.
 *
 * ```js
 * const hello = initiator.initiateHandshake();
 * const { sessionKey, peerNodeId } = initiator.handleResponse(await exchange(hello));
 * ```
 */
export class STTInitiator {
  #initiator: HandshakeInitiator | undefined;
  /** @internal */
  protected readonly stc: STCWrapper;
  /** @internal */
  protected readonly seed: SeedKeys;
  /** @internal */
  protected readonly staticKeys: KeyPair;
  /** @internal */
  protected result: HandshakeResult | undefined;

  /**
   * @throws STTCryptoError `ERR_STT_SEED_TOO_SHORT`; STTConfigError `ERR_STT_UNKNOWN_OPTION`
   */
  constructor(options: STTHandshakeOptions) {
    checkOptionNames(options, ['stc', 'sharedSeed', 'nodeIdentity']);
    const { stc, sharedSeed, nodeIdentity = NODE_IDENTITY } = options;
    checkSeed('sharedSeed', sharedSeed, stc.warn);
    this.stc = stc;
    this.seed = deriveSeedKeys(stc.crypto, sharedSeed);
    this.staticKeys = stc.identityKeyPair(nodeIdentity);
  }

  /** Own public key, 32 octets. */
  get nodeId(): Uint8Array {
    return this.staticKeys.publicKey.slice();
  }

  /** The HELLO of an initiator. @throws STTHandshakeError `ERR_STT_INVALID_STATE` if this one has begun already */
  initiateHandshake(): Uint8Array {
    this.checkRole(!this.isBegun, 'initiateHandshake()');
    const { crypto } = this.stc;
    this.#initiator = new HandshakeInitiator({
      crypto,
      seed: this.seed,
      staticKeys: this.staticKeys,
      params: DEFAULT_TRANSPORT_PARAMS,
      suites: preferredSuites(crypto),
      helloClock: CLOCK,
      // Retransmission, which alone needs it, is the caller's here.
      random: { u32: () => 0 },
      isSessionIdTaken: () => false,
      timeoutMs: Infinity,
    });
    this.#initiator.start(monotonicMs());
    return this.#initiator.pollTransmit(monotonicMs(), wallClockMicros())!.datagram;
  }

  /**
   * Takes the responder's reply in. One that is no good changes nothing: a good one may still follow.
   *
   * @throws STTHandshakeError `ERR_STT_HANDSHAKE_FAILED` if it is no good, whatever the cause;
   *   `ERR_STT_INVALID_STATE` before `initiateHandshake()` or after success
   */
  handleResponse(response: Uint8Array): HandshakeKeys {
    this.checkRole(this.#initiator !== undefined && this.result === undefined, 'handleResponse()');
    const result = this.#initiator!.handleAnswer(response, 0, response.length, monotonicMs());
    if (result === undefined) throw sttError('ERR_STT_HANDSHAKE_FAILED');
    this.#initiator!.abandon();
    this.result = result;
    return { sessionKey: this.getSessionKey(), peerNodeId: this.peerNodeId! };
  }

  /**
   * Takes in a COOKIE_REPLY, by which a responder under load asks the initiator for a proof of its address.
   *
   * @returns a HELLO with the proof, to be sent from the same address
   * @throws STTHandshakeError `ERR_STT_HANDSHAKE_FAILED` if it is no good COOKIE_REPLY;
   *   `ERR_STT_INVALID_STATE` before `initiateHandshake()` or after success
   */
  handleCookie(reply: Uint8Array): Uint8Array {
    this.checkRole(this.#initiator !== undefined && this.result === undefined, 'handleCookie()');
    const initiator = this.#initiator!;
    const { dropped } = initiator;
    initiator.handleAnswer(reply, 0, reply.length, monotonicMs());
    const due =
      initiator.dropped > dropped ? undefined : initiator.pollTransmit(initiator.pollTimeout(), wallClockMicros());
    if (due === undefined) throw sttError('ERR_STT_HANDSHAKE_FAILED');
    return due.datagram;
  }

  /**
   * The session key, 32 octets, the same on both sides.
   * @throws STTHandshakeError `ERR_STT_INVALID_STATE` before it is known
   */
  getSessionKey(): Uint8Array {
    this.checkRole(this.result !== undefined, 'getSessionKey()');
    return exportKey(this.stc.crypto, this.result!.sessionKey);
  }

  /** The peer's public key (32 octets), once it is known. */
  get peerNodeId(): Uint8Array | undefined {
    return this.result?.peerNodeId.slice();
  }

  /** The session's id (8 octets), once it is known. */
  get sessionId(): Uint8Array | undefined {
    return this.result?.sessionId.slice();
  }

  /** @internal */
  protected get isInitiator(): boolean {
    return this.#initiator !== undefined;
  }

  /** @internal */
  protected get isBegun(): boolean {
    return this.isInitiator;
  }

  /** @internal */
  protected checkRole(holds: boolean, what: string): void {
    if (holds) return;
    const why = this.result !== undefined ? 'the handshake is over' : this.isBegun ? 'it goes on' : 'nothing was begun';
    throw sttError('ERR_STT_INVALID_STATE', { what, why });
  }
}

/** Timestamps must increase over all handshakes of one identity, and all of a process may have the same. */
const CLOCK = new HelloClock();

export function wallClockMicros(): number {
  return Date.now() * 1000;
}
