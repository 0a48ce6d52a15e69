import { addAbortSignal, Duplex, type DuplexOptions } from 'node:stream';
import { finished } from 'node:stream/promises';
import { sttError, type STTError, type STTStreamError } from '../errors.js';
import type { Stream } from '../protocol/stream.js';
import { checkOptionNames } from '../options.js';
import { type BorrowedChunkHandler, BorrowingReader } from './borrowing-reader.js';
import { reportLater } from './report.js';
import type { Platform, StreamFace, StreamHost } from './stream-face.js';
import { nodeKem } from './node-kem.js';

/** Size of the buffers that received octets are handed over in: large enough to be cheap, small enough to stay hot in cache. */
const CHUNK_OCTETS = 65_536;

/**
 * What `Writable` may hold for an application that ignores `write() === false`, before the stream is destroyed with
 * ERR_STT_STREAM_BUFFER_FULL.
 */
const WRITABLE_LIMIT = 64 * 1_048_576;

/**
 * Octets that `Writable` itself may hold before `write` returns false. The protocol's send buffer comes on top; this
 * only bridges one turn of the event loop.
 */
const WRITABLE_HIGH_WATER = 262_144;

/**
 * One reliable, ordered, bidirectional byte stream of a session (STT §6); an ordinary `Duplex` with half-close.
 *
 * - A chunk given to `write()` belongs to the stream until it is acknowledged: do not change it afterwards.
 * - A chunk that is read belongs to the reader for ever.
 * - 'finish' means that everything written was acknowledged by the other side.
 * - `destroy(err)` resets both directions; the other side sees `ERR_STT_STREAM_RESET`.
 * - Errors: `ERR_STT_STREAM_RESET`, `ERR_STT_STREAM_STOPPED`, and the error that ended the session. An 'error' nobody
 *   listens for is not thrown, since a peer must not be able to end the process.
 */
export class STTStream extends Duplex implements StreamFace {
  readonly #stream: Stream;
  readonly #host: StreamHost;
  /** Octets handed to `Readable`, and octets of them that are known to be read. */
  #delivered = 0;
  #credited = 0;
  #writeDone: ((error?: Error | null) => void) | undefined;
  #finalDone: ((error?: Error | null) => void) | undefined;
  #receiveOver = false;
  #sendOver = false;
  #borrower: BorrowingReader | undefined;

  /** @internal Streams come from `STTSession.openStream()` and the event 'stream'. */
  constructor(stream: Stream, host: StreamHost, options: DuplexOptions = {}) {
    super({
      allowHalfOpen: true,
      readableHighWaterMark: CHUNK_OCTETS,
      writableHighWaterMark: WRITABLE_HIGH_WATER,
      ...options,
    });
    this.#stream = stream;
    this.#host = host;
    this.on('error', ignore);
  }

  /** Number of the stream on the wire: odd from the initiator, even from the responder. */
  get id(): number {
    return this.#stream.id;
  }

  /** Octets accepted by the stream and not yet acknowledged by the other side. */
  get unacknowledgedOctets(): number {
    return this.#stream.bufferedOctets + this.#stream.unackedOctets;
  }

  /** Share of the sending rate relative to the session's other streams, 1..256 (default 16); the lowest still gets 1/16. */
  setPriority(weight: number): void {
    this.#stream.setWeight(weight);
  }

