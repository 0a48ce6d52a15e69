import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeBigVarint,
  decodeVarint,
  encodeBigVarint,
  encodeVarint,
  varintEnd,
  varintLength,
} from '../../../lib/wire/varint.js';

// Every length alike, not nearly all numbers of eight octets.
const numbers = fc.tuple(fc.nat(52), fc.maxSafeNat()).map(([bits, value]) => value % 2 ** (bits + 1));

describe('varint', () => {
  it('gives every number back, its length known before', () => {
    fc.assert(
      fc.property(numbers, fc.nat(5), (value, at) => {
        const out = new Uint8Array(16).fill(0xff);
        const end = encodeVarint(value, out, at);
        expect(end).toBe(at + varintLength(value));
        expect(decodeVarint(out, at, end)).toBe(value);
        expect(varintEnd).toBe(end);
        expect(encodeBigVarint(BigInt(value))).toEqual(out.subarray(at, end));
        expect(out.subarray(end)).toEqual(new Uint8Array(16 - end).fill(0xff));
      }),
    );
  });

  it('gives every bigint of 64 bits back', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        const bytes = encodeBigVarint(value);
        expect(decodeBigVarint(bytes, 0, bytes.length)).toBe(value);
      }),
    );
  });

  it('reads any octets or refuses them, both readers alike, and only what it would write itself', () => {
    const octet = fc.oneof(fc.nat(255), fc.constantFrom(0x00, 0x01, 0x7f, 0x80, 0xff));
    fc.assert(
      fc.property(fc.array(octet, { maxLength: 12 }), (octets) => {
        const bytes = Uint8Array.from(octets);
        const big = decodeBigVarint(bytes, 0, bytes.length);
        if (big >= 0n) expect(encodeBigVarint(big)).toEqual(bytes.subarray(0, varintEnd));
        const value = decodeVarint(bytes, 0, bytes.length);
        expect(value).toBe(big <= Number.MAX_SAFE_INTEGER ? Number(big) : -1);
        if (value >= 0) expect(varintEnd).toBe(varintLength(value));
      }),
      { numRuns: 1000 },
    );
  });
});
