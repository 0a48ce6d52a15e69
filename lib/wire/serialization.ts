import { sttError } from '../errors.js';

/*
 * TLV of STT 0.2.0a0 (STT §9): tag u8, then
 *
 *   00 null   01 false   02 true
 *   10 INT8   11 INT16   12 INT32   13 INT64        two's complement, big-endian
 *   14 UINT8  15 UINT16  16 UINT32  17 UINT64
 *   20 FLOAT32           21 FLOAT64                 IEEE 754
 *   30 BYTES  31 STRING                             length u32, octets
 *   40 LIST                                         count u32, values
 *   41 DICT                                         count u32, (STRING TLV, value)*, sorted by code point
 */

const Tag = {
  NULL: 0x00,
  FALSE: 0x01,
  TRUE: 0x02,
  INT8: 0x10,
  INT16: 0x11,
  INT32: 0x12,
  INT64: 0x13,
  UINT8: 0x14,
  UINT16: 0x15,
  UINT32: 0x16,
  UINT64: 0x17,
  FLOAT32: 0x20,
  FLOAT64: 0x21,
  BYTES: 0x30,
  STRING: 0x31,
  LIST: 0x40,
  DICT: 0x41,
} as const;

/** Lists and dictionaries within one another (STT §9). */
export const MAX_DEPTH = 64;
/** Largest length or count: it has 32 bits. */
const MAX_LENGTH = 0xffff_ffff;
/** Tag and length of an empty key, and the tag of its value: no entry of a dictionary is shorter. */
const MIN_ENTRY = 6;
/** Most values are small dictionaries: associated data, parameters. */
const FIRST_BUFFER = 256;

/** What can be serialized. Integral safe numbers and bigints are integers, other numbers FLOAT64. */
export type SttValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Float64
  | readonly SttValue[]
  | { readonly [key: string]: SttValue };

/** A dictionary. */
export type SttDict = { readonly [key: string]: SttValue };

/** A number that is FLOAT64 even where its value is integral. */
export class Float64 {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }

  valueOf(): number {
    return this.value;
  }
}

export interface DeserializeOptions {
  /** 'tagged': floating-point values come back as `Float64`, so that serializing them again gives the same octets. Default 'number'. */
  readonly floats?: 'number' | 'tagged';
}

/**
 * The canonical octets of a value (STT §9).
 *
 * @throws STTSerializationError `ERR_STT_SERIALIZE_UNSUPPORTED` (what has no form, a lone surrogate, a cycle),
 * `ERR_STT_SERIALIZE_RANGE` (an integer over 64 bits), `ERR_STT_SERIALIZE_DEPTH` (over 64 levels)
 */
export function serializeStt(value: SttValue): Uint8Array<ArrayBuffer> {
  const writer = new Writer();
  writer.value(value);
  return writer.octets();
}

/**
 * The value that the octets are. It shares no memory with them. Integers outside the safe range are bigints,
 * dictionaries plain objects on which every key, `__proto__` too, is an own property.
 *
 * @throws STTSerializationError `ERR_STT_DESERIALIZE_*`, whatever the octets
 */
export function deserializeStt(bytes: Uint8Array, options: DeserializeOptions = {}): SttValue {
  return new Reader(bytes, options.floats === 'tagged').whole();
}

const ENCODER = new TextEncoder();
// A byte order mark is a character like any other: strings come back as they were.
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const LONE_SURROGATE = /\p{Surrogate}/u;
/** A string up to this length is scanned by hand, which is faster than calling the encoder. */
const SHORT_STRING = 64;

class Writer {
  #bytes = new Uint8Array(FIRST_BUFFER);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;
  readonly #within: object[] = [];

  octets(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#at);
  }

