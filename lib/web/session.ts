import {
  SessionControl,
  type CloseOptions,
  type MessageFate,
  type MessageOptions,
  type OpenStreamOptions,
  type SessionEvents as ControlEvents,
} from '../api/session-control.js';
import type { SessionBridge } from '../api/session-bridge.js';
import type { StreamManager } from '../api/stream-manager.js';
import type { SessionStats as ProtocolStats } from '../protocol/session-stats.js';
import { Emitter } from './emitter.js';
import type { STTStream } from './stream.js';

export type { MessageFate } from '../api/session-control.js';

/** What an established session is known by. */
export interface SessionIdentity {
  readonly sessionId: Uint8Array;
  readonly peerNodeId: Uint8Array;
  readonly sessionKey: Uint8Array;
  /** Where the WebSocket goes. */
  readonly url: string;
}

/** See the fields of the protocol's statistics; all octets and packets are totals since the session opened. */
export interface SessionStats extends ProtocolStats {
  /** What carries the session. */
  readonly transport: 'websocket';
  /** Which implementation seals and opens its packets. */
  readonly backend: 'js';
}

export type SessionEvents = ControlEvents<STTStream>;

/** An authenticated, encrypted session with one node. Made by `STTNode.connectWebSocket()`. */
export class STTSession extends Emitter<SessionEvents> {
  readonly #entry: SessionBridge<STTStream>;
  readonly #identity: SessionIdentity;
  readonly #control: SessionControl<STTStream>;

  /** @internal */
  constructor(entry: SessionBridge<STTStream>, identity: SessionIdentity, closeTimeoutMs: number) {
    super();
    this.#entry = entry;
    this.#identity = identity;
    this.#control = new SessionControl(
      entry,
      {
        onStream: (stream) => this.emit('stream', stream),
        onMessage: (streamId, data) => this.emit('message', { streamId, data }),
        onEnd: (error) => {
          if (error.code !== 'ERR_STT_CLOSED') this.emit('error', error);
          this.emit('close', error);
        },
      },
      closeTimeoutMs,
    );
  }

  /** The session's streams. */
  get streamManager(): StreamManager<STTStream> {
    return this.#control.streamManager;
  }

  /** Eight random octets, the same on both sides. */
  get sessionId(): Uint8Array {
    return this.#identity.sessionId.slice();
  }

  /** The peer's node id: its static public key, proven by the handshake (32 octets). */
  get peerNodeId(): Uint8Array {
    return this.#identity.peerNodeId.slice();
  }

  /** A key both sides share and nobody else knows, for the application's own use (STT §4); never a key of the wire. A copy. */
  get sessionKey(): Uint8Array {
    return this.#identity.sessionKey.slice();
  }

  /** A page always begins the handshake. */
  get role(): 'initiator' {
    return 'initiator';
  }

  /** 'open'; 'closing' from `close()` on; 'closed' when nothing passes any more. */
  get state(): 'open' | 'closing' | 'closed' {
    return this.#control.state;
  }

  /** Where the WebSocket goes; a page does not learn the address behind it. */
  get url(): string {
    return this.#identity.url;
  }

  /** What carries the session. */
  get transport(): 'websocket' {
    return 'websocket';
  }

  /** Opens a stream; `priority` is its weight, 1..256 (default 16). Waits while the peer allows no more streams. */
  openStream(options: OpenStreamOptions = {}): Promise<STTStream> {
    return this.#control.openStream(options);
  }

  /** The open streams. */
  streams(): Iterable<STTStream> {
    return this.streamManager;
  }

  /**
   * Sends an unreliable message: delivered once or not at all, boundaries kept, in any order.
   * `streamId` is a tag of the application's, unrelated to streams.
   * @throws STTSessionError `ERR_STT_MESSAGE_TOO_LARGE` with the limit, `ERR_STT_QUEUE_FULL`, `ERR_STT_CLOSED` (as rejections)
   */
  sendMessage(data: Uint8Array, options: MessageOptions = {}): Promise<MessageFate> {
    return this.#control.sendMessage(data, options);
  }

  /**
   * Sends a frame of the application's own type, 0x80-0xFF; unreliable, like a message.
   * @throws STTSessionError `ERR_STT_MESSAGE_TOO_LARGE`, `ERR_STT_QUEUE_FULL`, `ERR_STT_CLOSED`
   */
  sendFrame(type: number, data: Uint8Array): void {
    this.#control.sendFrame(type, data);
  }

  /** Handles frames of one type 0x80-0xFF; `undefined` removes the handler. Frames without a handler are dropped. */
  onFrame(type: number, handler: ((data: Uint8Array) => void) | undefined): void {
    this.#control.onFrame(type, handler);
  }

  /** Round-trip time of one PING and PONG in milliseconds. Rejects if the session ends first. */
  ping(): Promise<number> {
    return this.#control.ping();
  }

  /**
   * Whether the keys are as old, or have sealed as much, as the node's options allow. The session then changes them by
   * itself, so there is no need to ask.
   */
  shouldRotateKeys(): boolean {
    return this.#control.shouldRotateKeys();
  }

  /**
   * Changes the keys of the wire by a fresh exchange of ML-KEM-768 (STT §5), and resolves when both directions use them.
   * Data flows meanwhile. If a rotation is under way, by whichever side, that is the one. Awaited before the first octet
   * is written, it protects all of them also from who recorded the handshake and breaks X25519 one day.
   * @throws STTSessionError `ERR_STT_KEY_EXCHANGE` if ML-KEM cannot be computed here; the reason of its end if the session
   *   ends first (as rejections)
   */
  rotateKeys(): Promise<void> {
    return this.#control.rotateKeys();
  }

  /** How often the keys were changed: the phase of the newest ones, 0 at first. */
  get keyVersion(): number {
    return this.#entry.session.keyVersion;
  }

  /** A snapshot; its fields are documented one by one. */
  getStats(): SessionStats {
    return { ...this.#entry.session.stats(), transport: 'websocket', backend: 'js' };
  }

  /**
   * Ends the session: ends every stream, waits until all that was written is acknowledged, then tells the peer.
   * @param options `code` 0 (default) or one of the application's, from 256 on; `reason` at most 256 octets of UTF-8;
   *   `timeoutMs` how long delivery may take (default `closeTimeoutMs` of the node, 30 s).
   * @throws STTSessionError `ERR_STT_CLOSE_TIMEOUT` if not everything was acknowledged in time (as a rejection; the session is closed all the same)
   */
  close(options: CloseOptions = {}): Promise<void> {
    return this.#control.close(options);
  }

  /** Ends the session at once: what is not yet acknowledged may be lost. The peer sees an application close, if it hears it. */
  destroy(error?: Error): void {
    this.#control.destroy(error);
  }
}
