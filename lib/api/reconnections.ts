import type { Random } from '../ports/random.js';
import type { ConnectOptions } from './connect-options.js';
import { reconnectConfig, type ReconnectConfig } from './reconnect-options.js';
import { Reconnection } from './reconnection.js';
import { reportLater } from './report.js';
import type { STTSession, UnfinishedStream } from './session.js';

type Connect = (options: ConnectOptions) => Promise<STTSession>;

/** Sessions of a node that are followed by others when they break. */
export class Reconnections {
  readonly #random: Random;
  readonly #active = new Set<Reconnection<STTSession>>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** Has the session followed by others, if the options of the connect say so. Gives the session. */
  follow(session: STTSession, options: ConnectOptions, connect: Connect): STTSession {
    const config = reconnectConfig(options.reconnect);
    if (config !== undefined) {
      // Somebody else shall not take the peer's place unnoticed.
      const again: ConnectOptions = { ...options, peerNodeId: session.peerNodeId, reconnect: false };
      this.#watch(session, config, again, connect, 0);
    }
    return session;
  }

  /** The node stops. */
  stop(cause: Error): void {
    for (const reconnection of [...this.#active]) reconnection.stop(cause);
  }

  #watch(
    session: STTSession,
    config: ReconnectConfig,
    again: ConnectOptions,
    connect: Connect,
    failures: number,
  ): void {
    const began = performance.now();
    let isOver = false;
    session.onEndHere = () => (isOver = true);
    session.once('close', (error) => {
      if (isOver || again.signal?.aborted === true || !config.when(error)) return;
      const ended = performance.now();
      // One that broke at once is no better than an attempt that failed.
      const before = ended - began < config.maxDelayMs ? failures : 0;
      this.#begin(session, config, again, connect, before, error, session.unfinishedStreams(), ended);
    });
  }

  #begin(
    session: STTSession,
    config: ReconnectConfig,
    again: ConnectOptions,
    connect: Connect,
    failures: number,
    error: Error,
    unfinished: readonly UnfinishedStream[],
    ended: number,
  ): void {
    const { signal } = again;
    const onAbort = (): void => reconnection.stop(signal!.reason as Error);
    const settle = (): void => {
      this.#active.delete(reconnection);
      signal?.removeEventListener('abort', onAbort);
    };
    const reconnection = new Reconnection<STTSession>(
      config,
      {
        connect: (stopped) => connect({ ...again, signal: stopped }),
        random: () => this.#random.u32() / 2 ** 32,
        later: (delayMs, call) => {
          const timer = setTimeout(call, delayMs);
          return () => clearTimeout(timer);
        },
        onWaiting: (attempt, delayMs, cause) => tell(() => session.emit('reconnecting', { attempt, delayMs, cause })),
        onConnected: (next, attempts) => {
          settle();
          this.#watch(next, config, again, connect, attempts);
          const downMs = performance.now() - ended;
          tell(() => session.emit('reconnected', { session: next, unfinished, attempts, downMs }));
        },
        onFailed: (cause) => {
          settle();
          tell(() => session.emit('reconnectFailed', cause));
        },
      },
      failures,
    );
    this.#active.add(reconnection);
    signal?.addEventListener('abort', onAbort, { once: true });
    session.onEndHere = () => {
      reconnection.stop();
      settle();
    };
    // After the application's own handlers of 'close'.
    queueMicrotask(() => reconnection.start(error));
  }
}

function tell(call: () => void): void {
  try {
    call();
  } catch (error) {
    reportLater(error);
  }
}
