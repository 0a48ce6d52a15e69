import { sttError } from '../errors.js';
import type { SessionBridge } from './session-bridge.js';
import type { StreamFace } from './stream-face.js';

interface Waiter<S> {
  readonly weight: number | undefined;
  resolve(stream: S): void;
  reject(error: Error): void;
}

/** The streams of one session. */
export class StreamManager<S extends StreamFace> implements Iterable<S> {
  readonly #entry: SessionBridge<S>;
  #waiting: Waiter<S>[] = [];
  #ended: Error | undefined;
  #refusing = false;

  /** @internal */
  constructor(entry: SessionBridge<S>) {
    this.#entry = entry;
  }

  /**
   * Opens a stream; waits while the peer allows no more of them (it grants `max_streams` at a time, STT §4).
   * Rejects with the error that ended the session.
   */
  open(options: { readonly priority?: number; readonly signal?: AbortSignal } = {}): Promise<S> {
    const { priority, signal } = options;
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    if (this.#refusing) return Promise.reject(refusal());
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    const stream = this.#waiting.length === 0 ? this.#tryOpen(priority) : undefined;
    if (stream !== undefined) return Promise.resolve(stream);
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting = this.#waiting.filter((other) => other !== waiter);
        reject(signal!.reason as Error);
      };
      // A signal may outlive many waits: it must not collect their listeners.
      const waiter: Waiter<S> = {
        weight: priority,
        resolve: (opened) => {
          signal?.removeEventListener('abort', onAbort);
          resolve(opened);
        },
        reject: (error) => {
          signal?.removeEventListener('abort', onAbort);
          reject(error);
        },
      };
      this.#waiting.push(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** The open streams. */
  *[Symbol.iterator](): Iterator<S> {
    for (const stream of this.#entry.session.streams()) {
      if (stream.attachment !== undefined) yield stream.attachment as S;
    }
  }

  /** The stream of an id, if it is open. */
  get(id: number): S | undefined {
    for (const stream of this) if (stream.id === id) return stream;
    return undefined;
  }

  /** Streams open now. */
  get size(): number {
    let count = 0;
    for (const _ of this) count++;
    return count;
  }

  /** @internal */
  onAvailable(): void {
    while (this.#waiting.length > 0) {
      const stream = this.#tryOpen(this.#waiting[0]!.weight);
      if (stream === undefined) return;
      this.#waiting.shift()!.resolve(stream);
    }
  }

  /** @internal */
  onEnd(error: Error): void {
    this.#ended = error;
    for (const waiter of this.#waiting.splice(0)) waiter.reject(error);
  }

  /** @internal No stream can be opened any more, since the session is closing. */
  refuse(): void {
    this.#refusing = true;
    for (const waiter of this.#waiting.splice(0)) waiter.reject(refusal());
  }

  #tryOpen(weight: number | undefined): S | undefined {
    const stream = this.#entry.session.openStream(weight);
    return stream === undefined ? undefined : this.#entry.attach(stream);
  }
}

function refusal(): Error {
  return sttError('ERR_STT_CLOSED', { why: 'this side closed it' });
}
