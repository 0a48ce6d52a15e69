import { PACKET_OVERHEAD, PacketFrame, STREAM_HEADER } from '../../../lib/constants.js';
import { handleStreamRun } from '../../../lib/protocol/datagram-rows.js';
import type { Session } from '../../../lib/protocol/session.js';
import type { Carrier } from './carrier.js';

const HEADER = PACKET_OVERHEAD;
/** Which path a datagram is for, or came on: no part of the checksum, since the network writes it. */
export const PATH_AT = 12;
/** ECN bits of a datagram's IP header, no part of the checksum either. */
export const ECN_AT = 13;
const ECT0 = 2;
const HIGH = 0x100000000;
/** Datagrams that fit the transmit buffer. */
const DEFAULT_CAPACITY = 4096;

/**
 * Packets without encryption, for speed: packet number, checksum in place of a tag, frames. It does to rows what a
 * packet engine does: drops damaged and repeated packets, coalesces consecutive STREAM frames, gives the rest apart.
 */
export class PlainCarrier implements Carrier {
  /** The path in use. */
  path = 0;
  /** Datagrams that may wait for a flush. */
  capacity = DEFAULT_CAPACITY;
  readonly dropped = { damaged: 0, repeated: 0 };
  /** The socket cannot read the ECN bits of what comes. */
  blind = false;
  /** Path whose packets are marked. */
  #marked = -1;
  #out: Uint8Array[] = [];
  readonly #seen = new Set<number>();
  #seenBelow = 0;
  readonly #slab = new Uint8Array(1 << 20);
  // The run of STREAM packets under construction.
  #runPath = 0;
  #runEcn = 0;
  #pn = 0;
  #count = 0;
  #id = 0;
  #offset = 0;
  #fin = false;
  #length = 0;

