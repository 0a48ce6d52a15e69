import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameType } from '../../../lib/constants.js';
import {
  assembleHello,
  encodeHelloPayload,
  handshakeParts,
  handshakePayloadAt,
  parseHelloPayload,
  parseResponsePayload,
  parseVersionList,
  sealedReplyParts,
} from '../../../lib/wire/handshake-messages.js';
import { serializeStt } from '../../../lib/wire/serialization.js';
import { STTFrame } from '../../../lib/wire/stt-frame.js';

const hellos = fc.record({
  version: fc.nat(),
  versions: fc.array(fc.nat(), { maxLength: 5 }),
  timestampMicros: fc.maxSafeNat(),
  suites: fc.array(fc.nat(), { maxLength: 5 }),
  params: fc.record({
    initialMaxData: fc.maxSafeNat(),
    initialMaxStreamData: fc.maxSafeNat(),
    maxStreams: fc.nat(2 ** 31 - 1),
    idleTimeoutMs: fc.oneof(fc.constant(0), fc.integer({ min: 1000, max: 86_400_000 })),
    maxUdpPayload: fc.integer({ min: 1200, max: 65_507 }),
    maxDatagram: fc.nat(65_507),
    maxAckDelayMs: fc.nat(1000),
    capabilities: fc.array(fc.string({ unit: 'grapheme-ascii', maxLength: 32 }), { maxLength: 8 }),
  }),
});

function frameOf(bytes: Uint8Array): STTFrame | undefined {
  try {
    return STTFrame.fromBytes(bytes);
  } catch {
    return undefined;
  }
}

describe('messages of the handshake', () => {
  it('give every HELLO back', () => {
    fc.assert(
      fc.property(hellos, (hello) => {
        expect(parseHelloPayload(encodeHelloPayload(hello, 0))).toEqual(hello);
      }),
    );
  });

  it('have payloads of exactly the size that was asked for', () => {
    fc.assert(
      fc.property(hellos, fc.integer({ min: 800, max: 1036 }), (hello, size) => {
        const bytes = encodeHelloPayload(hello, size);
        expect(bytes.length).toBe(size);
        expect(parseHelloPayload(bytes)).toEqual(hello);
      }),
    );
  });

  it('are read or refused whatever is in the dictionary', () => {
    const key = fc.constantFrom('v', 'versions', 'ts', 'suites', 'params', 'pad', 'suite', 'session_id', 'reset_token');
    const value = fc.oneof(
      fc.integer(),
      fc.double(),
      fc.string(),
      fc.uint8Array({ maxLength: 20 }),
      fc.array(fc.integer()),
      fc.dictionary(
        fc.constantFrom('max_streams', 'capabilities', 'idle_timeout_ms'),
        fc.oneof(fc.integer(), fc.string()),
      ),
    );
    fc.assert(
      fc.property(fc.dictionary(key, value), (dict) => {
        const bytes = serializeStt(dict);
        parseHelloPayload(bytes);
        parseResponsePayload(bytes);
        expect(parseVersionList(bytes)).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  it('are read or refused whatever the octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        parseHelloPayload(bytes);
        parseResponsePayload(bytes);
        parseVersionList(bytes);
        handshakeParts(bytes, 0, bytes.length);
        sealedReplyParts(bytes, 0, bytes.length);
      }),
      { numRuns: 500 },
    );
  });

  it('are frames wherever they are frames to the codec, and nowhere else', () => {
    const message = assembleHello(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), new Uint8Array(200).fill(7));
    fc.assert(
      fc.property(fc.nat(message.length - 1), fc.nat(255), (at, octet) => {
        const bytes = message.slice();
        bytes[at] = octet;
        const payloadAt = handshakePayloadAt(bytes, 0, bytes.length);
        const frame = frameOf(bytes);
        const isHandshake =
          frame?.frameType === FrameType.HANDSHAKE &&
          frame.payload.length > 0 &&
          [frame.flags, Number(frame.sequence), Number(frame.timestamp), frame.streamId].every(
            (field) => field === 0,
          ) &&
          !frame.isEncrypted;
        expect(payloadAt >= 0).toBe(isHandshake);
        if (isHandshake) expect(bytes.subarray(payloadAt)).toEqual(frame.payload);
      }),
      { numRuns: 500 },
    );
  });
});
