import { FrameType, HandshakeType, MAX_VARINT, MIN_DATAGRAM, SESSION_ID_OCTETS } from '../constants.js';
import { optionError } from '../options.js';
import { deserializeStt, serializeStt, type SttDict, type SttValue } from './serialization.js';
import { encodeTransportParams, parseTransportParams, type TransportParams } from './transport-params.js';
import { decodeVarint, encodeVarint, varintEnd, varintLength } from './varint.js';

export { DEFAULT_TRANSPORT_PARAMS, type TransportParams } from './transport-params.js';

/*
 * Messages of the handshake, bytes <-> meaning; nothing here is cryptography. Each is the payload of an STTFrame of type
 * HANDSHAKE in which everything but the handshake id is zero (STT §4):
 *
 *   "ST" | length varint | 05 | flags 00 | handshake id (8) | sequence (8), timestamp (8), stream id (4), meta_len (1) | payload
 *                                                                                                                      | at
 *   HELLO         01 | noise message 1 | mac1 (16) | mac2 (16)
 *   HELLO_RESP    02 | noise message 2 | mac1 (16)
 *   COOKIE_REPLY  03 | nonce (24) | sealed
 *   VERSIONS      04 | nonce (24) | sealed
 */

/** Octets of mac1 and of mac2. */
export const MAC_OCTETS = 16;
/** Octets of the nonce of COOKIE_REPLY and VERSIONS. */
export const REPLY_NONCE_OCTETS = 24;
/** Octets of a stateless-reset token. */
export const RESET_TOKEN_OCTETS = 16;

const MAGIC_0 = 0x53;
const MAGIC_1 = 0x54;
const LENGTH_AT = 2;
/** From the frame's type to its payload. */
const HEADER_OCTETS = 31;
const ID_AT = 2;
const TAG_OCTETS = 16;

/** Octets that IXpsk0 adds to the payload of either message: e, s sealed, and the payload's tag. */
export const NOISE_OVERHEAD = 32 + 32 + TAG_OCTETS + TAG_OCTETS;
/** The payload of a handshake frame that is one datagram of MIN_DATAGRAM octets. */
const PADDED_PAYLOAD =
  MIN_DATAGRAM - LENGTH_AT - varintLength(MIN_DATAGRAM - LENGTH_AT - varintLength(MIN_DATAGRAM)) - HEADER_OCTETS;
/** Octets of a Noise payload that makes HELLO exactly MIN_DATAGRAM octets. */
export const PADDED_HELLO_PAYLOAD = PADDED_PAYLOAD - 1 - NOISE_OVERHEAD - 2 * MAC_OCTETS;
/** The same for HELLO_RESP. */
export const PADDED_RESPONSE_PAYLOAD = PADDED_PAYLOAD - 1 - NOISE_OVERHEAD - MAC_OCTETS;

/** The Noise payload of HELLO. */
export interface HelloPayload {
  /** The version this HELLO is of. */
  readonly version: number;
  /** All that the initiator speaks. */
  readonly versions: readonly number[];
  /** Microseconds since the epoch, strictly increasing per node. */
  readonly timestampMicros: number;
  /** Suites in order of preference; unknown numbers are for others. */
  readonly suites: readonly number[];
  readonly params: TransportParams;
}

/** The Noise payload of HELLO_RESP. */
export interface ResponsePayload {
  readonly version: number;
  /** The suite chosen. */
  readonly suite: number;
  /** Eight octets. */
  readonly sessionId: Uint8Array;
  readonly params: TransportParams;
  /** Sixteen octets. */
  readonly resetToken: Uint8Array;
}

/** Parts of a HELLO or HELLO_RESP, views of the datagram. */
export interface HandshakeParts {
  /** Eight octets. */
  readonly handshakeId: Uint8Array;
  /** From the type of the message up to mac1: with what stands before it, the input of mac1's hash (STT §4). */
  readonly authenticated: Uint8Array;
  readonly noiseMessage: Uint8Array;
  readonly mac1: Uint8Array;
  /** Of a HELLO; empty in a HELLO_RESP. */
  readonly mac2: Uint8Array;
}

/** Parts of a COOKIE_REPLY or VERSIONS, views of the datagram. */
export interface SealedReplyParts {
  /** Eight octets. */
  readonly handshakeId: Uint8Array;
  /** 24 octets. */
  readonly nonce: Uint8Array;
  readonly sealed: Uint8Array;
}

/**
 * Octets of the Noise payload of a HELLO.
 *
 * @param size - PADDED_HELLO_PAYLOAD on UDP, 0 for no padding (WebSocket).
 * @throws STTConfigError `ERR_STT_OPTION_RANGE` if the params leave no room (too many capabilities)
 */
