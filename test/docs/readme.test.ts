import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const directory = mkdtempSync(join(tmpdir(), 'stt-readme-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The first block of a language. */
function block(language: string): string {
  const found = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'm').exec(readme)?.[1];
  if (found === undefined) throw new Error(`README.md has no ${language} block`);
  return found;
}

describe('the README', () => {
  it('has an example that runs as it stands', async () => {
    // An application's directory, where the package is installed under its name.
    mkdirSync(join(directory, 'node_modules'));
    symlinkSync(root, join(directory, 'node_modules', 'seigr-toolset-transmissions'), 'dir');
    writeFileSync(join(directory, 'example.mjs'), block('js'));
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['example.mjs'], {
      cwd: directory,
      timeout: 30_000,
    });
    expect(stderr).toBe('');
    expect(stdout).toBe('hello over UDP\n');
  });

  it('names scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
    const named = [...readme.matchAll(/npm run ([a-z:]+)/g)].map(([, name]) => name!);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  it('describes every option of a node', () => {
    const names = ['node', 'admission', 'limit', 'rotation'].flatMap((file) => {
      const source = readFileSync(join(root, `lib/api/${file}-options.ts`), 'utf8');
      const options =
        /export interface (?:STTNode|Admission|Limit|Rotation)Options[^{]*\{([^]*?)^\}/m.exec(source)?.[1] ?? '';
      const found = [...options.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name]) => name!);
      expect(found.length).toBeGreaterThan(3);
      return found;
    });
    expect(names.filter((name) => !readme.includes(`| \`${name}\` |`))).toEqual([]);
  });
});
