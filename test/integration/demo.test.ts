import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BACKEND } from '../support/nodes.js';
import { temporaryDirectory } from '../support/temporary.js';

function demo(args: readonly string[], tmp: string): Promise<{ code: number | null; text: string }> {
  const child = spawn(process.execPath, ['scripts/demo.mjs', ...args], { env: { ...process.env, TMPDIR: tmp } });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (part) => (text += part));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, text })));
}

describe('the demo', () => {
  it('sends a file between two processes, says how it went, and cleans up', async () => {
    const path = join(await temporaryDirectory(), 'file.bin');
    await writeFile(path, randomBytes(5_000_000));
    const tmp = await temporaryDirectory();
    const { code, text } = await demo([path], tmp);
    expect(text).toMatch(/^hashes +match \(sha256 [0-9a-f]{64}\)$/m);
    expect(text).toMatch(/^rate +[0-9.]+ Gbit\/s/m);
    expect(text).toMatch(/^RTT +[0-9.]+ ms/m);
    expect(text).toMatch(/^packets +\d+, \d+ lost/m);
    expect(text).toContain(`sender ${BACKEND}, receiver ${BACKEND}`);
    expect(code).toBe(0);
    expect(await readdir(tmp)).toEqual([]);
  });

  it('fails for a path that does not exist', async () => {
    const tmp = await temporaryDirectory();
    const { code, text } = await demo(['/no/such/file'], tmp);
    expect(code).toBe(2);
    expect(text).toContain('/no/such/file does not exist');
    expect(await readdir(tmp)).toEqual([]);
  });
});