export function encodeHelloPayload(hello: HelloPayload, size: number): Uint8Array {
  return padded(
    {
      v: hello.version,
      versions: hello.versions,
      ts: hello.timestampMicros,
      suites: hello.suites,
      params: encodeTransportParams(hello.params),
    },
    size,
  );
}

/** The Noise payload of a HELLO; undefined if anything in it has a wrong type or range. */
export function parseHelloPayload(bytes: Uint8Array): HelloPayload | undefined {
  const dict = parseDict(bytes);
  if (dict === undefined || !(field(dict, 'pad') instanceof Uint8Array)) return undefined;
  const version = integer(dict, 'v');
  const versions = integers(field(dict, 'versions'));
  const timestampMicros = integer(dict, 'ts');
  const suites = integers(field(dict, 'suites'));
  const params = parseTransportParams(field(dict, 'params'));
  if (version < 0 || versions === undefined || timestampMicros < 0 || suites === undefined || params === undefined) {
    return undefined;
  }
  return { version, versions, timestampMicros, suites, params };
}

/**
 * Octets of the Noise payload of a HELLO_RESP.
 *
 * @param size - PADDED_RESPONSE_PAYLOAD on UDP, 0 for no padding (WebSocket).
 * @throws STTConfigError `ERR_STT_OPTION_RANGE` if the params leave no room (too many capabilities)
 */
export function encodeResponsePayload(response: ResponsePayload, size: number): Uint8Array {
  return padded(
    {
      v: response.version,
      suite: response.suite,
      session_id: response.sessionId,
      params: encodeTransportParams(response.params),
      reset_token: response.resetToken,
    },
    size,
  );
}

/** The Noise payload of a HELLO_RESP; undefined if anything in it has a wrong type or range. */
export function parseResponsePayload(bytes: Uint8Array): ResponsePayload | undefined {
  const dict = parseDict(bytes);
  if (dict === undefined || !(field(dict, 'pad') instanceof Uint8Array)) return undefined;
  const version = integer(dict, 'v');
  const suite = integer(dict, 'suite');
  const sessionId = octets(dict, 'session_id', SESSION_ID_OCTETS);
  const params = parseTransportParams(field(dict, 'params'));
  const resetToken = octets(dict, 'reset_token', RESET_TOKEN_OCTETS);
  if (version < 0 || suite < 0 || sessionId === undefined || params === undefined || resetToken === undefined) {
    return undefined;
  }
  return { version, suite, sessionId, params, resetToken };
}

/** What VERSIONS seals: a canonical list. */
export function encodeVersionList(versions: readonly number[]): Uint8Array {
  return serializeStt(versions);
}

/** The opened list of VERSIONS; undefined if it is none. */
export function parseVersionList(bytes: Uint8Array): readonly number[] | undefined {
  return integers(parseValue(bytes));
}

/**
 * A HELLO as a whole STTFrame, its mac1 and mac2 zeros: `handshakeParts` of the result gives views to compute and set them.
 */
export function assembleHello(handshakeId: Uint8Array, noiseMessage: Uint8Array): Uint8Array {
  return assemble(HandshakeType.HELLO, handshakeId, noiseMessage, 2 * MAC_OCTETS);
}

/** A HELLO_RESP as a whole STTFrame, its mac1 zeros: `handshakeParts` of the result gives views to compute and set it. */
export function assembleResponse(handshakeId: Uint8Array, noiseMessage: Uint8Array): Uint8Array {
  return assemble(HandshakeType.HELLO_RESP, handshakeId, noiseMessage, MAC_OCTETS);
}

/** A COOKIE_REPLY or VERSIONS as a whole STTFrame. */
export function assembleSealedReply(
  type: typeof HandshakeType.COOKIE_REPLY | typeof HandshakeType.VERSIONS,
  handshakeId: Uint8Array,
  nonce: Uint8Array,
  sealed: Uint8Array,
): Uint8Array {
  const frame = assemble(type, handshakeId, nonce, sealed.length);
  frame.set(sealed, frame.length - sealed.length);
  return frame;
}

/**
 * Where the payload of the handshake frame in `begin..end` begins: its first octet is the type of the message. -1 if the
 * octets are not exactly one STTFrame of the handshake's shape with a payload, or are longer than any message may be.
 */
export function handshakePayloadAt(bytes: Uint8Array, begin: number, end: number): number {
  if (end - begin > MIN_DATAGRAM || end - begin < LENGTH_AT) return -1;
  if (bytes[begin] !== MAGIC_0 || bytes[begin + 1] !== MAGIC_1) return -1;
  const length = decodeVarint(bytes, begin + LENGTH_AT, end);
  if (length <= HEADER_OCTETS || length !== end - varintEnd) return -1;
  const at = varintEnd;
  if (bytes[at] !== FrameType.HANDSHAKE || bytes[at + 1] !== 0) return -1;
  for (let i = at + ID_AT + SESSION_ID_OCTETS; i < at + HEADER_OCTETS; i++) if (bytes[i] !== 0) return -1;
  return at + HEADER_OCTETS;
}

