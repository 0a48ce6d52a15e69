import { STTError, type ErrorCode } from '../node-errors.js';
import type { ReconnectConfig } from './reconnect-options.js';

/** Another attempt would fail in the same way. */
const HOPELESS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_STT_VERSION',
  'ERR_STT_HANDSHAKE_SELF',
  'ERR_STT_PEER_NOT_ACCEPTED',
  'ERR_STT_NODE_STOPPED',
]);

export interface ReconnectionHost<S> {
  /** One attempt. */
  connect(signal: AbortSignal): Promise<S>;
  /** From 0 to below 1. */
  random(): number;
  /** Calls back later, unless the function that is returned is called before. */
  later(delayMs: number, call: () => void): () => void;
  /** An attempt follows after `delayMs`; `cause` is why the last one failed, or the session ended. */
  onWaiting(attempt: number, delayMs: number, cause: Error): void;
  onConnected(session: S, attempt: number): void;
  /** There are no more attempts. */
  onFailed(cause: Error): void;
}

/**
 * Attempts to connect until one succeeds, each after a wait: at random between half of its bound and the bound, which
 * doubles, so that the clients of a server that comes back do not all come at once.
 */
export class Reconnection<S extends { destroy(): void }> {
  readonly #config: ReconnectConfig;
  readonly #host: ReconnectionHost<S>;
  readonly #abort = new AbortController();
  #attempt: number;
  #cancelWait: (() => void) | undefined;

  /** @param failures attempts so far, and sessions that did not last */
  constructor(config: ReconnectConfig, host: ReconnectionHost<S>, failures: number) {
    this.#config = config;
    this.#host = host;
    this.#attempt = failures;
  }

  start(cause: Error): void {
    if (!this.#abort.signal.aborted) this.#wait(cause);
  }

  /** No more attempts. With a cause, `onFailed` is told. */
  stop(cause?: Error): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort(cause);
    this.#cancelWait?.();
    if (cause !== undefined) this.#host.onFailed(cause);
  }

  #wait(cause: Error): void {
    const { minDelayMs, maxDelayMs, maxAttempts } = this.#config;
    if (this.#attempt >= maxAttempts) {
      this.stop(cause);
      return;
    }
    const bound = Math.min(maxDelayMs, minDelayMs * 2 ** this.#attempt);
    const delayMs = Math.round((bound / 2) * (1 + this.#host.random()));
    this.#attempt++;
    this.#cancelWait = this.#host.later(delayMs, () => void this.#try());
    this.#host.onWaiting(this.#attempt, delayMs, cause);
  }

  async #try(): Promise<void> {
    const { signal } = this.#abort;
    try {
      const session = await this.#host.connect(signal);
      if (signal.aborted) session.destroy();
      else this.#host.onConnected(session, this.#attempt);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof STTError && HOPELESS.has(error.code)) this.stop(error);
      else this.#wait(error as Error);
    }
  }
}
