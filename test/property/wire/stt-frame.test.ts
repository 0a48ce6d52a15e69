import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { STTFrameError } from '../../../lib/errors.js';
import { STTFrame } from '../../../lib/wire/stt-frame.js';

const octet = fc.nat(255);
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const frames = fc.record({
  frameType: octet,
  flags: octet,
  sessionId: fc.uint8Array({ minLength: 8, maxLength: 8 }),
  streamId: fc.nat(0xffffffff),
  sequence: u64,
  timestamp: u64,
  cryptoMetadata: fc.uint8Array({ maxLength: 200 }),
  payload: fc.uint8Array({ maxLength: 200 }),
});

/** Octets that anybody may have sent: a frame of just these octets, or the one error. */
function readHostile(bytes: Uint8Array): void {
  try {
    expect(STTFrame.fromBytes(bytes).toBytes()).toEqual(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(STTFrameError);
  }
  try {
    const parsed = STTFrame.parse(bytes);
    if (parsed !== undefined) expect(parsed.frame.toBytes()).toEqual(bytes.subarray(0, parsed.bytesRead));
  } catch (error) {
    expect(error).toBeInstanceOf(STTFrameError);
  }
}

describe('STTFrame', () => {
  it('gives every field back', () => {
    fc.assert(
      fc.property(frames, (fields) => {
        const frame = STTFrame.fromBytes(new STTFrame(fields).toBytes());
        expect({ ...frame, payload: frame.payload, cryptoMetadata: frame.cryptoMetadata }).toEqual(fields);
      }),
    );
  });

  it('reads any octets behind the magic or refuses them with one class of error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(60), (body, length) => {
        readHostile(Uint8Array.of(0x53, 0x54, length, ...body));
        readHostile(body);
      }),
      { numRuns: 1000 },
    );
  });

  it('reads octets of which some were changed, or refuses them', () => {
    fc.assert(
      fc.property(frames, fc.nat(), octet, fc.nat(), (fields, at, value, cut) => {
        const bytes = new STTFrame(fields).toBytes();
        bytes[at % bytes.length] = value;
        readHostile(bytes);
        readHostile(bytes.subarray(0, cut % bytes.length));
      }),
      { numRuns: 1000 },
    );
  });
});
