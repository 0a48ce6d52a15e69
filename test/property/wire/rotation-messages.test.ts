import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KEM_CIPHERTEXT, KEM_PUBLIC_KEY } from '../../../lib/ports/kem.js';
import { ControlMessage, encodeRotationBody, parseRotationBody } from '../../../lib/wire/rotation-messages.js';

const { KEY_REQUEST, KEY_RESPONSE } = ControlMessage;
const types = fc.constantFrom(KEY_REQUEST, KEY_RESPONSE);
const lengthOf = (type: number): number => (type === KEY_REQUEST ? KEM_PUBLIC_KEY : KEM_CIPHERTEXT);

describe('messages of key rotation', () => {
  it('are given back with every phase', () => {
    fc.assert(
      fc.property(types, fc.nat(0xffffffff), fc.nat(255), (type, phase, fill) => {
        const octets = new Uint8Array(lengthOf(type)).fill(fill);
        const body = encodeRotationBody(phase, octets);
        expect(parseRotationBody(type, body)).toEqual({ phase, octets });
        // What was parsed does not change with the buffer it came in.
        const parsed = parseRotationBody(type, body)!;
        body.fill(~fill);
        expect(parsed.octets).toEqual(octets);
      }),
    );
  });

  it('of any other length are refused, and none throws', () => {
    fc.assert(
      fc.property(types, fc.uint8Array({ maxLength: 1300, size: 'max' }), (type, body) => {
        const parsed = parseRotationBody(type, body);
        expect(parsed === undefined).toBe(body.length !== 4 + lengthOf(type));
      }),
    );
    for (const type of [KEY_REQUEST, KEY_RESPONSE]) {
      for (const difference of [-lengthOf(type) - 4, -1, 1]) {
        expect(parseRotationBody(type, new Uint8Array(4 + lengthOf(type) + difference))).toBeUndefined();
      }
    }
  });

  it('are as long as the protocol says', () => {
    expect(encodeRotationBody(1, new Uint8Array(KEM_PUBLIC_KEY))).toHaveLength(1188);
    expect(encodeRotationBody(1, new Uint8Array(KEM_CIPHERTEXT))).toHaveLength(1092);
    expect([...encodeRotationBody(0x01020304, new Uint8Array(KEM_CIPHERTEXT)).subarray(0, 5)]).toEqual([1, 2, 3, 4, 0]);
  });
});
