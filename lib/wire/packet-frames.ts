import { CloseCode, ControlType, MAX_VARINT, PacketFrame, STREAM_HEADER } from '../constants.js';
import type { FrameVisitor } from './frame-visitor.js';
import { decodeVarint, encodeVarint, MAX_VARINT_OCTETS, varintEnd } from './varint.js';

export type { FrameVisitor } from './frame-visitor.js';

/*
 * The frames inside a packet (STT §6), bytes <-> meaning. The parser calls a visitor with plain numbers and ranges of
 * the packet; it allocates nothing, keeps nothing and is total: what is malformed gives a close code.
 */

/** Ranges that an ACK may hold (STT §6). */
export const MAX_ACK_RANGES = 256;
/** Octets of the reason of a SESSION_CLOSE (STT §6). */
export const MAX_REASON_OCTETS = 256;
/** Octets of the token of PING, PONG, PATH_CHALLENGE and PATH_RESPONSE. */
export const TOKEN_OCTETS = 8;
/** Octets of a RESET_TOKEN. */
export const RESET_TOKEN_OCTETS = 16;
/** A side has no more ids than that: they have 32 bits, one of which tells the sides apart. */
const MAX_STREAM_COUNT = 2 ** 31;

const STREAM_END = 0x04;
const ACK_ECN = 0x01;
const WORD = 4_294_967_296;

// The parser's state between its functions: one packet is parsed at a time, so a visitor must not parse another.
const RANGES = new Float64Array(2 * MAX_ACK_RANGES);
let position = 0;
let failed = false;

/**
 * Parses octets `begin..end`, the payload of a packet.
 * @returns 0; FRAME_ENCODING if a frame is malformed; PROTOCOL if its type is unknown or there is no frame; or what the visitor gave.
 */
export function parsePacketFrames(bytes: Uint8Array, begin: number, end: number, visitor: FrameVisitor): number {
  // STT §5: an empty payload after a good tag.
  if (begin >= end) return CloseCode.PROTOCOL;
  position = begin;
  while (position < end) {
    const type = bytes[position]!;
    position++;
    failed = false;
    let code: number;
    if (type === PacketFrame.STREAM) code = parseStream(bytes, end, visitor);
    else if (type === PacketFrame.ACK) code = parseAck(bytes, end, visitor);
    else if (type === PacketFrame.CONTROL) code = parseControl(bytes, end, visitor);
    else if (type === PacketFrame.DATA) code = parseData(bytes, end, visitor);
    else if (type === PacketFrame.PADDING) code = parsePadding(bytes, end, visitor);
    else if (type >= PacketFrame.USER_FIRST) code = parseUser(type, bytes, end, visitor);
    else return CloseCode.PROTOCOL;
    if (code !== CloseCode.NONE) return code;
  }
  return CloseCode.NONE;
}

function parsePadding(bytes: Uint8Array, end: number, visitor: FrameVisitor): number {
  const begin = position - 1;
  while (position < end && bytes[position] === PacketFrame.PADDING) position++;
  return visitor.onPadding(position - begin);
}

function parseData(bytes: Uint8Array, end: number, visitor: FrameVisitor): number {
  const tag = varint(bytes, end);
  const begin = skip(varint(bytes, end), end);
  return failed ? CloseCode.FRAME_ENCODING : visitor.onData(tag, bytes, begin, position);
}

function parseUser(type: number, bytes: Uint8Array, end: number, visitor: FrameVisitor): number {
  const begin = skip(varint(bytes, end), end);
  return failed ? CloseCode.FRAME_ENCODING : visitor.onUser(type, bytes, begin, position);
}

/** 03 | flags u8 | stream_id u32 | offset u64 | length u16 | octets */
function parseStream(bytes: Uint8Array, end: number, visitor: FrameVisitor): number {
  const at = position;
  if (end - at < STREAM_HEADER - 1) return CloseCode.FRAME_ENCODING;
  const flags = bytes[at]!;
  const offset = readU32(bytes, at + 5) * WORD + readU32(bytes, at + 9);
  const length = (bytes[at + 13]! << 8) | bytes[at + 14]!;
  const fin = flags === STREAM_END;
  if ((flags !== 0 && !fin) || (length === 0 && !fin)) return CloseCode.FRAME_ENCODING;
  position = at + STREAM_HEADER - 1;
  const begin = skip(length, end);
  // Above 2^53-1 the sum is no exact number any more, but it is above all the same.
  if (failed || offset + length > MAX_VARINT) return CloseCode.FRAME_ENCODING;
  return visitor.onStream(readU32(bytes, at + 1), offset, fin, bytes, begin, position);
}

