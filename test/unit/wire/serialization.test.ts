import { describe, expect, it } from 'vitest';
import { STTSerializationError } from '../../../lib/errors.js';
import { deserializeStt, Float64, serializeStt, type SttValue } from '../../../lib/wire/serialization.js';

const octets = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const hexOf = (value: unknown): string => Buffer.from(serializeStt(value as SttValue)).toString('hex');

/** The code of the error that both sides of serialization give for all that is wrong. */
function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(STTSerializationError);
    return (error as STTSerializationError).code;
  }
  return 'none';
}
const readCode = (hex: string): string => codeOf(() => deserializeStt(octets(hex)));
const writeCode = (value: unknown): string => codeOf(() => serializeStt(value as SttValue));

function nested(levels: number): SttValue {
  let value: SttValue = [];
  for (let i = 1; i < levels; i++) value = i % 2 === 0 ? [value] : { k: value };
  return value;
}

describe('serializeStt', () => {
  it('takes the smallest signed integer that fits', () => {
    expect(hexOf(127)).toBe('107f');
    expect(hexOf(128)).toBe('110080');
    expect(hexOf(-128)).toBe('1080');
    expect(hexOf(-129)).toBe('11ff7f');
    expect(hexOf(32_768)).toBe('1200008000');
    expect(hexOf(-32_769)).toBe('12ffff7fff');
    expect(hexOf(2 ** 31)).toBe('130000000080000000');
    expect(hexOf(-(2 ** 31) - 1)).toBe('13ffffffff7fffffff');
    expect(hexOf(5n)).toBe('1005');
    expect(hexOf(-(2n ** 63n))).toBe('138000000000000000');
    expect(hexOf(2n ** 63n - 1n)).toBe('137fffffffffffffff');
    expect(hexOf(2n ** 63n)).toBe('178000000000000000');
    expect(hexOf(2n ** 64n - 1n)).toBe('17ffffffffffffffff');
  });

  it('writes other numbers as FLOAT64, a minus zero, an infinity and one canonical NaN too', () => {
    expect(hexOf(1.5)).toBe('213ff8000000000000');
    expect(hexOf(-0)).toBe('218000000000000000');
    expect(hexOf(Infinity)).toBe('217ff0000000000000');
    expect(hexOf(-Infinity)).toBe('21fff0000000000000');
    const negativeNaN = new Float64Array(new BigUint64Array([0xfff8_0000_0000_0001n]).buffer)[0];
    expect(hexOf(NaN)).toBe('217ff8000000000000');
    expect(hexOf(negativeNaN)).toBe('217ff8000000000000');
    expect(hexOf(2 ** 53)).toBe('214340000000000000');
    expect(hexOf(new Float64(42))).toBe('214045000000000000');
  });

  it('sorts the keys of a dictionary by code point, not by UTF-16 unit', () => {
    const keys = ['b', '\u{1f600}', '\uffee', 'a', '', 'ab', '\ud7ff', '\u{10000}'];
    const dict = Object.fromEntries(keys.map((key) => [key, null]));
    const sorted = Object.keys(deserializeStt(serializeStt(dict)) as object);
    expect(sorted).toEqual(['', 'a', 'ab', 'b', '\ud7ff', '\uffee', '\u{10000}', '\u{1f600}']);
  });

  it('writes strings of any length and script as UTF-8', () => {
    for (const text of [
      '',
      'é',
      '€'.repeat(100),
      'x'.repeat(64),
      'x'.repeat(65),
      '\u{1f600}'.repeat(1000),
      '\ufeffbom',
    ]) {
      const bytes = Buffer.from(text, 'utf8');
      const length = bytes.length.toString(16).padStart(8, '0');
      expect(hexOf(text)).toBe(`31${length}${bytes.toString('hex')}`);
      expect(deserializeStt(serializeStt(text))).toBe(text);
    }
  });

  it('refuses what has no form', () => {
    class Point {
      x = 1;
    }
    const lone = ['\ud800', 'a\udc00b', '\udc00\ud800', `${'x'.repeat(100)}\ud83d`];
    const values: unknown[] = [
      undefined,
      () => 1,
      Symbol('s'),
      new Map(),
      new Date(0),
      new Point(),
      new Float32Array(1),
    ];
    for (const value of [...values, ...lone, [undefined], Array<null>(1), { k: undefined }, { [lone[0]!]: 1 }]) {
      expect(writeCode(value)).toBe('ERR_STT_SERIALIZE_UNSUPPORTED');
      expect(writeCode([value])).toBe('ERR_STT_SERIALIZE_UNSUPPORTED');
    }
    expect(writeCode({ [Symbol('key')]: 1 })).toBe('ERR_STT_SERIALIZE_UNSUPPORTED');
    expect(writeCode(new ArrayBuffer(4))).toBe('ERR_STT_SERIALIZE_UNSUPPORTED');
  });

  it('refuses integers over 64 bits', () => {
    for (const value of [2n ** 64n, -(2n ** 63n) - 1n, 10n ** 100n]) {
      expect(writeCode(value)).toBe('ERR_STT_SERIALIZE_RANGE');
    }
  });

  it('refuses a value that contains itself, at once even if it does so many times', () => {
    const list: unknown[] = [];
    list.push(list, list, list);
    expect(writeCode(list)).toBe('ERR_STT_SERIALIZE_UNSUPPORTED');
    const dict: Record<string, unknown> = {};
    dict['a'] = { b: [dict] };
    expect(writeCode(dict)).toBe('ERR_STT_SERIALIZE_UNSUPPORTED');
  });

  it('takes 64 levels and refuses 65', () => {
    expect(deserializeStt(serializeStt(nested(64)))).toEqual(nested(64));
    expect(writeCode(nested(65))).toBe('ERR_STT_SERIALIZE_DEPTH');
  });

  it('takes dictionaries without a prototype and Buffers', () => {
    const bare = Object.assign(Object.create(null) as Record<string, SttValue>, { k: 1 });
    expect(hexOf(bare)).toBe(hexOf({ k: 1 }));
    expect(hexOf(Buffer.from([1, 2]))).toBe(hexOf(Uint8Array.of(1, 2)));
  });
});

