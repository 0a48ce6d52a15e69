import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJsonRecord, toJson } from '../../../lib/cli/chamber/json-form.js';
import type { SttDict } from '../../../lib/wire/serialization.js';

const name = fc.oneof(fc.string(), fc.constantFrom('$bytes', '$int', '$float', '$dict', '__proto__'));
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    fc.string(),
    fc.uint8Array(),
    fc.double(),
    fc.integer(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    fc.array(tie('any')),
    fc.dictionary(name, tie('any'), { noNullPrototype: true }),
  ),
})).any;

describe('records as JSON', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(fc.dictionary(name, value, { noNullPrototype: true }), (dict) => {
        expect(parseJsonRecord(JSON.stringify(toJson(dict as SttDict)))).toEqual(dict);
      }),
    );
  });

  it('are refused with a reason, which never shows what they hold', () => {
    const wrong = ['', '[]', '1', 'null', '{"$bytes": "AA"}', '{"a": 12345678901234567890}', '{"a": {"$int": "1.5"}}'];
    wrong.push('{"a": {"$bytes": "*"}}', '{"a": {"$float": "x"}}', '{"a": {"$what": 1}}', '{"a": hunter}');
    wrong.push(`${'{"a":'.repeat(100)}1${'}'.repeat(100)}`);
    for (const text of wrong) {
      expect(() => parseJsonRecord(text), text).toThrow(SyntaxError);
      expect(() => parseJsonRecord(text)).not.toThrow('hunter');
    }
  });

  it.each(['$bytes', '$int', '$float', '$dict'])(
    'tell a dictionary of the one key %s from what it stands for',
    (key) => {
      const dict = { a: { [key]: 'AA' } };
      expect(parseJsonRecord(JSON.stringify(toJson(dict)))).toEqual(dict);
    },
  );
});
