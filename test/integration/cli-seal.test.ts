import { randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SttProcess, freshSeed } from '../support/stt-process.js';
import { temporaryDirectory } from '../support/temporary.js';

async function sealed(octets: number): Promise<{ cwd: string; seed: string; data: Buffer; file: Buffer }> {
  const [cwd, seed, data] = [await temporaryDirectory(), freshSeed(), randomBytes(octets)];
  await writeFile(join(cwd, 'a'), data);
  expect((await SttProcess.run(['seal', 'a'], { cwd, seed })).stderr).toBe('Wrote a.stt.\n');
  return { cwd, seed, data, file: await readFile(join(cwd, 'a.stt')) };
}

describe('stt seal and stt open', () => {
  it.each([0, 1, 65_536, 300_000])('give a file of %i octets back', async (octets) => {
    const { cwd, seed, data, file } = await sealed(octets);
    expect(file.subarray(0, 9).toString('hex')).toBe('535454430100010000');
    const run = await SttProcess.run(['open', 'a.stt', '--out', 'b', '--json'], {
      cwd,
      seed: `${freshSeed()} ${seed}`,
    });
    expect([run.code, run.event('opened')]).toEqual([0, { event: 'opened', path: 'a.stt', out: 'b', octets }]);
    expect((await readFile(join(cwd, 'b'))).equals(data)).toBe(true);
  });

  it('leave nothing of a file that is damaged, cut, extended or of another seed', async () => {
    const { cwd, seed, file } = await sealed(200_000);
    const flipped = Buffer.from(file);
    flipped[file.length - 1]! ^= 1;
    const bad: [Buffer, string, string][] = [
      [flipped, seed, 'ERR_STT_AUTHENTICATION'],
      [file.subarray(0, -1), seed, 'ERR_STT_CHUNKS_INCOMPLETE'],
      [file.subarray(0, 17 + 4 + 65_573), seed, 'ERR_STT_CHUNKS_INCOMPLETE'],
      [Buffer.concat([file, Buffer.from([0])]), seed, 'ERR_STT_CHUNKS_INCOMPLETE'],
      [file.subarray(0, 16), seed, 'ERR_STT_CHUNK_REFUSED'],
      [file, freshSeed(), 'ERR_STT_AUTHENTICATION'],
    ];
    for (const [octets, withSeed, code] of bad) {
      await writeFile(join(cwd, 'bad.stt'), octets);
      const run = await SttProcess.run(['open', 'bad.stt', '--json'], { cwd, seed: withSeed });
      expect([run.code, run.event('error')?.['code']]).toEqual([8, code]);
      expect((await readdir(cwd)).toSorted()).toEqual(['a', 'a.stt', 'bad.stt']);
    }
  });

  it('replace a file only with --force', async () => {
    const { cwd, seed, data } = await sealed(10);
    await writeFile(join(cwd, 'a'), 'precious');
    expect((await SttProcess.run(['open', 'a.stt'], { cwd, seed })).code).toBe(4);
    expect(await readFile(join(cwd, 'a'), 'utf8')).toBe('precious');
    expect((await SttProcess.run(['open', 'a.stt', '--force'], { cwd, seed })).code).toBe(0);
    expect((await readFile(join(cwd, 'a'))).equals(data)).toBe(true);
  });
});