/** 06 | flags | largest | delay us | range count | first range | (gap, range)* | [ECT0, ECT1, CE]: RFC 9000 §19.3.1 */
function parseAck(bytes: Uint8Array, end: number, visitor: FrameVisitor): number {
  const flags = bytes[skip(1, end)]!;
  const largest = varint(bytes, end);
  const delayUs = varint(bytes, end);
  const more = varint(bytes, end);
  if (failed || (flags !== 0 && flags !== ACK_ECN) || more >= MAX_ACK_RANGES) return CloseCode.FRAME_ENCODING;
  let hi = largest;
  let lo = hi - varint(bytes, end);
  if (lo < 0) return CloseCode.FRAME_ENCODING;
  RANGES[0] = lo;
  RANGES[1] = hi;
  for (let i = 1; i <= more; i++) {
    hi = lo - varint(bytes, end) - 2;
    lo = hi - varint(bytes, end);
    if (failed || lo < 0) return CloseCode.FRAME_ENCODING;
    RANGES[2 * i] = lo;
    RANGES[2 * i + 1] = hi;
  }
  const hasEcn = flags === ACK_ECN;
  const ect0 = hasEcn ? varint(bytes, end) : 0;
  const ect1 = hasEcn ? varint(bytes, end) : 0;
  const ce = hasEcn ? varint(bytes, end) : 0;
  if (failed) return CloseCode.FRAME_ENCODING;
  return visitor.onAck(largest, delayUs, RANGES, more + 1, hasEcn, ect0, ect1, ce);
}

function parseControl(bytes: Uint8Array, end: number, visitor: FrameVisitor): number {
  const type = position < end ? bytes[position]! : -1;
  position++;
  switch (type) {
    case ControlType.PING:
      return token(TOKEN_OCTETS, end) ? visitor.onPing(bytes, position - TOKEN_OCTETS) : CloseCode.FRAME_ENCODING;
    case ControlType.PONG:
      return token(TOKEN_OCTETS, end) ? visitor.onPong(bytes, position - TOKEN_OCTETS) : CloseCode.FRAME_ENCODING;
    case ControlType.PATH_CHALLENGE:
      return token(TOKEN_OCTETS, end)
        ? visitor.onPathChallenge(bytes, position - TOKEN_OCTETS)
        : CloseCode.FRAME_ENCODING;
    case ControlType.PATH_RESPONSE:
      return token(TOKEN_OCTETS, end)
        ? visitor.onPathResponse(bytes, position - TOKEN_OCTETS)
        : CloseCode.FRAME_ENCODING;
    case ControlType.RESET_TOKEN:
      return token(RESET_TOKEN_OCTETS, end)
        ? visitor.onResetToken(bytes, position - RESET_TOKEN_OCTETS)
        : CloseCode.FRAME_ENCODING;
    case ControlType.FLOW_CREDIT: {
      const streamId = streamIdOf(bytes, end);
      const limit = varint(bytes, end);
      return failed ? CloseCode.FRAME_ENCODING : visitor.onFlowCredit(streamId, limit);
    }
    case ControlType.SESSION_CLOSE: {
      const code = varint(bytes, end);
      const length = varint(bytes, end);
      const begin = skip(length, end);
      if (failed || length > MAX_REASON_OCTETS) return CloseCode.FRAME_ENCODING;
      return visitor.onSessionClose(code, bytes, begin, position);
    }
    case ControlType.STREAM_LIMIT: {
      const count = varint(bytes, end);
      return failed || count > MAX_STREAM_COUNT ? CloseCode.FRAME_ENCODING : visitor.onStreamLimit(count);
    }
    case ControlType.STREAM_RESET: {
      const streamId = streamIdOf(bytes, end);
      const code = varint(bytes, end);
      const finalSize = varint(bytes, end);
      return failed ? CloseCode.FRAME_ENCODING : visitor.onStreamReset(streamId, code, finalSize);
    }
    case ControlType.STOP_SENDING: {
      const streamId = streamIdOf(bytes, end);
      const code = varint(bytes, end);
      return failed ? CloseCode.FRAME_ENCODING : visitor.onStopSending(streamId, code);
    }
    case ControlType.ACK_FREQUENCY: {
      const sequence = varint(bytes, end);
      const threshold = varint(bytes, end);
      const maxDelayUs = varint(bytes, end);
      return failed ? CloseCode.FRAME_ENCODING : visitor.onAckFrequency(sequence, threshold, maxDelayUs);
    }
    case ControlType.IMMEDIATE_ACK:
      return visitor.onImmediateAck();
    case ControlType.ALT_ADDRESS: {
      const begin = skip(varint(bytes, end), end);
      return failed ? CloseCode.FRAME_ENCODING : visitor.onAltAddress(bytes, begin, position);
    }
    case -1:
      return CloseCode.FRAME_ENCODING;
    default:
      return CloseCode.PROTOCOL;
  }
}

