import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadNative, type NativeAddon } from '../../lib/native/binding.js';
import { STTFrame } from '../../lib/wire/stt-frame.js';
import { hex } from '../support/engine-harness.js';
import { named, skipReason } from '../support/native-endpoint.js';
import { parsedFrame } from '../support/parsed-frame.js';

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const frame = fc.record({
  frameType: fc.nat(255),
  flags: fc.nat(255),
  sessionId: fc.uint8Array({ minLength: 8, maxLength: 8 }),
  sequence: u64,
  timestamp: u64,
  streamId: fc.integer({ min: 0, max: 0xffff_ffff }),
  cryptoMetadata: fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(new Uint8Array(200).fill(3))),
  payload: fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.constant(new Uint8Array(20_000).fill(9))),
});

describe.skipIf(skipReason !== undefined)(named('native STTFrame codec'), () => {
  const addon = loadNative().addon as NativeAddon;
  const encode = (f: typeof frame extends fc.Arbitrary<infer T> ? T : never): Uint8Array =>
    addon.encodeFrame(
      f.frameType,
      f.flags,
      f.sessionId,
      f.sequence,
      f.timestamp,
      f.streamId,
      f.cryptoMetadata,
      f.payload,
    );

  it('writes and reads the octets that the TypeScript codec does', () => {
    fc.assert(
      fc.property(frame, (f) => {
        const bytes = encode(f);
        expect(hex(bytes)).toBe(hex(new STTFrame(f).toBytes()));
        expect(addon.parseFrame(bytes)).toEqual({ ...f, bytesRead: bytes.length });
      }),
    );
  });

  it('judges damaged, cut and random octets as the TypeScript codec does', () => {
    const damaged = fc
      .tuple(frame, fc.nat(), fc.integer({ min: 1, max: 255 }), fc.boolean(), fc.nat())
      .map(([f, at, bits, cuts, length]) => {
        const bytes = encode({ ...f, payload: f.payload.subarray(0, 50) });
        bytes[at % Math.min(40, bytes.length)]! ^= bits;
        return cuts ? bytes.slice(0, length % bytes.length) : bytes;
      });
    const lengthField = fc
      .tuple(
        fc.array(fc.constantFrom(0x00, 0x01, 0x1f, 0x7f, 0x80, 0x81, 0xff), { maxLength: 11 }),
        fc.uint8Array({ maxLength: 80 }),
      )
      .map(([length, rest]) => Uint8Array.of(0x53, 0x54, ...length, ...rest));
    fc.assert(
      fc.property(fc.oneof(damaged, lengthField, fc.uint8Array({ maxLength: 60 })), (bytes) => {
        expect(addon.parseFrame(bytes)).toEqual(parsedFrame(bytes));
      }),
      { numRuns: 2_000 },
    );
  });

  it('refuses frames over 2 MiB', () => {
    const most = { flags: 0, sessionId: new Uint8Array(8), sequence: 0n, timestamp: 0n, streamId: 0 };
    const rest = { frameType: 1, cryptoMetadata: new Uint8Array(0) };
    expect(encode({ ...most, ...rest, payload: new Uint8Array(2 ** 21 - 31) })).toHaveLength(2 ** 21 + 6);
    expect(() => encode({ ...most, ...rest, payload: new Uint8Array(2 ** 21 - 30) })).toThrow(RangeError);
  });
});