describe('deserializeStt', () => {
  it('gives integers outside the safe range as bigints, all others as numbers', () => {
    expect(deserializeStt(octets('13001fffffffffffff'))).toBe(Number.MAX_SAFE_INTEGER);
    expect(deserializeStt(octets('130020000000000000'))).toBe(2n ** 53n);
    expect(deserializeStt(octets('13ffe0000000000001'))).toBe(Number.MIN_SAFE_INTEGER);
    expect(deserializeStt(octets('13ffe0000000000000'))).toBe(-(2n ** 53n));
    expect(deserializeStt(octets('17ffffffffffffffff'))).toBe(2n ** 64n - 1n);
    expect(deserializeStt(octets('170000000000000001'))).toBe(1);
  });

  it('reads the unsigned integers and FLOAT32 that others may write', () => {
    expect(deserializeStt(octets('14ff'))).toBe(255);
    expect(deserializeStt(octets('15ffff'))).toBe(65_535);
    expect(deserializeStt(octets('16ffffffff'))).toBe(4_294_967_295);
    expect(deserializeStt(octets('203fc00000'))).toBe(1.5);
  });

  it('gives floats tagged where asked, so that they survive another round', () => {
    const bytes = serializeStt([new Float64(42), 42, -0]);
    expect(deserializeStt(bytes)).toEqual([42, 42, -0]);
    const tagged = deserializeStt(bytes, { floats: 'tagged' });
    expect(tagged).toEqual([new Float64(42), 42, new Float64(-0)]);
    expect(serializeStt(tagged)).toEqual(bytes);
    expect(Number((tagged as Float64[])[0])).toBe(42);
  });

  it('shares no memory with its input', () => {
    const bytes = Buffer.from(serializeStt(Uint8Array.of(1, 2, 3)));
    const value = deserializeStt(bytes);
    bytes.fill(0);
    expect(value).toEqual(Uint8Array.of(1, 2, 3));
  });

  it('refuses a count or length far beyond the octets left before it allocates', () => {
    for (const tag of ['30', '31', '40', '41'])
      expect(readCode(`${tag}ffffffff`)).toBe('ERR_STT_DESERIALIZE_TRUNCATED');
    // Three entries of five octets cannot be.
    expect(readCode('41 00000003 31 00000000 00 31 00000000 00')).toBe('ERR_STT_DESERIALIZE_TRUNCATED');
    expect(readCode('40 00000003 00 00')).toBe('ERR_STT_DESERIALIZE_TRUNCATED');
  });

  it('refuses nesting of 10,000 levels', () => {
    expect(readCode('4000000001'.repeat(10_000) + '00')).toBe('ERR_STT_DESERIALIZE_DEPTH');
    expect(readCode('41000000013100000000'.repeat(10_000) + '00')).toBe('ERR_STT_DESERIALIZE_DEPTH');
    expect(readCode('4000000001'.repeat(64) + '00')).toBe('none');
    expect(readCode('4000000001'.repeat(65) + '00')).toBe('ERR_STT_DESERIALIZE_DEPTH');
  });

  it('makes __proto__, constructor and prototype own properties and changes no prototype', () => {
    const hostile = JSON.parse(
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"prototype":2}',
    ) as {
      [key: string]: SttValue;
    };
    const value = deserializeStt(serializeStt(hostile)) as Record<string, unknown>;
    expect(Object.keys(value).sort()).toEqual(['__proto__', 'constructor', 'prototype']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.getOwnPropertyDescriptor(value, '__proto__')?.value).toEqual({ polluted: 1 });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(serializeStt(value as SttValue)).toEqual(serializeStt(hostile));
  });

  it('refuses octets cut off anywhere, with one code', () => {
    const bytes = serializeStt([null, true, 1, 300, 70_000, 2n ** 60n, 1.5, 'text', Uint8Array.of(1, 2), { k: [{}] }]);
    for (let length = 0; length < bytes.length; length++) {
      expect(codeOf(() => deserializeStt(bytes.subarray(0, length)))).toBe('ERR_STT_DESERIALIZE_TRUNCATED');
    }
  });

  it('refuses octets after the value', () => {
    expect(readCode('0000')).toBe('ERR_STT_DESERIALIZE_TRAILING');
    expect(readCode('400000000000')).toBe('ERR_STT_DESERIALIZE_TRAILING');
  });

  it('refuses a key that comes twice, __proto__ too', () => {
    const twice = (key: string): string => {
      const entry = hexOf(key) + '1001';
      return `4100000002${entry}${entry}`;
    };
    for (const key of ['', 'a', '__proto__', 'constructor', 'toString']) {
      expect(readCode(twice(key))).toBe('ERR_STT_DESERIALIZE_DUPLICATE_KEY');
    }
  });

  it('refuses bad UTF-8 in values and keys: overlong, surrogates, beyond Unicode, cut off', () => {
    for (const bad of ['80', 'c080', 'eda080', 'f4908080', 'e282', 'ff']) {
      const text = `31${(bad.length / 2).toString(16).padStart(8, '0')}${bad}`;
      expect(readCode(text)).toBe('ERR_STT_DESERIALIZE_UTF8');
      expect(readCode(`4100000001${text}00`)).toBe('ERR_STT_DESERIALIZE_UTF8');
    }
  });

  it('refuses unknown types, and keys that are no strings', () => {
    for (const tag of ['03', '18', '22', '32', '42', 'ff']) {
      expect(readCode(tag)).toBe('ERR_STT_DESERIALIZE_TYPE');
    }
    expect(readCode('4100000001 3000000000 00')).toBe('ERR_STT_DESERIALIZE_TYPE');
  });
});
