import { sttError } from '../errors.js';
import { Float64, MAX_DEPTH, Tag } from './stt-value.js';

/** Largest length or count: it has 32 bits. */
const MAX_LENGTH = 0xffff_ffff;
/** The padded payloads of a handshake fit; most other values are small dictionaries. */
const FIRST_BUFFER = 1280;
/** A string up to this length is tried by hand as ASCII, which is faster than calling the encoder. */
const SHORT_STRING = 64;
const LONE_SURROGATE = /\p{Surrogate}/u;
const ENCODER = new TextEncoder();

/** Puts values one after the other into a buffer that grows. Total: what has no form is an STTSerializationError. */
export class SttWriter {
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