/** Where the handshake id (8 octets) of a frame begins whose payload begins at `payloadAt`. */
export function handshakeIdAt(payloadAt: number): number {
  return payloadAt - HEADER_OCTETS + ID_AT;
}

/** Takes a HELLO or HELLO_RESP apart; undefined if it is neither, or too short. */
export function handshakeParts(bytes: Uint8Array, begin: number, end: number): HandshakeParts | undefined {
  const at = handshakePayloadAt(bytes, begin, end);
  if (at < 0) return undefined;
  const type = bytes[at];
  if (type !== HandshakeType.HELLO && type !== HandshakeType.HELLO_RESP) return undefined;
  const mac2At = type === HandshakeType.HELLO ? end - MAC_OCTETS : end;
  const mac1At = mac2At - MAC_OCTETS;
  if (mac1At - at - 1 < NOISE_OVERHEAD) return undefined;
  const idAt = handshakeIdAt(at);
  return {
    handshakeId: bytes.subarray(idAt, idAt + SESSION_ID_OCTETS),
    authenticated: bytes.subarray(at, mac1At),
    noiseMessage: bytes.subarray(at + 1, mac1At),
    mac1: bytes.subarray(mac1At, mac2At),
    mac2: bytes.subarray(mac2At, end),
  };
}

/** Takes a COOKIE_REPLY or VERSIONS apart; undefined if it is neither, or too short. */
export function sealedReplyParts(bytes: Uint8Array, begin: number, end: number): SealedReplyParts | undefined {
  const at = handshakePayloadAt(bytes, begin, end);
  if (at < 0 || (bytes[at] !== HandshakeType.COOKIE_REPLY && bytes[at] !== HandshakeType.VERSIONS)) return undefined;
  const sealedAt = at + 1 + REPLY_NONCE_OCTETS;
  if (end - sealedAt < TAG_OCTETS) return undefined;
  const idAt = handshakeIdAt(at);
  return {
    handshakeId: bytes.subarray(idAt, idAt + SESSION_ID_OCTETS),
    nonce: bytes.subarray(at + 1, sealedAt),
    sealed: bytes.subarray(sealedAt, end),
  };
}

function assemble(type: number, handshakeId: Uint8Array, body: Uint8Array, room: number): Uint8Array {
  const length = HEADER_OCTETS + 1 + body.length + room;
  const frame = new Uint8Array(LENGTH_AT + varintLength(length) + length);
  frame[0] = MAGIC_0;
  frame[1] = MAGIC_1;
  const at = encodeVarint(length, frame, LENGTH_AT);
  frame[at] = FrameType.HANDSHAKE;
  frame.set(handshakeId.subarray(0, SESSION_ID_OCTETS), at + ID_AT);
  frame[at + HEADER_OCTETS] = type;
  frame.set(body, at + HEADER_OCTETS + 1);
  return frame;
}

/** The octets of a dictionary whose `pad` makes them `size` octets; no padding if that is 0. */
function padded(dict: SttDict, size: number): Uint8Array {
  const bare = serializeStt({ ...dict, pad: new Uint8Array(0) });
  if (size === 0) return bare;
  if (bare.length > size) {
    throw optionError('capabilities', `${bare.length - size} octets too long`, 'what fits a handshake message');
  }
  return serializeStt({ ...dict, pad: new Uint8Array(size - bare.length) });
}

/** Floats come tagged, since one with an integral value is no INT. */
function parseValue(bytes: Uint8Array): SttValue | undefined {
  try {
    return deserializeStt(bytes, { floats: 'tagged' });
  } catch {
    return undefined;
  }
}

function parseDict(bytes: Uint8Array): SttDict | undefined {
  const value = parseValue(bytes);
  const isDict = typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
  return isDict ? (value as SttDict) : undefined;
}

function field(dict: SttDict, name: string): SttValue | undefined {
  return Object.hasOwn(dict, name) ? dict[name] : undefined;
}

/** An INT of 0..2^53-1, else -1. */
function integer(dict: SttDict, name: string): number {
  const value = field(dict, name);
  return typeof value === 'number' && value >= 0 && value <= MAX_VARINT ? value : -1;
}

function integers(value: SttValue | undefined): readonly number[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const list = value as readonly SttValue[];
  return list.every((item) => typeof item === 'number' && item >= 0) ? (list as readonly number[]) : undefined;
}

function octets(dict: SttDict, name: string, length: number): Uint8Array | undefined {
  const value = field(dict, name);
  return value instanceof Uint8Array && value.length === length ? value : undefined;
}
