import { MAX_FRAME_OCTETS, SESSION_ID_OCTETS } from '../constants.js';
import { sttError } from '../errors.js';
import { bytesOption, integerOption, optionError } from '../options.js';
import type { SttDict } from './serialization.js';
import { decodeVarint, encodeVarint, MAX_VARINT_OCTETS, varintEnd, varintLength } from './varint.js';

/*
 * STTFrame (STT §3):
 *
 *   "ST" | length varint | type u8 | flags u8 | session_id (8) | sequence u64 | timestamp u64 | stream_id u32 | meta_len varint | crypto_metadata | payload
 *                        0         1          2                10             18              26              30
 */

const MAGIC_0 = 0x53;
const MAGIC_1 = 0x54;
const LENGTH_AT = 2;
const FLAGS_AT = 1;
const SESSION_ID_AT = 2;
const SEQUENCE_AT = 10;
const TIMESTAMP_AT = 18;
const STREAM_ID_AT = 26;
const META_LENGTH_AT = 30;
/** A frame of no metadata and no payload, after its length. */
const MIN_LENGTH = META_LENGTH_AT + 1;
/** Octets of the varint of the largest length. */
const MAX_LENGTH_OCTETS = varintLength(MAX_FRAME_OCTETS);
const MAX_U64 = 2n ** 64n - 1n;

/** Seals the payload of frames: an `STCWrapper`, or what does the same. */
export interface FrameSealer {
  /** Seals under associated data; `metadata`, never empty, is what `decryptFrame` needs besides. */
  encryptFrame(
    payload: Uint8Array,
    associatedData: SttDict,
  ): { readonly ciphertext: Uint8Array; readonly metadata: Uint8Array };
}

/** Opens the payload of frames: an `STCWrapper`, or what does the same. */
export interface FrameOpener {
  /** Throws `ERR_STT_AUTHENTICATION` if ciphertext, metadata, associated data and key do not belong together. */
  decryptFrame(ciphertext: Uint8Array, metadata: Uint8Array, associatedData: SttDict): Uint8Array;
}

export interface STTFrameOptions {
  /** 0..255; see `constants.FrameType`. */
  readonly frameType: number;
  /** Eight octets. */
  readonly sessionId: Uint8Array;
  /** 0..2^32-1. */
  readonly streamId: number;
  /** 0..2^64-1. */
  readonly sequence: bigint | number;
  /** 0..255, a sum of `constants.FrameFlag`; default 0. */
  readonly flags?: number;
  /** Default: none. */
  readonly payload?: Uint8Array;
  /** Milliseconds since the epoch, 0..2^64-1; default: now. */
  readonly timestamp?: bigint | number;
  /** What belongs to an encrypted payload; default: none, the payload is in the clear. */
  readonly cryptoMetadata?: Uint8Array;
}

export interface FromBytesOptions {
  /** Opens the payload with `stc`, and refuses a frame that is not encrypted. Default false. */
  readonly decrypt?: boolean;
  /** Needed with `decrypt`. */
  readonly stc?: FrameOpener;
}

/** A frame out of a stream of frames. */
export interface ParsedFrame {
  readonly frame: STTFrame;
  /** Octets that the frame took. */
  readonly bytesRead: number;
}

/**
 * The self-contained unit of the handshake and of the low-level transports (STT §3), byte-compatible with STT 0.2.0a0.
 * Unknown types and flags are kept as they are. It has no protection against replay.
 */
export class STTFrame {
  /** 0..255; see `constants.FrameType`. */
  readonly frameType: number;
  /** 0..255, a sum of `constants.FrameFlag`. */
  readonly flags: number;
  /** Eight octets. */
  readonly sessionId: Uint8Array;
  readonly sequence: bigint;
  /** Milliseconds since the epoch. */
  readonly timestamp: bigint;
  readonly streamId: number;
  #payload: Uint8Array;
  #cryptoMetadata: Uint8Array;