  value(value: unknown): void {
    switch (typeof value) {
      case 'boolean':
        return this.#tag(value ? Tag.TRUE : Tag.FALSE);
      case 'number':
        if (Number.isSafeInteger(value) && !Object.is(value, -0)) return this.#integer(value);
        return this.#float(value);
      case 'bigint':
        return this.#bigint(value);
      case 'string':
        return this.#string(value);
      case 'object':
        if (value === null) return this.#tag(Tag.NULL);
        if (value instanceof Uint8Array) return this.#octetString(value);
        if (value instanceof Float64) return this.#float(value.value);
        return this.#container(value);
      default:
        throw unsupported(typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`);
    }
  }

  #container(value: object): void {
    const isList = Array.isArray(value);
    if (!isList && !isPlain(value)) throw unsupported(`an instance of ${className(value)}`);
    if (this.#within.length === MAX_DEPTH) {
      // Looked for only here: every cycle gets this deep.
      if (this.#within.includes(value)) throw unsupported('a value that contains itself');
      throw sttError('ERR_STT_SERIALIZE_DEPTH', { limit: MAX_DEPTH });
    }
    this.#within.push(value);
    if (isList) this.#list(value as readonly unknown[]);
    else this.#dict(value as Readonly<Record<string, unknown>>);
    this.#within.pop();
  }

  #list(list: readonly unknown[]): void {
    this.#head(Tag.LIST, list.length);
    // By index, so that the holes of a sparse array are refused like any `undefined`.
    for (let i = 0; i < list.length; i++) this.value(list[i]);
  }

  #dict(dict: Readonly<Record<string, unknown>>): void {
    for (const symbol of Object.getOwnPropertySymbols(dict)) {
      if (Object.prototype.propertyIsEnumerable.call(dict, symbol)) throw unsupported('a symbol as key');
    }
    const keys = Object.keys(dict).sort(byCodePoint);
    this.#head(Tag.DICT, keys.length);
    for (const key of keys) {
      this.#string(key);
      this.value(dict[key]);
    }
  }

  #integer(value: number): void {
    if (value >= -0x80 && value <= 0x7f) {
      this.#tag(Tag.INT8);
      this.#reserve(1);
      this.#view.setInt8(this.#at, value);
      this.#at += 1;
    } else if (value >= -0x8000 && value <= 0x7fff) {
      this.#tag(Tag.INT16);
      this.#reserve(2);
      this.#view.setInt16(this.#at, value);
      this.#at += 2;
    } else if (value >= -0x8000_0000 && value <= 0x7fff_ffff) {
      this.#tag(Tag.INT32);
      this.#reserve(4);
      this.#view.setInt32(this.#at, value);
      this.#at += 4;
    } else {
      this.#int64(Tag.INT64, BigInt(value));
    }
  }

  #bigint(value: bigint): void {
    if (value >= -0x8000_0000n && value <= 0x7fff_ffffn) this.#integer(Number(value));
    else if (BigInt.asIntN(64, value) === value) this.#int64(Tag.INT64, value);
    else if (BigInt.asUintN(64, value) === value) this.#int64(Tag.UINT64, value);
    else throw sttError('ERR_STT_SERIALIZE_RANGE', { value: shown(value) });
  }

  #int64(tag: number, value: bigint): void {
    this.#tag(tag);
    this.#reserve(8);
    this.#view.setBigUint64(this.#at, BigInt.asUintN(64, value));
    this.#at += 8;
  }

  #float(value: number): void {
    this.#tag(Tag.FLOAT64);
    this.#reserve(8);
    if (Number.isNaN(value)) {
      // ECMAScript leaves the bits of a NaN open; canonical octets must not.
      this.#view.setBigUint64(this.#at, 0x7ff8_0000_0000_0000n);
    } else {
      this.#view.setFloat64(this.#at, value);
    }
    this.#at += 8;
  }

  #octetString(octets: Uint8Array): void {
    this.#head(Tag.BYTES, octets.length);
    this.#reserve(octets.length);
    this.#bytes.set(octets, this.#at);
    this.#at += octets.length;
  }

  #string(text: string): void {
    if (text.length <= SHORT_STRING && this.#ascii(text)) return;
    if (LONE_SURROGATE.test(text)) throw unsupported('a string with a lone surrogate');
    const head = this.#at;
    // No UTF-16 unit takes more than three octets.
    this.#reserve(5 + 3 * text.length);
    const { written } = ENCODER.encodeInto(text, this.#bytes.subarray(head + 5));
    this.#head(Tag.STRING, written);
    this.#at += written;
  }

  #ascii(text: string): boolean {
    this.#reserve(5 + text.length);
    const begin = this.#at + 5;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f) return false;
      this.#bytes[begin + i] = unit;
    }
    this.#head(Tag.STRING, text.length);
    this.#at += text.length;
    return true;
  }

  #head(tag: number, length: number): void {
    if (length > MAX_LENGTH) throw unsupported(`a value of ${length} octets or elements`);
    this.#tag(tag);
    this.#reserve(4);
    this.#view.setUint32(this.#at, length);
    this.#at += 4;
  }

  #tag(tag: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = tag;
  }

  #reserve(octets: number): void {
    const needed = this.#at + octets;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #tagged: boolean;
  #at = 0;
  #depth = 0;

  constructor(bytes: Uint8Array, tagged: boolean) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#tagged = tagged;
  }

  whole(): SttValue {
    const value = this.#value();
    if (this.#at < this.#bytes.length) throw sttError('ERR_STT_DESERIALIZE_TRAILING', { at: this.#at });
    return value;
  }

  #value(): SttValue {
    const tag = this.#bytes[this.#take(1)]!;
    switch (tag) {
      case Tag.NULL:
        return null;
      case Tag.FALSE:
        return false;
      case Tag.TRUE:
        return true;
      case Tag.INT8:
        return this.#view.getInt8(this.#take(1));
      case Tag.INT16:
        return this.#view.getInt16(this.#take(2));
      case Tag.INT32:
        return this.#view.getInt32(this.#take(4));
      case Tag.INT64:
        return narrowed(this.#view.getBigInt64(this.#take(8)));
      case Tag.UINT8:
        return this.#view.getUint8(this.#take(1));
      case Tag.UINT16:
        return this.#view.getUint16(this.#take(2));
      case Tag.UINT32:
        return this.#view.getUint32(this.#take(4));
      case Tag.UINT64:
        return narrowed(this.#view.getBigUint64(this.#take(8)));
      case Tag.FLOAT32:
        return this.#float(this.#view.getFloat32(this.#take(4)));
      case Tag.FLOAT64:
        return this.#float(this.#view.getFloat64(this.#take(8)));
      case Tag.BYTES:
        return this.#octetString();
      case Tag.STRING:
        return this.#string();
      case Tag.LIST:
        return this.#list();
      case Tag.DICT:
        return this.#dict();
      default:
        throw this.#misplaced(tag, this.#at - 1);
    }
  }

  #float(value: number): SttValue {
    return this.#tagged ? new Float64(value) : value;
  }

  #octetString(): Uint8Array {
    const length = this.#length(1);
    const begin = this.#take(length);
    // Not slice(): of a Buffer that would be a view of the input.
    return new Uint8Array(this.#bytes.subarray(begin, begin + length));
  }

  #string(): string {
    const length = this.#length(1);
    const begin = this.#take(length);
    try {
      return DECODER.decode(this.#bytes.subarray(begin, begin + length));
    } catch (cause) {
      throw sttError('ERR_STT_DESERIALIZE_UTF8', { at: begin }, { cause });
    }
  }

  #list(): SttValue[] {
    const count = this.#length(1);
    this.#enter();
    const list: SttValue[] = [];
    for (let i = 0; i < count; i++) list.push(this.#value());
    this.#depth--;
    return list;
  }

  #dict(): SttDict {
    const count = this.#length(MIN_ENTRY);
    this.#enter();
    const dict: Record<string, SttValue> = {};
    for (let i = 0; i < count; i++) {
      const at = this.#take(1);
      if (this.#bytes[at] !== Tag.STRING) throw this.#misplaced(this.#bytes[at]!, at);
      const key = this.#string();
      if (Object.hasOwn(dict, key)) throw sttError('ERR_STT_DESERIALIZE_DUPLICATE_KEY', { at });
      const value = this.#value();
      if (key === '__proto__') {
        // An assignment would set the prototype.
        Object.defineProperty(dict, key, { value, writable: true, enumerable: true, configurable: true });
      } else {
        dict[key] = value;
      }
    }
    this.#depth--;
    return dict;
  }

  /** A length or count of things of at least `least` octets each: refused before anything is made for it. */
  #length(least: number): number {
    const length = this.#view.getUint32(this.#take(4));
    if (length * least > this.#bytes.length - this.#at) {
      throw sttError('ERR_STT_DESERIALIZE_TRUNCATED', { at: this.#bytes.length });
    }
    return length;
  }

  /** Moves over `octets`; gives where they begin. */
  #take(octets: number): number {
    const begin = this.#at;
    if (octets > this.#bytes.length - begin) {
      throw sttError('ERR_STT_DESERIALIZE_TRUNCATED', { at: this.#bytes.length });
    }
    this.#at = begin + octets;
    return begin;
  }

  #enter(): void {
    if (this.#depth === MAX_DEPTH) throw sttError('ERR_STT_DESERIALIZE_DEPTH', { limit: MAX_DEPTH });
    this.#depth++;
  }

  #misplaced(tag: number, at: number): Error {
    return sttError('ERR_STT_DESERIALIZE_TYPE', { type: tag.toString(16).padStart(2, '0'), at });
  }
}

function narrowed(value: bigint): number | bigint {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

/** UTF-16 sorts surrogates below U+E000..U+FFFF, code points sort above: this lifts them. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

function byCodePoint(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** True for object literals and `Object.create(null)`, of any realm. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function className(value: object): string {
  const { constructor } = value;
  return typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'an unnamed class';
}

function shown(value: bigint): string {
  const text = value.toString();
  return text.length <= 40 ? text : `${text.slice(0, 37)}...`;
}

function unsupported(what: string): Error {
  return sttError('ERR_STT_SERIALIZE_UNSUPPORTED', { what });
}
