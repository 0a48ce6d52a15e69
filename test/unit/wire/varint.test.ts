import { describe, expect, it } from 'vitest';
import {
  decodeBigVarint,
  decodeVarint,
  encodeBigVarint,
  encodeVarint,
  varintEnd,
  varintLength,
} from '../../../lib/wire/varint.js';

const decode = (...octets: number[]): number => decodeVarint(Uint8Array.from(octets), 0, octets.length);
const decodeBig = (...octets: number[]): bigint => decodeBigVarint(Uint8Array.from(octets), 0, octets.length);

describe('varint', () => {
  it('refuses a number cut off after any octet', () => {
    const out = new Uint8Array(8);
    const end = encodeVarint(Number.MAX_SAFE_INTEGER, out, 0);
    for (let length = 0; length < end; length++) expect(decodeVarint(out, 0, length)).toBe(-1);
    expect(decodeVarint(out, 0, end)).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('refuses a form that is not the shortest', () => {
    expect(decode(0x80, 0x00)).toBe(-1);
    expect(decode(0xff, 0x80, 0x00)).toBe(-1);
    expect(decodeBig(0x80, 0x00)).toBe(-1n);
  });

  it('refuses values above 2^53-1 as numbers', () => {
    expect(decode(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10)).toBe(-1);
    expect(decode(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)).toBe(-1);
  });

  it('refuses values above 2^64-1 and more than ten octets as bigints', () => {
    expect(decodeBig(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)).toBe(2n ** 64n - 1n);
    expect(decodeBig(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02)).toBe(-1n);
    expect(decodeBig(...Array<number>(10).fill(0x80), 0x01)).toBe(-1n);
    expect(decodeBig()).toBe(-1n);
  });

  it('reads from the middle of octets and tells where it ended', () => {
    const bytes = Uint8Array.from([0xff, 0xac, 0x02, 0xff]);
    expect(decodeVarint(bytes, 1, 4)).toBe(300);
    expect(varintEnd).toBe(3);
    expect(decodeBigVarint(bytes, 1, 4)).toBe(300n);
    expect(varintEnd).toBe(3);
  });

  it('knows its length at every boundary', () => {
    for (let octets = 1; octets < 8; octets++) {
      expect(varintLength(2 ** (7 * octets) - 1)).toBe(octets);
      expect(varintLength(2 ** (7 * octets))).toBe(octets + 1);
      expect(encodeBigVarint(2n ** BigInt(7 * octets)).length).toBe(octets + 1);
    }
  });
});
