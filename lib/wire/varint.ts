import { MAX_VARINT } from '../constants.js';

/** Octets of the longest varint that is a length, count, id, offset or any other field of a packet: 2^53-1 (STT §1). */
export const MAX_VARINT_OCTETS = 8;

/** Octets that a value takes. */
export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 128; rest /= 128) length++;
  return length;
}

/** Writes a value of 0..2^53-1 as minimal unsigned LEB128 (STT §1); gives the position behind it. */
export function encodeVarint(value: number, out: Uint8Array, at: number): number {
  let rest = value;
  // Above 2^31 the bit operators would cut the number.
  while (rest > 0x7fffffff) {
    out[at++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  while (rest > 0x7f) {
    out[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  out[at++] = rest;
  return at;
}

/** Position behind the varint that `decodeVarint` read last. One parser runs at a time, so one variable saves an object per number. */
export let varintEnd = 0;

/**
 * The varint at `at`, and in `varintEnd` the position behind it. -1, and nothing else, if it is truncated at `end`, not
 * minimal, longer than ten octets, or above 2^53-1 (STT §1).
 */
export function decodeVarint(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return -1;
  let octet = bytes[at]!;
  if (octet < 0x80) {
    varintEnd = at + 1;
    return octet;
  }
  let value = octet & 0x7f;
  let i = at + 1;
  // Four octets hold 28 bits, which the bit operators do without floating point.
  for (let shift = 7; shift <= 21; shift += 7) {
    if (i >= end) return -1;
    octet = bytes[i++]!;
    value |= (octet & 0x7f) << shift;
    if (octet < 0x80) {
      // A last octet of zero adds nothing: the form is longer than need be.
      if (octet === 0) return -1;
      varintEnd = i;
      return value;
    }
  }
  for (let scale = 2 ** 28; i < end && i < at + MAX_VARINT_OCTETS; scale *= 128) {
    octet = bytes[i++]!;
    value += (octet & 0x7f) * scale;
    if (octet < 0x80) {
      if (octet === 0 || value > MAX_VARINT) return -1;
      varintEnd = i;
      return value;
    }
  }
  return -1;
}

/** Octets of the longest varint there is (STT §1). */
const MAX_BIG_VARINT_OCTETS = 10;

/** A value of 0..2^64-1 as minimal unsigned LEB128, for numbers that no field of a packet may hold. */
export function encodeBigVarint(value: bigint): Uint8Array<ArrayBuffer> {
  const octets: number[] = [];
  for (let rest = BigInt.asUintN(64, value); ; rest >>= 7n) {
    if (rest < 0x80n) return Uint8Array.of(...octets, Number(rest));
    octets.push(Number(rest & 0x7fn) | 0x80);
  }
}

/** The varint at `at`, and in `varintEnd` the position behind it. -1n if it is truncated, not minimal, or above 2^64-1. */
export function decodeBigVarint(bytes: Uint8Array, at: number, end: number): bigint {
  let value = 0n;
  for (let i = 0; i < MAX_BIG_VARINT_OCTETS && at + i < end; i++) {
    const octet = bytes[at + i]!;
    value |= BigInt(octet & 0x7f) << BigInt(7 * i);
    if (octet >= 0x80) continue;
    if ((octet === 0 && i > 0) || BigInt.asUintN(64, value) !== value) return -1n;
    varintEnd = at + i + 1;
    return value;
  }
  return -1n;
}
