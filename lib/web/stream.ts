import { sttError, type STTError, type STTStreamError } from '../errors.js';
import { integerOption } from '../options.js';
import type { StreamFace, StreamHost, Platform } from '../api/stream-face.js';
import { Fifo } from '../protocol/fifo.js';
import type { Stream } from '../protocol/stream.js';
import { pageMlKem } from './ml-kem.js';

/** Octets that `writable` itself may hold before a writer has to wait; the protocol's send buffer comes on top. */
const WRITABLE_HIGH_WATER = 262_144;

/** How often a closing session looks whether a writer's last chunk was taken, ms. */
const FINISH_POLL_MS = 10;

interface Pending {
  resolve(): void;
  reject(error: Error): void;
}

/**
 * One reliable, ordered, bidirectional byte stream of a session (STT §6), as a pair of Web Streams.
 *
 * - A chunk given to `writable` belongs to the stream until it is acknowledged: do not change it afterwards.
 * - A chunk that is read belongs to the reader for ever.
 * - `writer.close()` resolves when everything written was acknowledged by the other side.
 * - `writer.abort(reason)` and `reader.cancel(reason)` end one direction; the other side sees `ERR_STT_STREAM_RESET` or
 *   `ERR_STT_STREAM_STOPPED`. A reason that is an integer (or has one as `streamCode`) is the application's code.
 * - Errors: `ERR_STT_STREAM_RESET`, `ERR_STT_STREAM_STOPPED`, and the error that ended the session.
 */
