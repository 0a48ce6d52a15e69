import type { SessionEntry, SessionFace } from '../api/session-entry.js';
import { StreamManager } from '../api/stream-manager.js';
import { CloseCode, PacketFrame } from '../constants.js';
import { sttError, type STTError } from '../errors.js';
import { checkOptionNames, integerOption } from '../options.js';
import type { SessionStats as ProtocolStats } from '../protocol/session-stats.js';
import { Emitter } from './emitter.js';
import type { STTStream } from './stream.js';

/** Outcome of an unreliable message: acknowledged, given up as lost, or unknown because the session ended. */
export type MessageFate = 'acked' | 'lost' | 'closed';

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

export interface SessionEvents {
  /** The peer opened a stream. */
  stream: [stream: STTStream];
  /** An unreliable message came in. */
  message: [message: { streamId: number; data: Uint8Array }];
  /** The session is over; `error` says why, and has `closeCode` 0 if it was closed normally. */
  close: [error: STTError];
  /** The session was ended by anything but a normal close. Not thrown if nobody listens. */
  error: [error: STTError];
}

/** An authenticated, encrypted session with one node. Made by `STTNode.connectWebSocket()`. */
export class STTSession extends Emitter<SessionEvents> implements SessionFace<STTStream> {
  readonly #entry: SessionEntry<STTStream>;
  readonly #identity: SessionIdentity;
  readonly #closeTimeoutMs: number;
  readonly #fates = new Map<number, (fate: MessageFate) => void>();
  readonly #pings = new Map<number, { resolve(rttMs: number): void; reject(error: Error): void }>();
  readonly #frameHandlers = new Map<number, (data: Uint8Array) => void>();
  /** The session's streams. */
  readonly streamManager: StreamManager<STTStream>;
  #closing: Promise<void> | undefined;
  #progress: (() => void) | undefined;
  #ended: STTError | undefined;