/** Reads a varint at `position`; sets `failed` if it is malformed. */
function varint(bytes: Uint8Array, end: number): number {
  const value = decodeVarint(bytes, position, end);
  if (value < 0) {
    failed = true;
    return 0;
  }
  position = varintEnd;
  return value;
}

/** A stream id has 32 bits, also where it is a varint. */
function streamIdOf(bytes: Uint8Array, end: number): number {
  const id = varint(bytes, end);
  if (id > 0xffffffff) failed = true;
  return id;
}

/** Moves over `octets`; gives where they begin. */
function skip(octets: number, end: number): number {
  const begin = position;
  if (octets > end - begin) failed = true;
  else position += octets;
  return begin;
}

function token(octets: number, end: number): boolean {
  skip(octets, end);
  return !failed;
}

/** Big-endian. */
export function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

// Encoders: into `out` from `at`, which must have room; all give the position behind.

/** The fixed header of a STREAM frame: STREAM_HEADER octets, its data follow. */
export function encodeStreamHeader(
  streamId: number,
  offset: number,
  fin: boolean,
  length: number,
  out: Uint8Array,
  at: number,
): number {
  out[at] = PacketFrame.STREAM;
  out[at + 1] = fin ? STREAM_END : 0;
  writeU32(streamId, out, at + 2);
  writeU32(Math.floor(offset / WORD), out, at + 6);
  writeU32(offset % WORD, out, at + 10);
  out[at + 14] = length >>> 8;
  out[at + 15] = length;
  return at + STREAM_HEADER;
}

/** A whole STREAM frame. */
export function encodeStream(
  streamId: number,
  offset: number,
  fin: boolean,
  octets: Uint8Array,
  out: Uint8Array,
  at: number,
): number {
  const begin = encodeStreamHeader(streamId, offset, fin, octets.length, out, at);
  out.set(octets, begin);
  return begin + octets.length;
}

/** DATA: an unreliable message. */
export function encodeData(tag: number, octets: Uint8Array, out: Uint8Array, at: number): number {
  out[at] = PacketFrame.DATA;
  return encodeOctets(octets, out, encodeVarint(tag, out, at + 1));
}

/** A user-defined frame, type 0x80-0xFF. */
export function encodeUser(type: number, octets: Uint8Array, out: Uint8Array, at: number): number {
  out[at] = type;
  return encodeOctets(octets, out, at + 1);
}

/** PADDING of so many octets. */
export function encodePadding(octets: number, out: Uint8Array, at: number): number {
  out.fill(PacketFrame.PADDING, at, at + octets);
  return at + octets;
}

/** Octets that an ACK of `rangeCount` ranges takes at most. */
export function maxAckOctets(rangeCount: number, hasEcn: boolean): number {
  return 2 + MAX_VARINT_OCTETS * (3 + 2 * rangeCount + (hasEcn ? 3 : 0));
}