  sealStreamRun(
    pn: number,
    streamId: number,
    offset: number,
    fin: boolean,
    chunk: Uint8Array,
    begin: number,
    end: number,
    payload: number,
  ): number {
    let packets = 0;
    do {
      if (this.#out.length >= this.capacity) break;
      const until = Math.min(end, begin + payload);
      const datagram = new Uint8Array(HEADER + STREAM_HEADER + until - begin);
      const view = new DataView(datagram.buffer);
      datagram[HEADER] = PacketFrame.STREAM;
      datagram[HEADER + 1] = fin && until === end ? 0x04 : 0;
      view.setUint32(HEADER + 2, streamId);
      view.setUint32(HEADER + 6, Math.floor(offset / HIGH));
      view.setUint32(HEADER + 10, offset >>> 0);
      view.setUint16(HEADER + 14, until - begin);
      datagram.set(chunk.subarray(begin, until), HEADER + STREAM_HEADER);
      this.#seal(pn + packets, datagram, view);
      offset += until - begin;
      begin = until;
      packets++;
    } while (begin < end);
    return packets;
  }

  sealFrames(pn: number, frames: Uint8Array, begin: number, end: number, path?: number): boolean {
    if (this.#out.length >= this.capacity) return false;
    const datagram = new Uint8Array(HEADER + end - begin);
    datagram.set(frames.subarray(begin, end), HEADER);
    this.#seal(pn, datagram, new DataView(datagram.buffer), path);
    return true;
  }

  mark(on: boolean): void {
    this.#marked = on ? this.path : -1;
  }

  flush(send: (datagram: Uint8Array) => void): void {
    const out = this.#out;
    this.#out = [];
    for (const datagram of out) send(datagram);
  }

  receive(now: number, datagrams: readonly Uint8Array[], session: Session): void {
    for (const datagram of datagrams) this.#open(now, datagram, session);
    this.#endRun(now, session);
  }

  #seal(pn: number, datagram: Uint8Array, view: DataView, path = this.path): void {
    datagram[PATH_AT] = path;
    datagram[ECN_AT] = path === this.#marked ? ECT0 : 0;
    view.setUint32(0, Math.floor(pn / HIGH));
    view.setUint32(4, pn >>> 0);
    view.setUint32(8, checksum(datagram, view));
    this.#out.push(datagram);
  }

  #open(now: number, datagram: Uint8Array, session: Session): void {
    const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
    if (datagram.length <= HEADER || view.getUint32(8) !== checksum(datagram, view)) {
      this.dropped.damaged++;
      return;
    }
    const pn = view.getUint32(0) * HIGH + view.getUint32(4);
    if (!this.#isNew(pn)) {
      this.dropped.repeated++;
      return;
    }
    let at = HEADER;
    const stream =
      datagram[at] === PacketFrame.STREAM && datagram.length >= at + STREAM_HEADER
        ? at + STREAM_HEADER + view.getUint16(at + 14)
        : Infinity;
    if (
      stream <= datagram.length &&
      (datagram[at + 1]! & ~0x04) === 0 &&
      (stream > at + STREAM_HEADER || datagram[at + 1] !== 0)
    ) {
      const id = view.getUint32(at + 2);
      const offset = view.getUint32(at + 6) * HIGH + view.getUint32(at + 10);
      if (Number.isSafeInteger(offset + stream - at)) {
        this.#addToRun(
          now,
          session,
          datagram[PATH_AT]!,
          this.#ecn(datagram),
          pn,
          id,
          offset,
          datagram[at + 1] === 0x04,
          datagram,
          at + STREAM_HEADER,
          stream,
        );
        at = stream;
      }
    }
    if (at === datagram.length) return;
    this.#endRun(now, session);
    const ecn = this.#ecn(datagram);
    session.handleFrames(now, datagram[PATH_AT]!, ecn, pn, at > HEADER, datagram, at, datagram.length - at);
  }

  #addToRun(
    now: number,
    session: Session,
    datagramPath: number,
    ecn: number,
    pn: number,
    id: number,
    offset: number,
    fin: boolean,
    bytes: Uint8Array,
    begin: number,
    end: number,
  ): void {
    const continues =
      this.#count > 0 &&
      pn === this.#pn + this.#count &&
      id === this.#id &&
      offset === this.#offset + this.#length &&
      !this.#fin &&
      datagramPath === this.#runPath &&
      ecn === this.#runEcn &&
      this.#length + end - begin <= this.#slab.length;
    if (!continues) {
      this.#endRun(now, session);
      this.#runPath = datagramPath;
      this.#runEcn = ecn;
      this.#pn = pn;
      this.#id = id;
      this.#offset = offset;
    }
    this.#slab.set(bytes.subarray(begin, end), this.#length);
    this.#length += end - begin;
    this.#fin = fin;
    this.#count++;
  }

  #endRun(now: number, session: Session): void {
    if (this.#count === 0) return;
    const { length, count } = { length: this.#length, count: this.#count };
    this.#count = this.#length = 0;
    handleStreamRun(
      session,
      now,
      this.#runPath,
      this.#runEcn,
      this.#pn,
      count,
      this.#id,
      this.#offset,
      this.#fin,
      this.#slab,
      0,
      length,
    );
    // Whoever keeps a reference to borrowed octets shall notice.
    this.#slab.fill(0xee, 0, Math.min(length, 64));
  }

  #ecn(datagram: Uint8Array): number {
    return this.blind ? 0 : datagram[ECN_AT]!;
  }

  #isNew(pn: number): boolean {
    if (pn < this.#seenBelow || this.#seen.has(pn)) return false;
    this.#seen.add(pn);
    while (this.#seen.delete(this.#seenBelow)) this.#seenBelow++;
    return true;
  }
}

/** Sums all octets but the checksum's own; any single flipped bit changes it. */
function checksum(datagram: Uint8Array, view: DataView): number {
  let sum = datagram.length;
  const words = datagram.length & ~3;
  for (let at = 0; at < words; at += 4)
    if (at !== 8 && at !== PATH_AT) sum = (Math.imul(sum, 31) + view.getUint32(at)) | 0;
  for (let at = words; at < datagram.length; at++) sum = (Math.imul(sum, 31) + datagram[at]!) | 0;
  return sum >>> 0;
}
