import type { Suite } from '../../ports/crypto.js';
import type { TransportParams } from '../../wire/handshake-messages.js';

export type { KeyPair } from '../../ports/crypto.js';

/** What a finished handshake gives. On the responder's side the peer is confirmed only when its first packet opens. */
export interface HandshakeResult {
  readonly role: 'initiator' | 'responder';
  /** Eight octets, chosen by the responder. */
  readonly sessionId: Uint8Array;
  /** `session_key` of STT §4, 32 octets: root of the keys of phase 0. Never shown to the application. */
  readonly sessionKey: Uint8Array;
  readonly suite: Suite;
  /** The peer's static public key. */
  readonly peerNodeId: Uint8Array;
  readonly localParams: TransportParams;
  readonly peerParams: TransportParams;
  /** Initiator: the token of the peer's stateless resets. Responder: the token it gave. 16 octets. */
  readonly resetToken: Uint8Array;
  /** Round trip of the handshake, if the message that was answered had been sent only once. */
  readonly handshakeRttMs: number | undefined;
  /** Which seed of the ring both sides used. */
  readonly seedIndex: number;
}
