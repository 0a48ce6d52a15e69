import { FrameFlag, PacketFrame, SESSION_ID_OCTETS, STREAM_HEADER } from '../constants.js';
import { ADDRESS_OCTETS, Group, GROUP_WORDS, NONE, Row, ROW_WORDS, RowFlag, RowType } from '../ports/packet-engine.js';

/** Rows that one batch may hold; a datagram makes two at most. */
const MAX_ROWS = 2_048;
/** Most packets of one row: the count has 16 bits. */
const MAX_COUNT = 0xffff;
const TWO_32 = 0x100000000;

/**
 * Rows, groups and slab of a batch.
 *
 *   slab   | 16 | stream payload --> front | free | back <-- frames, rests, handshakes |
 *
 * A packet is opened at `front - 16`: then the payload of its leading STREAM frame touches the one before. The 16
 * octets are saved and put back.
 */
export class RowBuffer {
  readonly rows = new Uint32Array(MAX_ROWS * ROW_WORDS);
  readonly groups = new Uint32Array(MAX_ROWS * GROUP_WORDS);
  readonly slab: Uint8Array;

  rowCount = 0;
  groupCount = 0;
  #front = STREAM_HEADER;
  #back: number;
  readonly #saved = new Uint8Array(STREAM_HEADER);
  #openedAt = 0;

  // What the next packet must be to continue the last row; the stream id 0 is that of no row.
  #streamId = 0;
  #nextOffset = 0;
  #nextPn = 0;

  constructor(slabOctets: number) {
    this.slab = new Uint8Array(slabOctets);
    this.#back = slabOctets;
  }

  /** True if a datagram of this many octets fits, whatever it holds. */
  hasRoom(octets: number): boolean {
    // Payload in front and a copy of it at the back are the worst a datagram can do.
    return this.rowCount + 2 <= MAX_ROWS && this.#back - this.#front >= 2 * octets + ADDRESS_OCTETS;
  }

  clear(): void {
    this.rowCount = 0;
    this.groupCount = 0;
    this.#front = STREAM_HEADER;
    this.#back = this.slab.length;
    this.#streamId = 0;
  }

  /** Where the next packet is to be opened to; `endOpening` must follow. */
  beginOpening(): number {
    const at = this.#front - STREAM_HEADER;
    for (let i = 0; i < STREAM_HEADER; i++) this.#saved[i] = this.slab[at + i]!;
    this.#openedAt = at;
    return at;
  }

