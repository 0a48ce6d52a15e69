import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const documents = ['', 'docs', 'native'].flatMap((directory) =>
  readdirSync(join(root, directory))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(directory, name)),
);

/** GitHub's and most others' rule for the anchor of a heading. */
const anchor = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

describe('the documentation', () => {
  it.each(documents)('%s links only to what exists', (name) => {
    const links = [...readFileSync(join(root, name), 'utf8').matchAll(/\]\(([^)#\s]*)(?:#([^)]*))?\)/g)];
    const dead = links.filter(([, path, fragment]) => {
      if (/^[a-z]+:/.test(path!)) return false;
      const target = path === '' ? join(root, name) : join(root, dirname(name), path!);
      if (!existsSync(target)) return true;
      if (fragment === undefined) return false;
      const headings = [...readFileSync(target, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchor(heading!));
      return !headings.includes(fragment);
    });
    expect(dead.map(([link]) => link)).toEqual([]);
  });
});