/** ACK: `ranges` are `rangeCount` >= 1 pairs [lo, hi], descending, with a gap between any two. */
export function encodeAck(
  delayUs: number,
  ranges: Float64Array,
  rangeCount: number,
  hasEcn: boolean,
  ect0: number,
  ect1: number,
  ce: number,
  out: Uint8Array,
  at: number,
): number {
  out[at++] = PacketFrame.ACK;
  out[at++] = hasEcn ? ACK_ECN : 0;
  at = encodeVarint(ranges[1]!, out, at);
  at = encodeVarint(delayUs, out, at);
  at = encodeVarint(rangeCount - 1, out, at);
  at = encodeVarint(ranges[1]! - ranges[0]!, out, at);
  for (let i = 1; i < rangeCount; i++) {
    at = encodeVarint(ranges[2 * i - 2]! - ranges[2 * i + 1]! - 2, out, at);
    at = encodeVarint(ranges[2 * i + 1]! - ranges[2 * i]!, out, at);
  }
  if (!hasEcn) return at;
  at = encodeVarint(ect0, out, at);
  at = encodeVarint(ect1, out, at);
  return encodeVarint(ce, out, at);
}

export function encodePing(token: Uint8Array, out: Uint8Array, at: number): number {
  return encodeToken(ControlType.PING, token, out, at);
}

export function encodePong(token: Uint8Array, out: Uint8Array, at: number): number {
  return encodeToken(ControlType.PONG, token, out, at);
}

export function encodePathChallenge(token: Uint8Array, out: Uint8Array, at: number): number {
  return encodeToken(ControlType.PATH_CHALLENGE, token, out, at);
}

export function encodePathResponse(token: Uint8Array, out: Uint8Array, at: number): number {
  return encodeToken(ControlType.PATH_RESPONSE, token, out, at);
}

export function encodeResetToken(token: Uint8Array, out: Uint8Array, at: number): number {
  return encodeToken(ControlType.RESET_TOKEN, token, out, at);
}

/** FLOW_CREDIT: the absolute limit of a stream, or of the session (id 0). */
export function encodeFlowCredit(streamId: number, limit: number, out: Uint8Array, at: number): number {
  return encodeVarint(limit, out, encodeVarint(streamId, out, controlHead(ControlType.FLOW_CREDIT, out, at)));
}

/** SESSION_CLOSE; `reason` is UTF-8 of at most MAX_REASON_OCTETS. */
export function encodeSessionClose(code: number, reason: Uint8Array, out: Uint8Array, at: number): number {
  return encodeOctets(reason, out, encodeVarint(code, out, controlHead(ControlType.SESSION_CLOSE, out, at)));
}

export function encodeStreamLimit(count: number, out: Uint8Array, at: number): number {
  return encodeVarint(count, out, controlHead(ControlType.STREAM_LIMIT, out, at));
}

export function encodeStreamReset(
  streamId: number,
  code: number,
  finalSize: number,
  out: Uint8Array,
  at: number,
): number {
  at = encodeVarint(streamId, out, controlHead(ControlType.STREAM_RESET, out, at));
  return encodeVarint(finalSize, out, encodeVarint(code, out, at));
}

export function encodeStopSending(streamId: number, code: number, out: Uint8Array, at: number): number {
  return encodeVarint(code, out, encodeVarint(streamId, out, controlHead(ControlType.STOP_SENDING, out, at)));
}

export function encodeAckFrequency(
  sequence: number,
  threshold: number,
  maxDelayUs: number,
  out: Uint8Array,
  at: number,
): number {
  at = encodeVarint(sequence, out, controlHead(ControlType.ACK_FREQUENCY, out, at));
  return encodeVarint(maxDelayUs, out, encodeVarint(threshold, out, at));
}

export function encodeImmediateAck(out: Uint8Array, at: number): number {
  return controlHead(ControlType.IMMEDIATE_ACK, out, at);
}

/** ALT_ADDRESS; `addresses` is a canonical dictionary {udp?, websocket?}. */
export function encodeAltAddress(addresses: Uint8Array, out: Uint8Array, at: number): number {
  return encodeOctets(addresses, out, controlHead(ControlType.ALT_ADDRESS, out, at));
}

function controlHead(type: number, out: Uint8Array, at: number): number {
  out[at] = PacketFrame.CONTROL;
  out[at + 1] = type;
  return at + 2;
}

function encodeToken(type: number, octets: Uint8Array, out: Uint8Array, at: number): number {
  const begin = controlHead(type, out, at);
  out.set(octets, begin);
  return begin + octets.length;
}

function encodeOctets(octets: Uint8Array, out: Uint8Array, at: number): number {
  const begin = encodeVarint(octets.length, out, at);
  out.set(octets, begin);
  return begin + octets.length;
}

function writeU32(value: number, out: Uint8Array, at: number): void {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
}