  /** Puts back what the opening overwrote. */
  endOpening(): void {
    this.slab.set(this.#saved, this.#openedAt);
  }

  /** Rows for the payload of a packet: the `length` octets that were opened. `endOpening` must follow. */
  addPacket(slot: number, path: number, marks: number, pn: number, length: number): void {
    const begin = this.#openedAt;
    const payload = this.#leadingStream(begin, length);
    if (payload < 0) {
      this.#addFrames(slot, path, marks, pn, begin, length, 0);
      return;
    }
    this.#addStream(slot, path, marks, pn, begin, payload);
    const rest = length - STREAM_HEADER - payload;
    if (rest > 0) this.#addFrames(slot, path, marks, pn, begin + STREAM_HEADER + payload, rest, RowFlag.REST);
    this.#front += payload;
  }

  /** A FRAMES row without octets: a packet that no peer may send, for the driver to close with PROTOCOL. */
  addBadPacket(slot: number, path: number, marks: number, pn: number): void {
    this.#addFrames(slot, path, marks, pn, this.#front, 0, 0);
  }

  addHandshake(path: number, seedIndex: number, frame: Uint8Array, address: Uint8Array): void {
    this.#openGroup(NONE, path, 0);
    this.#back -= frame.length;
    const begin = this.#back;
    this.slab.set(frame, begin);
    this.#back -= ADDRESS_OCTETS;
    for (let i = 0; i < ADDRESS_OCTETS; i++) this.slab[this.#back + i] = address[i]!;
    this.#addRow(RowType.HANDSHAKE, 0, begin, frame.length, seedIndex, 0, 0);
  }

  addStray(path: number, datagram: Uint8Array, address: Uint8Array): void {
    this.#openGroup(NONE, path, 0);
    this.#back -= SESSION_ID_OCTETS;
    const begin = this.#back;
    for (let i = 0; i < SESSION_ID_OCTETS; i++) this.slab[begin + i] = datagram[1 + i]!;
    this.#back -= ADDRESS_OCTETS;
    for (let i = 0; i < ADDRESS_OCTETS; i++) this.slab[this.#back + i] = address[i]!;
    this.#addRow(RowType.STRAY, 0, begin, SESSION_ID_OCTETS, datagram.length, 0, 0);
  }

  addReset(slot: number, path: number): void {
    this.#openGroup(slot, path, 0);
    this.#addRow(RowType.RESET, 0, 0, 0, NONE, 0, 0);
  }

  addForgeryLimit(slot: number, path: number): void {
    this.#openGroup(slot, path, 0);
    this.#addRow(RowType.FORGERY_LIMIT, 0, 0, 0, NONE, 0, 0);
  }

  /** Payload octets of the well-formed STREAM frame that leads the packet, -1 if there is none. */
  #leadingStream(at: number, length: number): number {
    const slab = this.slab;
    if (length < STREAM_HEADER || slab[at] !== PacketFrame.STREAM) return -1;
    const flags = slab[at + 1]!;
    if ((flags & ~FrameFlag.STREAM_END) !== 0) return -1;
    const payload = (slab[at + 14]! << 8) | slab[at + 15]!;
    if (payload > length - STREAM_HEADER || (payload === 0 && flags === 0)) return -1;
    if (word(slab, at + 2) === 0) return -1;
    // 2^53-1 is the limit, and a high word over 2^21-1 beyond it.
    if (word(slab, at + 6) > 0x1fffff) return -1;
    const offset = word(slab, at + 6) * TWO_32 + word(slab, at + 10);
    return offset + payload > Number.MAX_SAFE_INTEGER ? -1 : payload;
  }

  #addStream(slot: number, path: number, marks: number, pn: number, at: number, payload: number): void {
    const slab = this.slab;
    const streamId = word(slab, at + 2);
    const offset = word(slab, at + 6) * TWO_32 + word(slab, at + 10);
    const fin = slab[at + 1] === FrameFlag.STREAM_END;
    const last = (this.rowCount - 1) * ROW_WORDS;
    if (
      streamId === this.#streamId &&
      offset === this.#nextOffset &&
      pn === this.#nextPn &&
      this.#inGroup(slot, path, marks) &&
      this.rows[last + Row.HEAD]! >>> 16 < MAX_COUNT
    ) {
      this.rows[last + Row.HEAD]! += 0x10000 | (fin ? RowFlag.END << 8 : 0);
      this.rows[last + Row.LENGTH]! += payload;
    } else {
      this.#openGroup(slot, path, marks);
      this.#addRow(RowType.STREAM, fin ? RowFlag.END : 0, at + STREAM_HEADER, payload, streamId, offset, pn);
    }
    this.#streamId = fin ? 0 : streamId;
    this.#nextOffset = offset + payload;
    this.#nextPn = pn + 1;
  }

  #addFrames(slot: number, path: number, marks: number, pn: number, at: number, length: number, flags: number): void {
    this.#openGroup(slot, path, marks);
    this.#back -= length;
    this.slab.copyWithin(this.#back, at, at + length);
    this.#addRow(RowType.FRAMES, flags, this.#back, length, NONE, 0, pn);
  }

  #addRow(
    type: number,
    flags: number,
    begin: number,
    length: number,
    streamId: number,
    offset: number,
    pn: number,
  ): void {
    const rows = this.rows;
    const row = this.rowCount++ * ROW_WORDS;
    rows[row + Row.HEAD] = type | (flags << 8) | (1 << 16);
    rows[row + Row.BEGIN] = begin;
    rows[row + Row.LENGTH] = length;
    rows[row + Row.STREAM_ID] = streamId;
    rows[row + Row.OFFSET_LO] = offset >>> 0;
    rows[row + Row.OFFSET_HI] = Math.floor(offset / TWO_32);
    rows[row + Row.PN_LO] = pn >>> 0;
    rows[row + Row.PN_HI] = Math.floor(pn / TWO_32);
    this.#streamId = 0;
  }

  #inGroup(slot: number, path: number, marks: number): boolean {
    const group = (this.groupCount - 1) * GROUP_WORDS;
    return (
      group >= 0 &&
      this.groups[group + Group.SLOT] === slot &&
      this.groups[group + Group.PATH] === path &&
      this.groups[group + Group.MARKS] === marks
    );
  }

  #openGroup(slot: number, path: number, marks: number): void {
    if (this.#inGroup(slot, path, marks)) return;
    const group = this.groupCount++ * GROUP_WORDS;
    this.groups[group + Group.FIRST_ROW] = this.rowCount;
    this.groups[group + Group.SLOT] = slot;
    this.groups[group + Group.PATH] = path;
    this.groups[group + Group.MARKS] = marks;
  }
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
