import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const document = readFileSync(join(root, 'docs/threat-model.md'), 'utf8').replaceAll(/\n\s*/g, ' ');

/** Every file the document names, with the names of tests that follow it. */
const named = [...document.matchAll(/`(test\/[\w/.-]+)`:((?: \*[^*]+\*[,;]?)+)/g)].map(([, file, names]) => ({
  file: file!,
  names: [...names!.matchAll(/\*([^*]+)\*/g)].map(([, name]) => name!),
}));

describe('the threat model', () => {
  it('names tests for its claims, and for its rows', () => {
    expect(named.length).toBeGreaterThan(60);
    expect(document.match(/`test\//g)).toHaveLength(named.length);
    const rows = readFileSync(join(root, 'docs/threat-model.md'), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('| '));
    expect(rows.slice(2).filter((row) => !row.includes('`test/'))).toEqual([]);
  });

  it.each([...new Set(named.map(({ file }) => file))])('%s has the tests that are named', (file) => {
    expect(existsSync(join(root, file))).toBe(true);
    const source = readFileSync(join(root, file), 'utf8');
    const names = named.filter((entry) => entry.file === file).flatMap((entry) => entry.names);
    // As the name of a test, of a group, or of a case in a table of them.
    expect(names.filter((name) => ![`'${name}'`, `\`${name}\``].some((quoted) => source.includes(quoted)))).toEqual([]);
  });
});
