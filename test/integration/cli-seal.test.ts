import { execFileSync } from 'node:child_process';
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

  it('work on standard input and output', async () => {
    const [cwd, seed, data] = [await temporaryDirectory(), freshSeed(), randomBytes(300_000)];
    const sealing = await SttProcess.run(['seal', '-'], { cwd, seed, input: data });
    expect([sealing.code, sealing.stderr]).toEqual([0, '']);
    const opening = await SttProcess.run(['open', '-', '--json'], { cwd, seed, input: sealing.stdout });
    expect([opening.code, opening.stdout.equals(data)]).toEqual([0, true]);
    expect(opening.stderr).toContain('"event":"opened"');
    const toFile = await SttProcess.run(['open', '-', '--out', 'b'], { cwd, seed, input: sealing.stdout });
    expect([toFile.code, (await readFile(join(cwd, 'b'))).equals(data)]).toEqual([0, true]);
    expect(
      (await SttProcess.run(['open', '-', '-o', 'c'], { cwd, seed, input: sealing.stdout.subarray(0, -40) })).code,
    ).toBe(8);
    expect(await readdir(cwd)).toEqual(['b']);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('leave nothing behind after %s, also while they wait', async (signal) => {
    const [cwd, seed] = [await temporaryDirectory(), freshSeed()];
    for (const args of [
      ['seal', '-'],
      ['open', '-'],
    ]) {
      const input =
        args[0] === 'seal'
          ? randomBytes(500_000)
          : (await SttProcess.run(['seal', '-'], { seed, input: randomBytes(500_000) })).stdout.subarray(0, 300_000);
      const stt = await SttProcess.start([...args, '--out', 'b', '--json'], { cwd, seed, input: 'open' });
      stt.child.stdin!.write(input);
      await stt.until((event) => event.event === 'progress' && event['octets'] === input.length);
      expect(await readdir(cwd)).toEqual([expect.stringMatching(/^\.b\.[0-9a-f]{12}\.stt-part$/)]);
      stt.child.kill(signal);
      expect(await stt.exit).toBe(signal === 'SIGINT' ? 130 : 143);
      expect(await readdir(cwd)).toEqual([]);
    }
  });

  it('end when nobody reads what they write', async () => {
    const stt = await SttProcess.start(['seal', '-'], { seed: freshSeed(), input: 'open' });
    stt.child.stdout!.destroy();
    // Until the pipe is full and its end noticed.
    const feed = (): void => {
      while (stt.code === undefined && stt.child.stdin!.write(Buffer.alloc(65_536)));
    };
    stt.child.stdin!.on('drain', feed);
    feed();
    expect(await stt.exit).toBe(4);
    expect(stt.errorLines).toEqual(['stt: Nobody reads standard output any more.']);
  });

  it('leave nothing on a full disk, and say so', async ({ skip }) => {
    const cwd = await temporaryDirectory();
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', cwd], { stdio: 'pipe' });
    } catch {
      return skip('this user may not mount a tmpfs');
    }
    try {
      const input = randomBytes(3 * 1_048_576);
      const seed = freshSeed();
      const stt = await SttProcess.run(['seal', '-', '--out', 'b'], { cwd, seed, input });
      expect([stt.code, stt.errorLines]).toEqual([4, ['stt: b: the disk is full; free space and try again.']]);
      expect(await readdir(cwd)).toEqual([]);
      const { stdout } = await SttProcess.run(['seal', '-'], { seed, input });
      const opening = await SttProcess.run(['open', '-', '--out', 'b'], { cwd, seed, input: stdout });
      expect([opening.code, opening.errorLines]).toEqual([4, ['stt: b: the disk is full; free space and try again.']]);
      expect(await readdir(cwd)).toEqual([]);
    } finally {
      execFileSync('umount', ['-l', cwd]);
    }
  });
});
