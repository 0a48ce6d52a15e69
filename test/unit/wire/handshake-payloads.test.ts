import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SESSION_ID_OCTETS } from '../../../lib/constants.js';
import {
  DEFAULT_TRANSPORT_PARAMS,
  encodeHelloPayload,
  encodeResponsePayload,
  PADDED_HELLO_PAYLOAD,
  PADDED_RESPONSE_PAYLOAD,
  RESET_TOKEN_OCTETS,
} from '../../../lib/wire/handshake-messages.js';
import { HelloPayloads, ResponsePayloads } from '../../../lib/wire/handshake-payloads.js';

const params = fc
  .record({
    initialMaxData: fc.nat(),
    maxStreams: fc.nat(),
    idleTimeoutMs: fc.integer({ min: 1000, max: 86_400_000 }),
  })
  .map((some) => ({ ...DEFAULT_TRANSPORT_PARAMS, ...some }));
const suites = fc.constantFrom([1], [2], [1, 2], [2, 1]);

describe('payloads of which most was encoded ahead', () => {
  it('are, for HELLO, the octets of the general encoder', () => {
    const timestamp = fc.oneof(fc.maxSafeNat(), fc.integer({ min: 0, max: 2 ** 33 }));
    fc.assert(
      fc.property(params, suites, timestamp, fc.constantFrom(0, PADDED_HELLO_PAYLOAD), (own, offered, micros, size) => {
        const fixed = { version: 1, versions: [1], suites: offered, params: own };
        const payloads = new HelloPayloads(fixed, size);
        expect(payloads.encode(micros)).toEqual(encodeHelloPayload({ ...fixed, timestampMicros: micros }, size));
      }),
    );
  });

  it('are, for HELLO_RESP, the octets of the general encoder', () => {
    const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    const size = fc.constantFrom(0, PADDED_RESPONSE_PAYLOAD);
    fc.assert(
      fc.property(
        params,
        fc.constantFrom(1, 2),
        octets(SESSION_ID_OCTETS),
        octets(RESET_TOKEN_OCTETS),
        size,
        (own, suite, sessionId, resetToken, padding) => {
          const fixed = { version: 1, suite, params: own };
          const payloads = new ResponsePayloads(fixed, padding);
          const expected = encodeResponsePayload({ ...fixed, sessionId, resetToken }, padding);
          expect(payloads.encode(sessionId, resetToken)).toEqual(expected);
          expect(payloads.encode(sessionId, resetToken)).toEqual(expected);
        },
      ),
    );
  });

  it('refuse, as the general encoder, what does not fit', () => {
    const long = {
      ...DEFAULT_TRANSPORT_PARAMS,
      capabilities: Array.from({ length: 200 }, (_, i) => `capability ${i}`),
    };
    const fixed = { version: 1, versions: [1], suites: [1], params: long };
    expect(() => new HelloPayloads(fixed, PADDED_HELLO_PAYLOAD)).toThrow(/capabilities/);
  });
});
