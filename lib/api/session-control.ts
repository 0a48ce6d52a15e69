import { CloseCode, PacketFrame } from '../constants.js';
import { sttError, type STTError } from '../errors.js';
import { checkOptionNames, integerOption } from '../options.js';
import type { AlternativeAddresses } from '../ports/path-host.js';
import type { SessionBridge, SessionFace } from './session-bridge.js';
import type { StreamFace } from './stream-face.js';
import { StreamManager } from './stream-manager.js';
import { monotonicMs } from './clock.js';

/** Outcome of an unreliable message: acknowledged, given up as lost, or unknown because the session ended. */
export type MessageFate = 'acked' | 'lost' | 'closed';

export interface SessionEvents<S> {
  /** The peer opened a stream. */
  stream: [stream: S];
  /** An unreliable message came in. */
  message: [message: { streamId: number; data: Uint8Array }];
  /** The session is over; `error` says why, and has `closeCode` 0 if it was closed normally. */
  close: [error: STTError];
  /** The session was ended by anything but a normal close. Not thrown if nobody listens. */
  error: [error: STTError];
}

export interface OpenStreamOptions {
  readonly priority?: number;
  readonly signal?: AbortSignal;
}

export interface MessageOptions {
  readonly streamId?: number;
}

export interface CloseOptions {
  readonly code?: number;
  readonly reason?: string;
  readonly timeoutMs?: number;
}

/** The public session around it: what it tells the application. */
export interface SessionHost<S> {
  onStream(stream: S): void;
  onMessage(streamId: number, data: Uint8Array): void;
  /** The session moved to another address of the peer, ADDRESS_OCTETS. */
  onPath?(address: Uint8Array): void;
  onAlternatives?(addresses: AlternativeAddresses): void;
  /** `error` is of code `ERR_STT_CLOSED` after a normal close. */
  onEnd(error: STTError): void;
}

/**
 * What the sessions of Node and of browsers do alike, between the application and the session's core: checks of what is
 * asked, promises that wait for the peer, and the end. The public classes document its methods.
 */
export class SessionControl<S extends StreamFace> implements SessionFace<S> {
  readonly streamManager: StreamManager<S>;
  readonly #entry: SessionBridge<S>;
  readonly #host: SessionHost<S>;
  readonly #closeTimeoutMs: number;
  readonly #fates = new Map<number, (fate: MessageFate) => void>();
  readonly #pings = new Map<number, { resolve(rttMs: number): void; reject(error: Error): void }>();
  readonly #frameHandlers = new Map<number, (data: Uint8Array) => void>();
  #closing: Promise<void> | undefined;
  #progress: (() => void) | undefined;
  #ended: STTError | undefined;

  constructor(entry: SessionBridge<S>, host: SessionHost<S>, closeTimeoutMs: number) {
    this.#entry = entry;
    this.#host = host;
    this.#closeTimeoutMs = closeTimeoutMs;
    this.streamManager = new StreamManager(entry);
    entry.face = this;
  }

  get state(): 'open' | 'closing' | 'closed' {
    if (this.#ended !== undefined) return 'closed';
    return this.#closing === undefined ? 'open' : 'closing';
  }

  openStream(options: OpenStreamOptions): Promise<S> {
    try {
      checkOptionNames(options, ['priority', 'signal']);
      integerOption('priority', options.priority, 16, 1, 256);
    } catch (error) {
      return Promise.reject(error as Error);
    }
    return this.streamManager.open(options);
  }

  sendMessage(data: Uint8Array, options: MessageOptions): Promise<MessageFate> {
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

  sendFrame(type: number, data: Uint8Array): void {
    checkBytes(data);
    integerOption('type', type, type, PacketFrame.USER_FIRST, 0xff);
    this.#checkOpen();
    this.#entry.session.sendUserFrame(type, data);
    this.#entry.schedule();
  }

  onFrame(type: number, handler: ((data: Uint8Array) => void) | undefined): void {
    integerOption('type', type, type, PacketFrame.USER_FIRST, 0xff);
    if (handler === undefined) this.#frameHandlers.delete(type);
    else this.#frameHandlers.set(type, handler);
  }

  ping(): Promise<number> {
    try {
      this.#checkOpen();
      const id = this.#entry.session.ping(monotonicMs());
      this.#entry.schedule();
      return new Promise((resolve, reject) => this.#pings.set(id, { resolve, reject }));
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  shouldRotateKeys(): boolean {
    return this.#entry.session.shouldRotateKeys(monotonicMs());
  }

  rotateKeys(): Promise<void> {
    try {
      this.#checkOpen();
      return this.#entry.rotation.rotate();
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  close(options: CloseOptions): Promise<void> {
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

  destroy(error?: Error): void {
    if (this.#ended !== undefined) return;
    this.#entry.session.close(monotonicMs(), error === undefined ? CloseCode.NONE : CloseCode.SESSION, '');
    this.#entry.schedule();
  }

  async #close(code: number, reason: string, timeoutMs: number): Promise<void> {
    if (this.#ended !== undefined) return;
    this.streamManager.refuse();
    for (const stream of this.streamManager) stream.finish();
    this.#entry.schedule();
    const delivered = await this.#drained(timeoutMs);
    if (this.#ended !== undefined) return;
    this.#entry.session.close(monotonicMs(), code, reason);
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

  onStream(stream: S): void {
    this.#host.onStream(stream);
  }

  onStreamsAvailable(): void {
    this.streamManager.onAvailable();
  }

  onMessage(streamId: number, data: Uint8Array): void {
    this.#host.onMessage(streamId, data);
  }

  onPath(address: Uint8Array): void {
    this.#host.onPath?.(address);
  }

  onAlternatives(addresses: AlternativeAddresses): void {
    this.#host.onAlternatives?.(addresses);
  }

  onMessageFate(messageId: number, fate: MessageFate): void {
    this.#fates.get(messageId)?.(fate);
    this.#fates.delete(messageId);
  }

  onUserFrame(type: number, data: Uint8Array): void {
    this.#frameHandlers.get(type)?.(data);
  }

  onPong(pingId: number, rttMs: number): void {
    this.#pings.get(pingId)?.resolve(rttMs);
    this.#pings.delete(pingId);
  }

  /** Packets were handled: a `close()` that waits for delivery may go on. */
  onProgress(): void {
    this.#progress?.();
  }

  onEnd(error: STTError): void {
    this.#ended = error;
    this.streamManager.onEnd(error);
    for (const ping of this.#pings.values()) ping.reject(error);
    this.#pings.clear();
    for (const settle of this.#fates.values()) settle('closed');
    this.#fates.clear();
    this.#progress?.();
    this.#host.onEnd(error);
  }
}

function checkBytes(data: unknown): asserts data is Uint8Array {
  if (data instanceof Uint8Array) return;
  const error = new TypeError('The "data" argument must be a Uint8Array') as TypeError & { code: string };
  error.code = 'ERR_INVALID_ARG_TYPE';
  throw error;
}