  /** @internal */
  constructor(entry: SessionEntry<STTStream>, identity: SessionIdentity, closeTimeoutMs: number) {
    super();
    this.#entry = entry;
    this.#identity = identity;
    this.#closeTimeoutMs = closeTimeoutMs;
    this.streamManager = new StreamManager(entry);
    entry.face = this;
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
    if (this.#ended !== undefined) return 'closed';
    return this.#closing === undefined ? 'open' : 'closing';
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
  openStream(options: { readonly priority?: number; readonly signal?: AbortSignal } = {}): Promise<STTStream> {
    try {
      checkOptionNames(options, ['priority', 'signal']);
      integerOption('priority', options.priority, 16, 1, 256);
    } catch (error) {
      return Promise.reject(error as Error);
    }
    return this.streamManager.open(options);
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
  sendMessage(data: Uint8Array, options: { readonly streamId?: number } = {}): Promise<MessageFate> {
    try {
      checkBytes(data);
      const tag = integerOption('streamId', options.streamId, 0, 0, Number.MAX_SAFE_INTEGER);
      this.#checkOpen();
      const id = this.#entry.session.sendMessage(tag, data);
      this.#entry.schedule();
      return new Promise((resolve) => this.#fates.set(id, resolve));
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  /**
   * Sends a frame of the application's own type, 0x80-0xFF; unreliable, like a message.
   * @throws STTSessionError `ERR_STT_MESSAGE_TOO_LARGE`, `ERR_STT_QUEUE_FULL`, `ERR_STT_CLOSED`
   */
  sendFrame(type: number, data: Uint8Array): void {
    checkBytes(data);
    integerOption('type', type, type, PacketFrame.USER_FIRST, 0xff);
    this.#checkOpen();
    this.#entry.session.sendUserFrame(type, data);
    this.#entry.schedule();
  }

  /** Handles frames of one type 0x80-0xFF; `undefined` removes the handler. Frames without a handler are dropped. */
  onFrame(type: number, handler: ((data: Uint8Array) => void) | undefined): void {
    integerOption('type', type, type, PacketFrame.USER_FIRST, 0xff);
    if (handler === undefined) this.#frameHandlers.delete(type);
    else this.#frameHandlers.set(type, handler);
  }

  /** Round-trip time of one PING and PONG in milliseconds. Rejects if the session ends first. */
  ping(): Promise<number> {
    try {
      this.#checkOpen();
      const id = this.#entry.session.ping(performance.now());
      this.#entry.schedule();
      return new Promise((resolve, reject) => this.#pings.set(id, { resolve, reject }));
    } catch (error) {
      return Promise.reject(error as Error);
    }
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
  close(
    options: { readonly code?: number; readonly reason?: string; readonly timeoutMs?: number } = {},
  ): Promise<void> {
    try {
      checkOptionNames(options, ['code', 'reason', 'timeoutMs']);
      const code = integerOption('code', options.code, 0, 0, Number.MAX_SAFE_INTEGER);
      if (code !== 0 && code < CloseCode.APPLICATION) integerOption('code', code, 0, CloseCode.APPLICATION, Infinity);
      const timeoutMs = integerOption('timeoutMs', options.timeoutMs, this.#closeTimeoutMs, 0, 0x7fffffff);
      this.#closing ??= this.#close(code, options.reason ?? '', timeoutMs);
    } catch (error) {
      return Promise.reject(error as Error);
    }
    return this.#closing;
  }

  /** Ends the session at once: what is not yet acknowledged may be lost. The peer sees an application close, if it hears it. */
  destroy(error?: Error): void {
    if (this.#ended !== undefined) return;
    this.#entry.session.close(performance.now(), error === undefined ? CloseCode.NONE : CloseCode.SESSION, '');
    this.#entry.schedule();
  }

  async #close(code: number, reason: string, timeoutMs: number): Promise<void> {
    if (this.#ended !== undefined) return;
    this.streamManager.refuse();
    for (const stream of this.streamManager) stream.finish();
    const delivered = await this.#drained(timeoutMs);
    if (this.#ended !== undefined) return;
    this.#entry.session.close(performance.now(), code, reason);
    this.#entry.schedule();
    if (!delivered) throw sttError('ERR_STT_CLOSE_TIMEOUT', { timeoutMs });
  }

  /** True once everything written is acknowledged (or the session is over), false on timeout. */
  #drained(timeoutMs: number): Promise<boolean> {
    const isDrained = (): boolean => {
      if (this.#ended !== undefined) return true;
      for (const stream of this.streamManager) if (!stream.settled) return false;
      return this.#entry.session.isDrained;
    };
    if (isDrained()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const finish = (result: boolean): void => {
        clearTimeout(timer);
        this.#progress = undefined;
        resolve(result);
      };
      const timer = setTimeout(() => finish(false), timeoutMs);
      this.#progress = () => {
        if (isDrained()) finish(true);
      };
    });
  }

  #checkOpen(): void {
    if (this.#ended !== undefined) throw this.#ended;
    if (this.#closing !== undefined) throw sttError('ERR_STT_CLOSED', { why: 'this side closed it' });
  }

  // SessionFace

  /** @internal */
  onStream(stream: STTStream): void {
    this.emit('stream', stream);
  }

  /** @internal */
  onStreamsAvailable(): void {
    this.streamManager.onAvailable();
  }

  /** @internal */
  onMessage(streamId: number, data: Uint8Array): void {
    this.emit('message', { streamId, data });
  }

  /** @internal */
  onMessageFate(messageId: number, fate: MessageFate): void {
    this.#fates.get(messageId)?.(fate);
    this.#fates.delete(messageId);
  }

  /** @internal */
  onUserFrame(type: number, data: Uint8Array): void {
    this.#frameHandlers.get(type)?.(data);
  }

  /** @internal */
  onPong(pingId: number, rttMs: number): void {
    this.#pings.get(pingId)?.resolve(rttMs);
    this.#pings.delete(pingId);
  }

  /** @internal Packets were handled: a `close()` that waits for delivery may go on. */
  onProgress(): void {
    this.#progress?.();
  }

  /** @internal */
  onEnd(error: STTError): void {
    this.#ended = error;
    this.streamManager.onEnd(error);
    for (const ping of this.#pings.values()) ping.reject(error);
    this.#pings.clear();
    for (const settle of this.#fates.values()) settle('closed');
    this.#fates.clear();
    this.#progress?.();
    if (error.code !== 'ERR_STT_CLOSED') this.emit('error', error);
    this.emit('close', error);
  }
}

function checkBytes(data: unknown): asserts data is Uint8Array {
  if (data instanceof Uint8Array) return;
  const error = new TypeError('The "data" argument must be a Uint8Array') as TypeError & { code: string };
  error.code = 'ERR_INVALID_ARG_TYPE';
  throw error;
}