  /**
   * Keeps the payload by reference.
   * @throws STTConfigError `ERR_STT_OPTION_RANGE`
   */
  constructor(options: STTFrameOptions) {
    this.frameType = integer('frameType', options.frameType, 0xff);
    this.flags = integer('flags', options.flags ?? 0, 0xff);
    this.streamId = integer('streamId', options.streamId, 0xffff_ffff);
    this.sequence = u64('sequence', options.sequence);
    // The one clock of this layer: a default for callers who make frames by hand. The protocol passes its timestamps.
    // eslint-disable-next-line no-restricted-properties
    this.timestamp = u64('timestamp', options.timestamp ?? Date.now());
    this.sessionId = new Uint8Array(bytesOption('sessionId', options.sessionId));
    if (this.sessionId.length !== SESSION_ID_OCTETS) {
      throw optionError('sessionId', `${this.sessionId.length} octets`, `${SESSION_ID_OCTETS} octets`);
    }
    this.#payload = bytesOption('payload', options.payload ?? new Uint8Array(0));
    this.#cryptoMetadata = bytesOption('cryptoMetadata', options.cryptoMetadata ?? new Uint8Array(0));
  }

  /** In the clear, or the ciphertext if `isEncrypted`. */
  get payload(): Uint8Array {
    return this.#payload;
  }

  /** Empty if the payload is in the clear. */
  get cryptoMetadata(): Uint8Array {
    return this.#cryptoMetadata;
  }

  get isEncrypted(): boolean {
    return this.#cryptoMetadata.length > 0;
  }

