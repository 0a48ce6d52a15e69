import { CloseCode } from '../constants.js';
import { Assembler, type AssemblerSink } from './assembler.js';
import { SendBuffer } from './send-buffer.js';

/** Largest message, type and body (STT §6). */
const MAX_MESSAGE = 16_384;
/** Octets that a receiver holds (STT §6). */
const RECEIVE_LIMIT = 65_536;
/** Octets that a sender keeps unacknowledged (STT §6). */
const SEND_LIMIT = 32_768;
/** A length up to MAX_MESSAGE takes three octets. */
const MAX_PREFIX = 3;

/** Takes the messages of control stream 0. Gives a close code; types it does not know are skipped with 0. */
export interface ControlMessageHandler {
  onControlMessage(type: number, bytes: Uint8Array, begin: number, end: number): number;
}

/**
 * Control stream 0: reliable, ordered messages `length varint || type u8 || body` between the two sessions themselves
 * (STT §6), outside of flow control.
 */
export class ControlStream implements AssemblerSink {
  readonly sending = new SendBuffer();
  readonly #handler: ControlMessageHandler | undefined;
  readonly #assembler = new Assembler();
  /** The message under way, its length included. */
  #partial: Uint8Array | undefined;
  #held = 0;
  #code: number = CloseCode.NONE;

  /** Without a handler all messages are skipped. */
  constructor(handler: ControlMessageHandler | undefined) {
    this.#handler = handler;
  }

  /** Queues a message. False if too much is unacknowledged, or the message is too long. */
  send(type: number, body: Uint8Array): boolean {
    const length = 1 + body.length;
    if (length > MAX_MESSAGE || this.sending.unsent + this.sending.unacked + MAX_PREFIX + length > SEND_LIMIT)
      return false;
    const prefix: number[] = [];
    let rest = length;
    for (; rest > 0x7f; rest >>= 7) prefix.push((rest & 0x7f) | 0x80);
    this.sending.append(Uint8Array.of(...prefix, rest, type));
    this.sending.append(body);
    return true;
  }

  /** A STREAM frame of stream 0. Gives a close code. */
  onFrame(offset: number, fin: boolean, bytes: Uint8Array, begin: number, end: number): number {
    if (fin) return CloseCode.PROTOCOL;
    if (offset + end - begin > this.#assembler.base - this.#held + RECEIVE_LIMIT) return CloseCode.FLOW_CONTROL;
    this.#assembler.push(offset, bytes, begin, end, this);
    // One octet per gap over the whole buffer is no loss of packets.
    if (this.#assembler.gaps > 256) return CloseCode.FLOW_CONTROL;
    return this.#code;
  }

  /** The next octets in order: cuts them into messages. */
  onOctets(bytes: Uint8Array, begin: number, end: number): void {
    while (begin < end && this.#code === CloseCode.NONE) {
      const partial = (this.#partial ??= new Uint8Array(MAX_PREFIX + MAX_MESSAGE));
      const prefix = this.#prefix();
      if (prefix === 0) {
        partial[this.#held++] = bytes[begin++]!;
        this.#checkPrefix();
        continue;
      }
      const total = prefix + this.#length(prefix);
      const take = Math.min(end - begin, total - this.#held);
      partial.set(bytes.subarray(begin, begin + take), this.#held);
      begin += take;
      this.#held += take;
      if (this.#held < total) return;
      this.#held = 0;
      this.#code = this.#handler?.onControlMessage(partial[prefix]!, partial, prefix + 1, total) ?? CloseCode.NONE;
    }
    // Messages are rare: between them no buffer is kept.
    if (this.#held === 0) this.#partial = undefined;
  }

  /** Octets of the length, 0 while it is not complete. */
  #prefix(): number {
    const partial = this.#partial!;
    for (let i = 0; i < this.#held && i < MAX_PREFIX; i++) if (partial[i]! < 0x80) return i + 1;
    return 0;
  }

  #length(prefix: number): number {
    let length = 0;
    for (let i = prefix - 1; i >= 0; i--) length = length * 128 + (this.#partial![i]! & 0x7f);
    return length;
  }

  /** Refuses a length that is 0, too large, or not minimal. */
  #checkPrefix(): void {
    const prefix = this.#prefix();
    if (prefix === 0) {
      if (this.#held >= MAX_PREFIX) this.#code = CloseCode.FRAME_ENCODING;
      return;
    }
    const length = this.#length(prefix);
    const minimal = prefix === 1 || this.#partial![prefix - 1] !== 0;
    if (length === 0 || length > MAX_MESSAGE || !minimal) this.#code = CloseCode.FRAME_ENCODING;
  }
}
