import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BACKEND } from '../support/nodes.js';
import { SttProcess, freshSeed, startReceiver } from '../support/stt-process.js';
import { temporaryDirectory } from '../support/temporary.js';
import { startUdpProxy } from '../support/udp-proxy.mjs';

const MEBI = 1_048_576;

async function fileOf(octets: number): Promise<{ path: string; content: Buffer; sha256: string }> {
  const path = join(await temporaryDirectory(), 'data.bin');
  const content = randomBytes(octets);
  await writeFile(path, content);
  return { path, content, sha256: createHash('sha256').update(content).digest('hex') };
}

describe('stt send and stt recv', () => {
  it('move a file between two processes, on the wanted backend', async () => {
    const { path, content, sha256 } = await fileOf(20 * MEBI);
    await utimes(path, 1_600_000_000, 1_600_000_000);
    await chmod(path, 0o604);
    const out = await temporaryDirectory();
    const { receiver, destination, seed } = await startReceiver(out, ['--once']);
    const sender = await SttProcess.run(['send', path, destination, '--json'], { seed });
    expect(sender.stderr).toBe('');
    expect([sender.code, await receiver.exit]).toEqual([0, 0]);
    expect(sender.event('done')).toMatchObject({ path: 'data.bin', status: 'written', size: content.length, sha256 });
    expect(sender.event('summary')).toMatchObject({ filesDone: 1, filesFailed: 0, backend: BACKEND });
    expect(receiver.event('listening')).toMatchObject({ backend: BACKEND });
    expect(receiver.event('done')).toMatchObject({ sha256 });
    const stats = await stat(join(out, 'data.bin'));
    expect(stats.mode & 0o777).toBe(0o604);
    expect(stats.mtimeMs).toBe(1_600_000_000_000);
    expect((await readFile(join(out, 'data.bin'))).equals(content)).toBe(true);
    expect(await readdir(out)).toEqual(['data.bin']);
  });

  it('move a file over WebSocket', async () => {
    const { path, content, sha256 } = await fileOf(5 * MEBI);
    const out = await temporaryDirectory();
    const { receiver, seed } = await startReceiver(out, ['--once', '--websocket', '0']);
    const url = `ws://127.0.0.1:${String(receiver.event('listening')?.['webSocketPort'])}/`;
    const sender = await SttProcess.run(['send', path, url, '--json'], { seed });
    expect([sender.code, await receiver.exit]).toEqual([0, 0]);
    expect(sender.event('connected')).toMatchObject({ transport: 'websocket' });
    expect(sender.event('done')).toMatchObject({ status: 'written', size: content.length, sha256 });
    expect((await readFile(join(out, 'data.bin'))).equals(content)).toBe(true);
  });

  it('fall back to WebSocket where UDP does not get through, and say so', async () => {
    const { path, content } = await fileOf(30 * MEBI);
    const out = await temporaryDirectory();
    const { receiver, seed } = await startReceiver(out, ['--websocket', '0']);
    // Nobody listens for UDP on the port of that number.
    const destination = `127.0.0.1:${String(receiver.event('listening')?.['webSocketPort'])}`;
    const sender = await SttProcess.run(['send', path, destination, '--json'], { seed });
    expect(sender.code).toBe(0);
    expect(sender.event('connected')).toMatchObject({ transport: 'websocket', fallback: true });
    expect((await readFile(join(out, 'data.bin'))).equals(content)).toBe(true);
    const text = await SttProcess.run(['send', path, destination], { seed });
    expect(text.stderr).toContain('UDP does not get through; going on over WebSocket.');
    expect(text.code).toBe(0);
  });

  it('move a directory tree', async () => {
    const root = join(await temporaryDirectory(), 'tree');
    await mkdir(join(root, 'a', 'b'), { recursive: true });
    await mkdir(join(root, 'empty'));
    for (let i = 0; i < 150; i++) await writeFile(join(root, 'a', 'b', `${i}`), randomBytes(i * 100));
    const out = await temporaryDirectory();
    const { destination, seed } = await startReceiver(out);
    const sender = await SttProcess.run(['send', root, destination, '--json'], { seed });
    expect(sender.code).toBe(0);
    expect(await readdir(join(out, 'tree', 'empty'))).toEqual([]);
    for (let i = 0; i < 150; i++) {
      const name = join('a', 'b', `${i}`);
      expect((await readFile(join(out, 'tree', name))).equals(await readFile(join(root, name)))).toBe(true);
    }
  });

  it('move standard input to standard output', async () => {
    const content = randomBytes(3 * MEBI);
    const seed = freshSeed();
    const receiver = await SttProcess.start(['recv', '--listen', '127.0.0.1:0', '--out', '-'], { seed });
    const line = await new Promise<string>((resolve) => receiver.child.stderr!.once('data', resolve));
    const destination = /Listening on (127\.0\.0\.1:\d+)/.exec(line)![1]!;
    const sender = await SttProcess.run(['send', '-', destination], { seed, input: content });
    expect([sender.code, await receiver.exit]).toEqual([0, 0]);
    expect(receiver.stdout.equals(content)).toBe(true);
  });

  it('resume a file after the sender was killed, and verify all of it', async () => {
    const { path, content, sha256 } = await fileOf(12 * MEBI);
    const out = await temporaryDirectory();
    const { receiver, port, destination, seed } = await startReceiver(out, ['--timeout', '1']);
    // Slow enough to be killed in the middle.
    const proxy = await startUdpProxy({ target: { address: '127.0.0.1', port }, both: { rate: 60e6 } });
    try {
      const sender = await SttProcess.start(['send', path, `127.0.0.1:${proxy.port}`, '--json'], { seed });
      await receiver.until(({ event, octets }) => event === 'progress' && (octets as number) > 2 * MEBI);
      sender.child.kill('SIGKILL');
      await sender.exit;
    } finally {
      await proxy.close();
    }
    const failed = await receiver.untilEvent('failed');
    await receiver.untilEvent('broken');
    expect(failed['partialFile']).toBe(join(out, '.data.bin.stt-part'));
    expect(await readdir(out)).toEqual(['.data.bin.stt-part']);
    const { size } = await stat(join(out, '.data.bin.stt-part'));
    expect(size).toBeGreaterThan(0);
    const again = await SttProcess.run(['send', path, destination, '--json'], { seed });
    expect(again.code).toBe(0);
    expect(again.event('file')).toMatchObject({ offset: size });
    expect(again.event('summary')).toMatchObject({ octets: content.length - size });
    expect(again.event('done')).toMatchObject({ sha256 });
    expect((await readFile(join(out, 'data.bin'))).equals(content)).toBe(true);
    expect(await readdir(out)).toEqual(['data.bin']);
  });

  it('move a file and a tree through a network that loses 5 % in both directions', async () => {
    const { path, content } = await fileOf(6 * MEBI);
    const root = join(await temporaryDirectory(), 'tree');
    await mkdir(root);
    for (let i = 0; i < 20; i++) await writeFile(join(root, `${i}`), randomBytes(5000));
    const out = await temporaryDirectory();
    const { port, seed } = await startReceiver(out);
    const proxy = await startUdpProxy({ target: { address: '127.0.0.1', port }, both: { loss: 0.05 }, seed: 7 });
    try {
      const sender = await SttProcess.run(['send', path, root, `127.0.0.1:${proxy.port}`, '--json'], { seed });
      expect(sender.code).toBe(0);
      expect((sender.event('summary') as unknown as { packetsLost: number }).packetsLost).toBeGreaterThan(0);
      expect(proxy.stats().up.lost).toBeGreaterThan(0);
      expect(proxy.stats().down.lost).toBeGreaterThan(0);
      expect((await readFile(join(out, 'data.bin'))).equals(content)).toBe(true);
      expect((await readdir(join(out, 'tree'))).length).toBe(20);
    } finally {
      await proxy.close();
    }
  });

  it('serve several senders at once', async () => {
    const out = await temporaryDirectory();
    const { receiver, destination, seed } = await startReceiver(out);
    const files = await Promise.all([1, 2, 3].map(() => fileOf(2 * MEBI)));
    const senders = await Promise.all(
      files.map(({ path }, i) => SttProcess.run(['send', path, destination, '--name', `f${i}`], { seed })),
    );
    expect(senders.map(({ code }) => code)).toEqual([0, 0, 0]);
    for (const [i, { content }] of files.entries()) {
      expect((await readFile(join(out, `f${i}`))).equals(content)).toBe(true);
    }
    expect(receiver.events.filter(({ event }) => event === 'summary').length).toBe(3);
  });

  it('connect from the receiver’s own account', async () => {
    const { path } = await fileOf(1000);
    const out = await temporaryDirectory();
    const config = join(await temporaryDirectory(), 'config');
    const { receiver, destination, seed } = await startReceiver(out, ['--once'], { config });
    const { nodeId } = (await receiver.untilEvent('listening')) as unknown as { nodeId: string };
    const id = await SttProcess.run(['id'], { config });
    expect(id.stdout.toString()).toBe(`${nodeId}\n`);
    const sender = await SttProcess.run(['send', path, destination, '--peer', nodeId], { seed, config });
    expect([sender.code, await receiver.exit]).toEqual([0, 0]);
  });

  it('accept the second seed of a ring', async () => {
    const { path } = await fileOf(1000);
    const old = freshSeed();
    const file = join(await temporaryDirectory(), 'seeds');
    await writeFile(file, `# new, then old\n${freshSeed()}\n${old}\n`, { mode: 0o600 });
    const { receiver, destination } = await startReceiver(await temporaryDirectory(), ['--once', '--seed-file', file]);
    const sender = await SttProcess.run(['send', path, destination], { seed: old });
    expect([sender.code, await receiver.exit]).toEqual([0, 0]);
  });

  it('measure round-trip times', async () => {
    const { destination, seed } = await startReceiver(await temporaryDirectory());
    const ping = await SttProcess.run(['ping', destination, '-c', '10', '-i', '1', '--json'], { seed });
    expect(ping.code).toBe(0);
    const summary = ping.event('summary') as unknown as Record<string, number>;
    expect(summary['count']).toBe(10);
    expect(summary['minMs']).toBeGreaterThan(0);
    expect(summary['avgMs']).toBeGreaterThanOrEqual(summary['minMs']!);
    expect(summary['p99Ms']).toBeGreaterThanOrEqual(summary['avgMs']!);
    expect(summary['transport']).toBe('udp');
    const text = await SttProcess.run(['ping', destination, '-c', '3'], { seed });
    expect(text.stdout.toString()).toMatch(/^3 pings to .*: min .* ms, avg .* ms, p99 .* ms; connected in .* ms\n$/);
  });

  it('measure round-trip times over WebSocket', async () => {
    const { receiver, seed } = await startReceiver(await temporaryDirectory(), ['--websocket', '0']);
    const url = `ws://127.0.0.1:${String(receiver.event('listening')?.['webSocketPort'])}/`;
    const ping = await SttProcess.run(['ping', url, '-c', '10', '-i', '1', '--json'], { seed });
    expect(ping.code).toBe(0);
    expect(ping.event('summary')).toMatchObject({ count: 10, transport: 'websocket' });
    const text = await SttProcess.run(['ping', url, '-c', '3'], { seed });
    expect(text.stdout.toString()).toMatch(/^3 pings to ws:.* over WebSocket: min .* ms, avg .* ms, p99 .* ms; /);
  });
});
