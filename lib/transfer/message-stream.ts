import type { Duplex } from 'node:stream';
import { sttError } from '../node-errors.js';
import {
  MAX_BODY,
  MAX_DATA,
  MESSAGE_HEADER,
  MessageType,
  breach,
  encodeHeader,
  encodeMessage,
  type MessageBody,
} from './messages.js';

/** Received octets that wait for the disk; the stream is paused above, so the peer stops by flow control. */
const PAUSE_ABOVE = 4 * 1_048_576;
const RESUME_BELOW = 1_048_576;

/** One message; the octets of DATA are read with `takeData`. */
export interface Message {
  readonly type: number;
  /** Empty for DATA. */
  readonly body: Uint8Array;
  /** Octets of DATA. */
  readonly dataLength: number;
}

const NOTHING = new Uint8Array(0);

/**
 * Reads messages from a stream with bounded memory. Uses flowing mode, in which `Readable` hands chunks on as they
 * are; `read()` would copy all that is buffered into one.
 */
export class MessageReader {
  readonly #stream: Duplex;
  #chunks: Uint8Array[] = [];
  #head = 0;
  #queued = 0;
  #ended = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;
  #dataLeft = 0;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on('data', (chunk: Uint8Array) => {
      this.#chunks.push(chunk);
      this.#queued += chunk.length;
      if (this.#queued > PAUSE_ABOVE) stream.pause();
      this.#signal();
    });
    stream.on('end', () => {
      this.#ended = true;
      this.#signal();
    });
    stream.on('error', (error) => {
      this.#error ??= error;
      this.#signal();
    });
    stream.on('close', () => {
      if (!this.#ended) this.#error ??= stream.errored ?? sttError('ERR_STT_TRANSFER_FAILED', CLOSED_EARLY);
      this.#ended = true;
      this.#signal();
    });
  }

  /**
   * The next message, or undefined at the end of the stream. All octets of a DATA message must be taken before.
   * @throws STTTransferError `ERR_STT_TRANSFER_PROTOCOL`; the stream's error
   */
  async next(): Promise<Message | undefined> {
    if (this.#dataLeft > 0) throw new Error('octets of DATA were not taken');
    const header = await this.#exactly(MESSAGE_HEADER, true);
    if (header === undefined) return undefined;
    const type = header[0]!;
    const length = new DataView(header.buffer, header.byteOffset, MESSAGE_HEADER).getUint32(1);
    if (type === MessageType.DATA) {
      if (length === 0 || length > MAX_DATA) throw breach(`DATA of ${length} octets`);
      this.#dataLeft = length;
      return { type, body: NOTHING, dataLength: length };
    }
    if (length > MAX_BODY) throw breach(`a message of ${length} octets`);
    return { type, body: (await this.#exactly(length, false))!, dataLength: 0 };
  }

  /** Octets of the current DATA message that are not taken yet. */
  get dataLeft(): number {
    return this.#dataLeft;
  }

  /** Some octets of the current DATA message, the caller's for ever; waits if none are there yet. */
  async takeData(): Promise<Uint8Array> {
    if (!(await this.#available())) throw endedInside();
    const piece = this.#take(this.#dataLeft);
    this.#dataLeft -= piece.length;
    return piece;
  }

  /** True if `takeData` or `next` will not have to wait long for octets to arrive: some are here. */
  get hasOctets(): boolean {
    return this.#queued > 0;
  }

  async #exactly(length: number, mayEnd: boolean): Promise<Uint8Array | undefined> {
    if (length === 0) return NOTHING;
    if (!(await this.#available())) {
      if (mayEnd) return undefined;
      throw endedInside();
    }
    const first = this.#take(length);
    if (first.length === length) return first;
    const whole = new Uint8Array(length);
    whole.set(first);
    for (let at = first.length; at < length;) {
      if (!(await this.#available())) throw endedInside();
      const piece = this.#take(length - at);
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }

  /** False at the end of the stream. */
  async #available(): Promise<boolean> {
    while (this.#queued === 0) {
      if (this.#error !== undefined) throw this.#error;
      if (this.#ended) return false;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return true;
  }

  /** At most `max` of the octets at the front; something is there. */
  #take(max: number): Uint8Array {
    const chunk = this.#chunks[this.#head]!;
    let piece = chunk;
    if (chunk.length > max) {
      piece = chunk.subarray(0, max);
      this.#chunks[this.#head] = chunk.subarray(max);
    } else if (++this.#head === this.#chunks.length) {
      this.#chunks = [];
      this.#head = 0;
    }
    this.#queued -= piece.length;
    if (this.#queued < RESUME_BELOW && this.#stream.isPaused()) this.#stream.resume();
    return piece;
  }

  #signal(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

/** Writes messages to a stream and waits while it is full. */
export class MessageWriter {
  readonly #stream: Duplex;
  #drained: Promise<void> | undefined;

  constructor(stream: Duplex) {
    this.#stream = stream;
  }

  /** A message with a dictionary as its body. */
  send(type: number, body: MessageBody = {}): Promise<void> {
    return this.#written(this.#stream.write(encodeMessage(type, body)));
  }

  /** DATA. The chunk belongs to the stream from now on. */
  sendData(chunk: Uint8Array): Promise<void> {
    this.#stream.cork();
    this.#stream.write(encodeHeader(MessageType.DATA, chunk.length));
    const room = this.#stream.write(chunk);
    this.#stream.uncork();
    return this.#written(room);
  }

  #written(room: boolean): Promise<void> {
    const stream = this.#stream;
    if (stream.errored !== null) return Promise.reject(stream.errored);
    if (stream.destroyed) return Promise.reject(sttError('ERR_STT_TRANSFER_FAILED', CLOSED_EARLY));
    if (room || !stream.writableNeedDrain) return Promise.resolve();
    // One for all that wait: several messages may be on their way at once.
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  #drain(): Promise<void> {
    const stream = this.#stream;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#drained = undefined;
        stream.off('drain', settle);
        stream.off('close', settle);
        if (stream.errored !== null) reject(stream.errored);
        else if (stream.destroyed) reject(sttError('ERR_STT_TRANSFER_FAILED', CLOSED_EARLY));
        else resolve();
      };
      stream.on('drain', settle);
      stream.on('close', settle);
    });
  }
}

const CLOSED_EARLY = { name: 'files', why: 'the stream was closed before the transfer was complete' };

function endedInside(): Error {
  return breach('the stream ended inside a message');
}