  /**
   * Reads to the end of the stream through `handler`, without the copy that a chunk of one's own costs: the fastest way
   * to receive. The chunk (up to some 64 KiB) is valid inside the call only; copy what is to be kept. A promise that the
   * handler returns holds the peer back until it is fulfilled.
   *
   * Fulfilled at the end of the stream. Rejected with what the handler threw or `ABORT_ERR` of `signal`, either of which
   * destroys the stream, or with the error that ended it: `ERR_STT_STREAM_RESET`, or that of the session.
   * `ERR_STT_INVALID_STATE`: the stream is being read in another way. Nothing else may read it afterwards.
   * With the environment's STT_POISON_BORROWED=1 the octets are overwritten after each call, which shows at once where a
   * chunk was kept.
   */
  async readBorrowed(handler: BorrowedChunkHandler, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    checkOptionNames(options, ['signal']);
    if (typeof handler !== 'function') throw new TypeError('The "handler" argument must be a function');
    if (this.readableFlowing !== null || this.#borrower !== undefined || this.listenerCount('readable') > 0) {
      throw sttError('ERR_STT_INVALID_STATE', {
        what: 'readBorrowed',
        why: `stream ${this.id} is being read by something else`,
      });
    }
    const end = finished(this, { writable: false, cleanup: true });
    this.#borrower = new BorrowingReader(handler, {
      onReady: () => this.#lendBuffered(),
      onFailure: (error) => this.destroy(error),
    });
    if (options.signal !== undefined) addAbortSignal(options.signal, this);
    this.#lendBuffered();
    await end;
  }

  override write(chunk: unknown, encoding?: unknown, done?: unknown): boolean {
    if (this.writableLength >= WRITABLE_LIMIT && !this.destroyed) {
      this.destroy(sttError('ERR_STT_STREAM_BUFFER_FULL', { buffered: this.writableLength, streamId: this.id }));
    }
    return super.write(chunk, encoding as BufferEncoding, done as (error: Error | null | undefined) => void);
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#stream.write(chunk)) done();
    else this.#writeDone = done;
    this.#host.schedule();
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: (error?: Error | null) => void): void {
    this.#writeFrom(chunks, 0, done);
    this.#host.schedule();
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#sendOver) {
      done();
      return;
    }
    this.#finalDone = done;
    this.#stream.finish();
    this.#host.schedule();
  }

  override _read(): void {
    this.#giveCredit();
  }

  override read(size?: number): unknown {
    const chunk: unknown = size === undefined ? super.read() : super.read(size);
    this.#giveCredit();
    return chunk;
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const code = (error as STTStreamError | null)?.streamCode ?? 0;
    if (!this.#sendOver) this.#stream.reset(code);
    if (this.#receiveOver) this.#giveCredit(0);
    else this.#stream.stopSending(code);
    this.#sendOver = this.#receiveOver = true;
    this.#settle(error ?? sttError('ERR_STT_STREAM_ABORTED', { streamId: this.id }));
    this.#host.schedule();
    done(error);
  }

  /** @internal Everything written was acknowledged, or never will be. */
  get settled(): boolean {
    return this.#sendOver;
  }

  /** @internal */
  finish(): void {
    if (!this.writableEnded) this.end();
  }

  /** @internal The next octets, borrowed: copied here, since what a consumer gets is the consumer's for ever. */
  deliver(bytes: Uint8Array, begin: number, end: number): void {
    if (this.destroyed) return;
    // Not past octets that came while the reader was busy.
    if (this.#borrower?.ready === true && this.readableLength === 0) {
      this.#lend(this.#borrower, bytes, begin, end);
      return;
    }
    try {
      for (let at = begin; at < end; at += CHUNK_OCTETS) {
        const length = Math.min(CHUNK_OCTETS, end - at);
        // Small pieces share Node's pool; large ones get memory of their own, so that keeping one keeps nothing else.
        const chunk = length < 4096 ? Buffer.allocUnsafe(length) : Buffer.allocUnsafeSlow(length);
        chunk.set(bytes.subarray(at, at + length));
        this.#delivered += length;
        this.push(chunk);
        if (this.destroyed) return;
      }
    } catch (error) {
      reportLater(error);
    }
    this.#giveCredit();
  }

  /** @internal */
  deliverEnd(): void {
    this.#receiveOver = true;
    if (this.destroyed) return;
    try {
      this.push(null);
    } catch (error) {
      reportLater(error);
    }
    if (this.#borrower !== undefined) this.#lendBuffered();
  }

  /** @internal */
  deliverWritable(): void {
    const done = this.#writeDone;
    this.#writeDone = undefined;
    try {
      done?.();
    } catch (error) {
      reportLater(error);
    }
  }

  /** @internal */
  deliverFinished(): void {
    this.#sendOver = true;
    const done = this.#finalDone;
    this.#finalDone = undefined;
    done?.();
  }

  /** @internal The peer reset (`received`) or refuses the stream. */
  deliverReset(code: number, received: boolean): void {
    if (received) this.#receiveOver = true;
    else this.#sendOver = true;
    const error = sttError(received ? 'ERR_STT_STREAM_RESET' : 'ERR_STT_STREAM_STOPPED', {
      streamId: this.id,
      streamCode: code,
    }) as STTStreamError;
    error.streamCode = code;
    this.destroy(error);
  }

  /** @internal The session is over: nothing more passes. What was received completely can still be read. */
  deliverSessionEnd(error: STTError): void {
    const complete = this.#receiveOver;
    const sent = this.#sendOver;
    this.#receiveOver = this.#sendOver = true;
    if (this.destroyed) return;
    if (complete && this.readableLength + (this.#borrower?.heldOctets ?? 0) > 0) {
      this.once('end', () => {
        if (sent) this.destroy();
        else this.destroy(error);
      });
      return;
    }
    if (complete && sent) this.destroy();
    else this.destroy(error);
  }

  /** Writes on from `chunks[at]` whenever the send buffer has room. */
  #writeFrom(chunks: readonly { chunk: Uint8Array }[], at: number, done: (error?: Error | null) => void): void {
    while (at < chunks.length) {
      if (this.#stream.write(chunks[at++]!.chunk)) continue;
      this.#writeDone = (error) => {
        if (error == null) this.#writeFrom(chunks, at, done);
        else done(error);
      };
      return;
    }
    done();
  }

  /** Octets `begin..end` of `bytes`, straight to the borrowing reader. */
  #lend(borrower: BorrowingReader, bytes: Uint8Array, begin: number, end: number): void {
    this.#delivered += end - begin;
    borrower.take(bytes, begin, end);
    if (!this.destroyed) this.#giveCredit();
  }

  /** To the borrowing reader what waits in `Readable`, as far as it takes it; the last read is what makes 'end'. */
  #lendBuffered(): void {
    const borrower = this.#borrower!;
    while (borrower.ready && !this.destroyed) {
      const chunk = super.read(Math.min(this.readableLength, CHUNK_OCTETS)) as Buffer | null;
      if (chunk === null) break;
      borrower.take(chunk, 0, chunk.length);
    }
    if (!this.destroyed) this.#giveCredit();
  }

  /** Octets that left `Readable` since the last call give the peer credit for as many (STT §6). */
  #giveCredit(unread = this.readableLength + (this.#borrower?.heldOctets ?? 0)): void {
    const read = this.#delivered - unread;
    const octets = read - this.#credited;
    if (octets <= 0) return;
    this.#credited = read;
    this.#stream.consumed(octets);
    this.#host.schedule();
  }

  #settle(error: Error): void {
    const write = this.#writeDone;
    const final = this.#finalDone;
    this.#writeDone = this.#finalDone = undefined;
    write?.(error);
    final?.(error);
  }
}

/** Streams are `Duplex`, octets are Buffers. */
export const nodePlatform: Platform<STTStream> = {
  kem: nodeKem,
  makeStream: (stream, host) => new STTStream(stream, host),
  copy: (bytes, begin, end) => Buffer.from(bytes.subarray(begin, end)),
};

function ignore(): void {}
