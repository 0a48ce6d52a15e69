import { isAbsolute, join, relative, sep } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PARTIAL_SUFFIX, partialName, printable, splitPath } from '../../../lib/transfer/safe-path.js';

describe('names from a peer', () => {
  it('never lead out of the directory they are put in', () => {
    const component = fc.oneof(fc.constantFrom('..', '.', '', 'a', '\0', '...', '. .'), fc.string({ maxLength: 6 }));
    fc.assert(
      fc.property(fc.array(component, { maxLength: 6 }), fc.constantFrom('/', '\\', '//'), (parts, separator) => {
        const names = splitPath(parts.join(separator));
        if (typeof names === 'string') return;
        const inside = relative('/out', join('/out', ...names));
        expect(inside).not.toBe('');
        expect(inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)).toBe(false);
        expect(inside.split(sep)).toEqual(names);
      }),
    );
  });

  it('are taken as they are where they are harmless', () => {
    for (const path of ['a', 'a/b', 'ü/ß', '...', 'with space', '-rf', 'a\\b', 'a:b', 'con']) {
      expect(splitPath(path, 'linux')).toEqual(path.split('/'));
    }
  });

  it('are refused where Windows would make something else of them', () => {
    for (const path of ['a\\b', 'c:x', 'con', 'NUL.txt', 'com1', 'dot.', 'blank ', 'a<b', 'a/lpt9.log']) {
      expect(splitPath(path, 'win32')).toBe('the name is not possible on Windows');
    }
  });

  it('have a place for what is not complete, even if they are as long as names may be', () => {
    const digest = (): string => 'd'.repeat(64);
    expect(partialName('file', digest)).toBe(`.file${PARTIAL_SUFFIX}`);
    expect(partialName('x'.repeat(255), digest)).toBe(`.${'d'.repeat(32)}${PARTIAL_SUFFIX}`);
  });

  it('cannot do anything to a terminal', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/);
      }),
    );
    expect(printable('ü 字')).toBe('ü 字');
  });
});
