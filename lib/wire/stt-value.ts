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

/** First octet of a value. */
export * as Tag from './stt-tag.js';

/** Lists and dictionaries within one another (STT §9). */
export const MAX_DEPTH = 64;

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