export class STTStream implements StreamFace {
  /** What the other side sends, in `Uint8Array`s. Octets that are not read slow the sender down. */
  readonly readable: ReadableStream<Uint8Array>;
  /** What the other side is to get: `Uint8Array`s. */
  readonly writable: WritableStream<Uint8Array>;
  readonly #stream: Stream;
  readonly #host: StreamHost;
  /** Received and not asked for yet. */
  readonly #chunks = new Fifo<Uint8Array>();
  #source!: ReadableStreamDefaultController<Uint8Array>;
  #sink!: WritableStreamDefaultController;
  /** The reader waits for a chunk. */
  #pull: (() => void) | undefined;
  #write: Pending | undefined;
  #close: Pending | undefined;
  /** All was received, or nothing more will be. */
  #receiveOver = false;
  /** `readable` is closed, cancelled or failed. */
  #readOver = false;
  #sendOver = false;
  /** The session is about to close. */
  #finishing = false;
  readonly #finishWhenIdle = (): void => {
    if (this.#sendOver || this.#close !== undefined) return;
    if (this.#write !== undefined) {
      setTimeout(this.#finishWhenIdle, FINISH_POLL_MS);
      return;
    }
    this.#stream.finish();
    this.#host.schedule();
  };

  /** @internal Streams come from `STTSession.openStream()` and the event 'stream'. */
  constructor(stream: Stream, host: StreamHost) {
    this.#stream = stream;
    this.#host = host;
    this.readable = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#source = controller;
        },
        pull: () => this.#onPull(),
        cancel: (reason) => this.#onCancel(reason),
      },
      // What nobody asked for stays here, where it is not yet credited to the sender.
      { highWaterMark: 0 },
    );
    this.writable = new WritableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#sink = controller;
        },
        write: (chunk) => this.#onWrite(chunk),
        close: () => this.#onClose(),
        abort: (reason) => this.#onAbort(reason),
      },
      { highWaterMark: WRITABLE_HIGH_WATER, size: (chunk) => chunk.byteLength },
    );
  }

  /** Number of the stream on the wire: odd from the initiator, even from the responder. */
  get id(): number {
    return this.#stream.id;
  }

  /** Octets accepted by the stream and not yet acknowledged by the other side. */
  get unacknowledgedOctets(): number {
    return this.#stream.bufferedOctets + this.#stream.unackedOctets;
  }

  /**
   * Share of the sending rate relative to the session's other streams, 1..256 (default 16); the lowest still gets 1/16.
   * @throws STTConfigError `ERR_STT_OPTION_RANGE`
   */
  setPriority(weight: number): void {
    this.#stream.setWeight(integerOption('priority', weight, 16, 1, 256));
  }

  /** @internal */
  get settled(): boolean {
    return this.#sendOver;
  }

  /** @internal Ends the sending side once all that was written so far is on its way. */
  finish(): void {
    if (this.#sendOver || this.#finishing) return;
    this.#finishing = true;
    // Behind what a writer wrote already, unless a writer holds the stream: then when it has nothing under way.
    if (!this.writable.locked) this.writable.close().catch(ignore);
    else setTimeout(this.#finishWhenIdle, 0);
  }

  /** @internal */
  deliver(bytes: Uint8Array, begin: number, end: number): void {
    if (this.#readOver) return;
    this.#chunks.push(bytes.slice(begin, end));
    this.#feed();
  }

  /** @internal */
  deliverEnd(): void {
    this.#receiveOver = true;
    this.#feed();
  }

  /** @internal */
  deliverWritable(): void {
    this.#write?.resolve();
    this.#write = undefined;
  }

  /** @internal */
  deliverFinished(): void {
    this.#sendOver = true;
    this.#close?.resolve();
    this.#close = undefined;
  }

  /** @internal */
  deliverReset(code: number, received: boolean): void {
    const error = sttError(received ? 'ERR_STT_STREAM_RESET' : 'ERR_STT_STREAM_STOPPED', {
      streamId: this.id,
      streamCode: code,
    }) as STTStreamError;
    error.streamCode = code;
    if (received) this.#failReading(error);
    else this.#failWriting(error);
  }

  /** @internal What was received completely can still be read. */
  deliverSessionEnd(error: STTError): void {
    if (!this.#receiveOver) this.#failReading(error);
    if (!this.#sendOver) this.#failWriting(error);
  }

  #onPull(): Promise<void> | undefined {
    return this.#give() ? undefined : new Promise((resolve) => (this.#pull = resolve));
  }

  /** Serves the reader that waits, if there is one, and ends `readable` when all was read. */
  #feed(): void {
    if (this.#pull !== undefined && this.#give()) this.#wake();
    else this.#endIfRead();
  }

  /** Hands one chunk to the reader. What was read gives the peer credit for as much (STT §6). */
  #give(): boolean {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return false;
    this.#source.enqueue(chunk);
    this.#credit(chunk.length);
    this.#endIfRead();
    return true;
  }

  #endIfRead(): void {
    if (!this.#receiveOver || this.#readOver || this.#chunks.length > 0) return;
    this.#readOver = true;
    this.#source.close();
    this.#wake();
  }

  #wake(): void {
    this.#pull?.();
    this.#pull = undefined;
  }

  #credit(octets: number): void {
    this.#stream.consumed(octets);
    this.#host.schedule();
  }

  #onCancel(reason: unknown): void {
    this.#readOver = true;
    this.#drop();
    if (!this.#receiveOver) this.#stream.stopSending(codeOf(reason));
    this.#receiveOver = true;
    this.#host.schedule();
  }

  #onWrite(chunk: Uint8Array): Promise<void> | undefined {
    if (!(chunk instanceof Uint8Array)) throw new TypeError('A stream takes Uint8Array chunks only');
    const roomy = this.#stream.write(chunk);
    this.#host.schedule();
    return roomy ? undefined : new Promise((resolve, reject) => (this.#write = { resolve, reject }));
  }

  #onClose(): Promise<void> | undefined {
    if (this.#sendOver) return undefined;
    this.#stream.finish();
    this.#host.schedule();
    return new Promise((resolve, reject) => (this.#close = { resolve, reject }));
  }

  #onAbort(reason: unknown): void {
    if (this.#sendOver) return;
    this.#sendOver = true;
    this.#stream.reset(codeOf(reason));
    this.#host.schedule();
    this.#failWaiting(sttError('ERR_STT_STREAM_ABORTED', { streamId: this.id }));
  }

  #failReading(error: Error): void {
    this.#receiveOver = true;
    if (this.#readOver) return;
    this.#readOver = true;
    this.#drop();
    this.#source.error(error);
    this.#wake();
  }

  #failWriting(error: Error): void {
    this.#sendOver = true;
    this.#sink.error(error);
    this.#failWaiting(error);
  }

  #failWaiting(error: Error): void {
    this.#write?.reject(error);
    this.#close?.reject(error);
    this.#write = this.#close = undefined;
  }

  /** Forgets what nobody will read; the session's window gets it back. */
  #drop(): void {
    let octets = 0;
    for (const chunk of this.#chunks.rest()) octets += chunk.length;
    this.#chunks.take([]);
    if (octets > 0) this.#credit(octets);
  }
}

/** Streams are pairs of Web Streams, octets are plain `Uint8Array`s. */
export const webPlatform: Platform<STTStream> = {
  // A page has few sessions, none of which asks again before it was answered.
  kem: {
    ask: (ask, done) => {
      ask(pageMlKem, done);
      return () => false;
    },
  },
  makeStream: (stream, host) => new STTStream(stream, host),
  copy: (bytes, begin, end) => bytes.slice(begin, end),
};

function ignore(): void {}

/** The application's code in the reason of an abort or cancel. */
function codeOf(reason: unknown): number {
  const code = typeof reason === 'number' ? reason : (reason as STTStreamError | undefined)?.streamCode;
  return Number.isSafeInteger(code) && code! >= 0 ? code! : 0;
}
