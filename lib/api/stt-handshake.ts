import { HandshakeType, MIN_DATAGRAM } from '../constants.js';
import { sttError } from '../errors.js';
import { ADDRESS_OCTETS } from '../ports/packet-engine.js';
import { HandshakeResponder } from '../protocol/handshake/handshake-responder.js';
import { findSeed } from '../protocol/handshake/macs.js';
import { preferredSuites } from '../protocol/handshake/suites.js';
import { encodeAddress } from '../wire/address.js';
import { DEFAULT_TRANSPORT_PARAMS, handshakeParts, handshakePayloadAt } from '../wire/handshake-messages.js';
import { STTInitiator, wallClockMicros } from './stt-initiator.js';

export type { HandshakeKeys, STTHandshakeOptions } from './stt-initiator.js';

/** Where a HELLO came from, if that is known. */
export interface HelloSource {
  /** IP address. */
  readonly address?: string;
  readonly port?: number;
  /** Answers a HELLO by a cookie (`handleCookie`) unless it shows that the address is its sender's. */
  readonly underLoad?: boolean;
}

/**
 * One handshake by hand, over any channel (STT §4): two messages, each a whole STTFrame of 1,200 octets. A node does
 * this by itself.
 *
 * ```js
 * const hello = initiator.initiateHandshake();
 * const { reply } = responder.handleHello(hello);
 * const { sessionKey, peerNodeId } = initiator.handleResponse(reply);
 * ```
 */
export class STTHandshake extends STTInitiator {
  #responder: HandshakeResponder | undefined;

  /**
   * Takes a HELLO in, on the responder's side. `reply` is absent where a node would be silent about a HELLO that is
   * sound as such: one that was answered before and has come again too often, or whose timestamp is too old. The
   * session key is known from then on; but who the peer is, is proven only by something it sends under that key. The
   * same HELLO is answered by the same reply; another one replaces the result.
   *
   * @throws STTHandshakeError `ERR_STT_HANDSHAKE_FAILED` if the HELLO is no good, whatever the cause;
   *   `ERR_STT_INVALID_STATE` on the initiator's side
   */
  handleHello(hello: Uint8Array, source: HelloSource = {}): { readonly reply?: Uint8Array } {
    this.checkRole(!this.isInitiator, 'handleHello()');
    const { crypto } = this.stc;
    const parts = hello.length === MIN_DATAGRAM ? handshakeParts(hello, 0, hello.length) : undefined;
    const type = hello[handshakePayloadAt(hello, 0, hello.length)];
    if (parts === undefined || type !== HandshakeType.HELLO || findSeed(crypto, [this.seed], parts) !== 0) {
      throw sttError('ERR_STT_HANDSHAKE_FAILED');
    }
    this.#responder ??= new HandshakeResponder({
      crypto,
      seeds: [this.seed],
      staticKeys: this.staticKeys,
      params: DEFAULT_TRANSPORT_PARAMS,
      suites: preferredSuites(crypto),
      isSessionIdTaken: () => false,
      onDiscard: () => {},
    });
    this.#responder.forcedLoad = source.underLoad === true;
    const responder = this.#responder;
    const { refused } = responder.stats();
    const address = encodeAddress(source.address ?? '::', source.port ?? 0) ?? new Uint8Array(ADDRESS_OCTETS);
    const now = performance.now();
    responder.expire(now);
    const outcome = responder.handleHello(hello, 0, hello.length, 0, address, now, wallClockMicros());
    // VERSIONS is an answer, too.
    if (outcome === undefined && responder.stats().refused > refused) throw sttError('ERR_STT_HANDSHAKE_FAILED');
    this.result = outcome?.open?.() ?? this.result;
    return outcome === undefined ? {} : { reply: outcome.reply };
  }

  /** @internal */
  protected override get isBegun(): boolean {
    return super.isBegun || this.#responder !== undefined;
  }
}