  /**
   * Replaces the payload by its ciphertext, bound to every other field of the frame.
   * @throws STTFrameError `ERR_STT_FRAME_ENCRYPTED` if it is encrypted already
   */
  encryptPayload(stc: FrameSealer): void {
    if (this.isEncrypted) throw sttError('ERR_STT_FRAME_ENCRYPTED');
    const { ciphertext, metadata } = stc.encryptFrame(this.#payload, this.#associatedData());
    this.#payload = ciphertext;
    this.#cryptoMetadata = metadata;
  }

  /**
   * Replaces the ciphertext by the payload and gives it.
   * @throws STTCryptoError `ERR_STT_AUTHENTICATION`, also if the frame is not encrypted: whoever sent it may have
   * stripped that
   */
  decryptPayload(stc: FrameOpener): Uint8Array {
    if (!this.isEncrypted) throw sttError('ERR_STT_AUTHENTICATION');
    this.#payload = stc.decryptFrame(this.#payload, this.#cryptoMetadata, this.#associatedData());
    this.#cryptoMetadata = new Uint8Array(0);
    return this.#payload;
  }

  /**
   * The octets of the frame.
   * @throws STTFrameError `ERR_STT_FRAME_TOO_LARGE` if there are over 2 MiB after the length
   */
  toBytes(): Uint8Array<ArrayBuffer> {
    const metadata = this.#cryptoMetadata;
    const length = META_LENGTH_AT + varintLength(metadata.length) + metadata.length + this.#payload.length;
    if (length > MAX_FRAME_OCTETS) {
      throw sttError('ERR_STT_FRAME_TOO_LARGE', { size: length, limit: MAX_FRAME_OCTETS });
    }
    const bytes = new Uint8Array(LENGTH_AT + varintLength(length) + length);
    bytes[0] = MAGIC_0;
    bytes[1] = MAGIC_1;
    const at = encodeVarint(length, bytes, LENGTH_AT);
    const view = new DataView(bytes.buffer, at);
    bytes[at] = this.frameType;
    bytes[at + FLAGS_AT] = this.flags;
    bytes.set(this.sessionId, at + SESSION_ID_AT);
    view.setBigUint64(SEQUENCE_AT, this.sequence);
    view.setBigUint64(TIMESTAMP_AT, this.timestamp);
    view.setUint32(STREAM_ID_AT, this.streamId);
    const metadataAt = encodeVarint(metadata.length, bytes, at + META_LENGTH_AT);
    bytes.set(metadata, metadataAt);
    bytes.set(this.#payload, metadataAt + metadata.length);
    return bytes;
  }

  /**
   * The frame that the octets are, no more and no less. It shares no memory with them.
   *
   * @throws STTFrameError `ERR_STT_FRAME_MALFORMED`, `ERR_STT_FRAME_TOO_LARGE`; with `decrypt` STTCryptoError
   * `ERR_STT_AUTHENTICATION`, and STTConfigError `ERR_STT_OPTION_RANGE` without `stc`
   */
  static fromBytes(data: Uint8Array, options: FromBytesOptions = {}): STTFrame {
    const parsed = STTFrame.parse(data);
    if (parsed === undefined) throw malformed('it ends too early');
    if (parsed.bytesRead < data.length) throw malformed('octets follow it');
    if (options.decrypt === true) {
      if (options.stc === undefined) throw optionError('stc', 'undefined', 'an STCWrapper, with `decrypt`,');
      parsed.frame.decryptPayload(options.stc);
    }
    return parsed.frame;
  }

  /**
   * The first frame of a stream of frames: undefined until all of it is there. It shares no memory with the octets.
   *
   * @throws STTFrameError `ERR_STT_FRAME_MALFORMED`, `ERR_STT_FRAME_TOO_LARGE` as soon as the octets can become no frame
   */
  static parse(data: Uint8Array): ParsedFrame | undefined {
    if (data.length > 0 && data[0] !== MAGIC_0) throw malformed('it does not begin with "ST"');
    if (data.length > 1 && data[1] !== MAGIC_1) throw malformed('it does not begin with "ST"');
    const length = frameLength(data);
    if (length < 0) return undefined;
    const at = varintEnd;
    const end = at + length;
    if (end > data.length) return undefined;
    const metadataLength = decodeVarint(data, at + META_LENGTH_AT, end);
    const metadataAt = varintEnd;
    if (metadataLength < 0 || metadataLength > end - metadataAt) throw malformed('its metadata is longer than itself');
    const payloadAt = metadataAt + metadataLength;
    const view = new DataView(data.buffer, data.byteOffset + at, length);
    const frame = new STTFrame({
      frameType: data[at]!,
      flags: data[at + FLAGS_AT]!,
      sessionId: data.subarray(at + SESSION_ID_AT, at + SEQUENCE_AT),
      sequence: view.getBigUint64(SEQUENCE_AT),
      timestamp: view.getBigUint64(TIMESTAMP_AT),
      streamId: view.getUint32(STREAM_ID_AT),
      // Not slice(): of a Buffer that would be a view of the input.
      cryptoMetadata: new Uint8Array(data.subarray(metadataAt, payloadAt)),
      payload: new Uint8Array(data.subarray(payloadAt, end)),
    });
    return { frame, bytesRead: end };
  }

  #associatedData(): SttDict {
    return {
      frame_type: this.frameType,
      flags: this.flags,
      session_id: this.sessionId,
      sequence: this.sequence,
      timestamp: this.timestamp,
      stream_id: this.streamId,
    };
  }
}

/** The length field, its end in `varintEnd`; -1 if more octets are needed. */
function frameLength(data: Uint8Array): number {
  const length = decodeVarint(data, LENGTH_AT, data.length);
  if (length < 0) {
    const given = data.length - LENGTH_AT;
    // As long as every octet says that more follow.
    if (given < MAX_LENGTH_OCTETS && data.subarray(LENGTH_AT).every((octet) => octet >= 0x80)) return -1;
    throw malformed(`its length is no number of at most ${MAX_VARINT_OCTETS} octets`);
  }
  if (length > MAX_FRAME_OCTETS) throw sttError('ERR_STT_FRAME_TOO_LARGE', { size: length, limit: MAX_FRAME_OCTETS });
  if (length < MIN_LENGTH) throw malformed('it is shorter than its header');
  return length;
}

function integer(name: string, value: number | undefined, max: number): number {
  return integerOption(name, value ?? Number.NaN, 0, 0, max);
}

function u64(name: string, value: bigint | number): bigint {
  const isInteger = typeof value === 'bigint' || Number.isSafeInteger(value);
  if (isInteger && value >= 0 && value <= MAX_U64) return BigInt(value);
  throw optionError(name, String(value), 'a bigint or safe integer from 0 to 2^64-1');
}

function malformed(what: string): Error {
  return sttError('ERR_STT_FRAME_MALFORMED', { what });
}
