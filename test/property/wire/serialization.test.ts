import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { STTSerializationError } from '../../../lib/errors.js';
import { deserializeStt, Float64, serializeStt, type SttValue } from '../../../lib/wire/serialization.js';

const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('__proto__', 'constructor', 'toString', '', '1'));
const { value: values } = fc.letrec<{ value: SttValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    fc.double(),
    fc.double().map((value) => new Float64(value)),
    text,
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(text, tie('value'), { maxKeys: 5 }),
  ),
}));

/** What is read for a value: numbers by value, whatever their form. */
function plain(value: SttValue): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (value instanceof Float64) return value.value;
  if (Array.isArray(value)) return (value as SttValue[]).map(plain);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item as SttValue)]));
}

/** Reads octets that anybody may have sent: a value whose octets they are, or the one error. */
function readHostile(bytes: Uint8Array): void {
  let value: SttValue;
  try {
    value = deserializeStt(bytes, { floats: 'tagged' });
  } catch (error) {
    expect(error).toBeInstanceOf(STTSerializationError);
    expect((error as STTSerializationError).code).toMatch(/^ERR_STT_DESERIALIZE_/);
    return;
  }
  // Not always the same octets, as others may write integers in a wider form; but a second round changes nothing.
  const again = serializeStt(value);
  expect(serializeStt(deserializeStt(again, { floats: 'tagged' }))).toEqual(again);
}

describe('serialization', () => {
  it('gives every value back', () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(deserializeStt(serializeStt(value))).toEqual(plain(value));
      }),
      { numRuns: 500 },
    );
  });

  it('gives the same octets for the same value, also after a round with tagged floats', () => {
    fc.assert(
      fc.property(values, (value) => {
        const bytes = serializeStt(value);
        expect(serializeStt(deserializeStt(bytes, { floats: 'tagged' }))).toEqual(bytes);
      }),
      { numRuns: 500 },
    );
  });

  it('does not depend on the order in which keys were set', () => {
    fc.assert(
      fc.property(fc.dictionary(text, fc.integer(), { maxKeys: 8 }), (dict) => {
        const turned = Object.fromEntries(Object.entries(dict).reverse());
        expect(serializeStt(turned)).toEqual(serializeStt(dict));
      }),
    );
  });

  it('orders keys as their UTF-8 octets are ordered', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ unit: 'binary' }), { maxLength: 8 }), (keys) => {
        const bytes = serializeStt(Object.fromEntries(keys.map((key) => [key, null])));
        const sorted = keys.map((key) => Buffer.from(key, 'utf8')).sort((a, b) => Buffer.compare(a, b));
        const body = sorted.flatMap((key) => [...serializeStt(key.toString('utf8')), 0]);
        expect(bytes).toEqual(Uint8Array.of(0x41, 0, 0, 0, keys.length, ...body));
      }),
    );
  });

  it('reads any octets or refuses them with one class of error', () => {
    const tag = fc.constantFrom(0, 1, 2, 0x10, 0x11, 0x12, 0x13, 0x14, 0x17, 0x20, 0x21, 0x30, 0x31, 0x40, 0x41);
    const octet = fc.oneof(fc.nat(255), fc.nat(3), tag);
    fc.assert(
      fc.property(fc.array(octet, { maxLength: 80 }), (octets) => readHostile(Uint8Array.from(octets))),
      { numRuns: 2000 },
    );
  });

  it('reads octets of which some were changed, or refuses them', () => {
    const change = fc.record({ at: fc.nat(), octet: fc.nat(255) });
    fc.assert(
      fc.property(values, fc.array(change, { minLength: 1, maxLength: 3 }), (value, changes) => {
        const bytes = serializeStt(value);
        for (const { at, octet } of changes) bytes[at % bytes.length] = octet;
        readHostile(bytes);
      }),
      { numRuns: 1000 },
    );
  });
});
