import { PacketFrame } from '../constants.js';
import { sttError } from '../errors.js';
import type { SessionObserver } from '../ports/session-observer.js';
import { encodeVarint, varintLength } from '../wire/varint.js';
import { Fifo } from './fifo.js';
import type { FrameLog } from './frame-log.js';
import { SentFrame } from './sent-frame.js';

/** What an entry costs besides its octets: empty messages must not fill the memory either. */
const ENTRY_OCTETS = 64;

interface Queued {
  /** 0: a user-defined frame, of whose fate nobody is told. */
  readonly id: number;
  /** Tag of a message, type of a user-defined frame. */
  readonly tag: number;
  readonly bytes: Uint8Array;
}

/** Unreliable messages and user-defined frames that wait to be sent: first in, first out, never sent twice (STT §6). */
export class Messages {
  readonly #observer: SessionObserver;
  readonly #limit: number;
  readonly #maxDatagram: number;
  readonly #queue = new Fifo<Queued>();
  #octets = 0;
  #nextId = 1;
  /** Entries in the packet under construction. */
  #encoded = 0;
  #inFlight: Set<number> | undefined;
  sent = 0;
  lost = 0;

  /** `maxDatagram`: the peer's largest message, 0 if it takes none. `limit`: octets that may wait. */
  constructor(observer: SessionObserver, maxDatagram: number, limit: number) {
    this.#observer = observer;
    this.#maxDatagram = maxDatagram;
    this.#limit = limit;
  }

  get waiting(): boolean {
    return this.#queue.length > 0;
  }

  /** No message waits or is unaccounted for. */
  get idle(): boolean {
    return !this.waiting && (this.#inFlight === undefined || this.#inFlight.size === 0);
  }

  /** Largest message that fits `room` octets of frames. */
  maxOctets(tag: number, room: number): number {
    const left = room - 1 - varintLength(tag);
    return Math.max(0, Math.min(this.#maxDatagram, left - varintLength(Math.max(0, left))));
  }

  /** Queues a message; `room` is what a packet holds. Throws ERR_STT_MESSAGE_TOO_LARGE and ERR_STT_QUEUE_FULL. */
  push(tag: number, bytes: Uint8Array, room: number): number {
    const limit = this.maxOctets(tag, room);
    if (bytes.length > limit || this.#maxDatagram === 0) {
      throw sttError('ERR_STT_MESSAGE_TOO_LARGE', { size: bytes.length, limit });
    }
    this.#add({ id: this.#nextId, tag, bytes: bytes.slice() });
    return this.#nextId++;
  }

  /** Queues a user-defined frame. Throws as `push` does. */
  pushUser(type: number, bytes: Uint8Array, room: number): void {
    const left = room - 1;
    const limit = left - varintLength(left);
    if (bytes.length > limit) throw sttError('ERR_STT_MESSAGE_TOO_LARGE', { size: bytes.length, limit });
    this.#add({ id: 0, tag: type, bytes: bytes.slice() });
  }

  /** Puts into `out` what fits up to `end`. It goes on waiting until `onEncodedSent`. */
  encode(out: Uint8Array, at: number, end: number, log: FrameLog): number {
    let count = 0;
    for (; count < this.#queue.length && !log.full; count++) {
      const item = this.#queue.at(count)!;
      const { id, tag, bytes } = item;
      if (at + octetsOf(item) > end) break;
      if (id === 0) out[at++] = tag;
      else {
        out[at++] = PacketFrame.DATA;
        at = encodeVarint(tag, out, at);
        log.add(SentFrame.MESSAGE, id, 0, 0);
      }
      at = encodeVarint(bytes.length, out, at);
      out.set(bytes, at);
      at += bytes.length;
      log.ackEliciting = true;
    }
    this.#encoded = count;
    return at;
  }

  /** The packet with what was encoded last went out. */
  onEncodedSent(): void {
    for (; this.#encoded > 0; this.#encoded--) {
      const { id, bytes } = this.#queue.shift()!;
      this.#octets -= bytes.length + ENTRY_OCTETS;
      if (id === 0) continue;
      (this.#inFlight ??= new Set()).add(id);
      this.sent++;
    }
  }

  /** Packets hold `room` octets of frames from now on: what waits and does not fit is lost. */
  onRoom(room: number): void {
    const waiting = this.#queue.rest();
    const fits = (item: Queued): boolean => octetsOf(item) <= room;
    if (waiting.every(fits)) return;
    this.#queue.take(waiting.filter(fits));
    for (const item of waiting) {
      if (fits(item)) continue;
      this.#octets -= item.bytes.length + ENTRY_OCTETS;
      if (item.id === 0) continue;
      this.lost++;
      this.#observer.onMessageFate(item.id, 'lost');
    }
  }

  onFate(id: number, acked: boolean): void {
    if (this.#inFlight?.delete(id) !== true) return;
    if (!acked) this.lost++;
    this.#observer.onMessageFate(id, acked ? 'acked' : 'lost');
  }

  /** The session is over: the fate of what is in flight or waits is not known. */
  end(): void {
    const flying = this.#inFlight;
    const queue = this.#queue.rest();
    this.#inFlight = undefined;
    this.#queue.take([]);
    this.#octets = this.#encoded = 0;
    if (flying !== undefined) for (const id of flying) this.#observer.onMessageFate(id, 'closed');
    for (const { id } of queue) if (id !== 0) this.#observer.onMessageFate(id, 'closed');
  }

  #add(item: Queued): void {
    const octets = this.#octets + item.bytes.length + ENTRY_OCTETS;
    if (octets > this.#limit) throw sttError('ERR_STT_QUEUE_FULL', { queued: this.#octets, limit: this.#limit });
    this.#octets = octets;
    this.#queue.push(item);
  }
}

/** Octets of an entry in a packet. */
function octetsOf({ id, tag, bytes }: Queued): number {
  return 1 + (id === 0 ? 0 : varintLength(tag)) + varintLength(bytes.length) + bytes.length;
}
