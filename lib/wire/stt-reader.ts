import { sttError } from '../errors.js';
import { Float64, MAX_DEPTH, type SttDict, type SttValue, Tag } from './stt-value.js';

/** Tag and length of an empty key, and the tag of its value: no entry of a dictionary is shorter. */
const MIN_ENTRY = 6;
// A byte order mark is a character like any other: strings come back as they were.
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads one value from octets that anybody may have sent: it fails with an STTSerializationError or not at all. */
export class SttReader {
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
