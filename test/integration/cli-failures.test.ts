import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { mkdir, open, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { LOCALHOST } from '../support/certificate.js';
import { SttProcess, freshSeed, startReceiver, type SttOptions } from '../support/stt-process.js';
import { temporaryDirectory } from '../support/temporary.js';
import { startUdpProxy } from '../support/udp-proxy.mjs';

const MEBI = 1_048_576;

async function fileOf(octets: number, name = 'data.bin'): Promise<string> {
  const path = join(await temporaryDirectory(), name);
  await writeFile(path, randomBytes(octets));
  return path;
}

/** Runs a command that must fail, with one line about it. */
async function fails(args: readonly string[], code: number, options: SttOptions = {}): Promise<string> {
  const stt = await SttProcess.run(args, options);
  expect(stt.stderr).toContain('stt: ');
  expect(stt.code).toBe(code);
  expect(stt.errorLines.length).toBe(1);
  return stt.errorLines[0]!;
}

describe('stt with bad input', () => {
  it.each([
    [['send', 'x', '127.0.0.1:9', '--pier', 'y'], 'Unknown option `--pier`. Did you mean `--peer`?'],
    [['recv', '--list', '5'], 'Did you mean `--listen`?'],
    [['keygen', '--seed', 'x'], 'Unknown option `--seed`'],
    [['sned'], 'did you mean `send`?'],
    [['recv', '--out'], 'Option --out needs a value'],
    [['recv', '--once=yes'], 'takes no value'],
    [['recv', 'directory'], 'Name a directory with --out'],
    [['send', 'file'], 'stt send PATH... HOST:PORT'],
    [['send', 'file', 'host'], '"host" is no destination'],
    [['send', 'file', 'host:99999'], 'is no port'],
    [['send', 'file', '::1:5000'], 'put an IPv6 address into brackets'],
    [['ping', '127.0.0.1:9', '--count', 'x'], 'an integer from 1 to'],
    [['ping', '127.0.0.1:9', '--peer', 'abc'], '64 hexadecimal digits'],
    [['send', '/', '127.0.0.1:9'], '--name'],
  ])('says what is wrong with %j', async (args, text) => {
    expect(await fails(args, 2, { seed: freshSeed() })).toContain(text);
  });

  it('names a missing file', async () => {
    const line = await fails(['send', '/no/such/file', '127.0.0.1:9'], 4, { seed: freshSeed() });
    expect(line).toContain('/no/such/file: there is no such file');
  });

  it('tells how to get a seed where there is none', async () => {
    expect(await fails(['recv'], 3)).toContain('stt keygen --out');
    expect(await fails(['recv'], 3, { seed: 'too-short' })).toContain('at least 16');
    expect(await fails(['recv'], 3, { seed: '!'.repeat(43) })).toContain('not base64url');
    expect(await fails(['recv', '--seed-file', '/no/such/seed'], 4)).toContain('/no/such/seed');
  });

  it('never shows the seed that it cannot use', async () => {
    expect(await fails(['recv'], 3, { seed: 'verysecret!' })).not.toContain('verysecret');
  });

  it('has one line for a port in use', async () => {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    try {
      const { port } = socket.address();
      const line = await fails(['recv', '--listen', `127.0.0.1:${port}`], 9, { seed: freshSeed() });
      expect(line).toContain(`port ${port}`);
      expect(line).toContain('another program uses it');
    } finally {
      socket.close();
    }
  });

  it('has one line for an address of another machine', async () => {
    expect(await fails(['recv', '--listen', '192.0.2.1:0'], 9, { seed: freshSeed() })).toContain('no address of this');
  });

  it('has one line for a host where nothing answers, and for another seed', async () => {
    const path = await fileOf(10);
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const silent = `127.0.0.1:${socket.address().port}`;
    expect(await fails(['send', path, silent, '--timeout', '1'], 5, { seed: freshSeed() })).toContain('No answer from');
    socket.close();
    const out = await temporaryDirectory();
    const { destination } = await startReceiver(out);
    const line = await fails(['send', path, destination, '--timeout', '1'], 5, { seed: freshSeed() });
    expect(line).toContain('another shared seed');
    expect(await readdir(out)).toEqual([]);
  });

  it('has one line for a WebSocket that is none: a web server, a proxy, another protocol, no TLS, nobody', async () => {
    const path = await fileOf(10);
    const seed = freshSeed();
    const open = async (server: Server): Promise<string> => {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      return `127.0.0.1:${(server.address() as AddressInfo).port}/`;
    };
    const web = createServer((_request, response) => response.end('page'));
    const proxy = createServer();
    proxy.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'));
    const other = createServer();
    const sockets = new WebSocketServer({ server: other, handleProtocols: () => false });
    const secure = createTlsServer(LOCALHOST);
    try {
      const send = (url: string) => fails(['send', path, url, '--timeout', '2'], 5, { seed });
      const plain = await open(web);
      expect(await send(`ws://${plain}`)).toContain('HTTP status 200 came in place of a WebSocket');
      expect(await send(`ws://${await open(proxy)}`)).toContain('HTTP status 200 came in place of a WebSocket');
      expect(await send(`ws://${await open(other)}`)).toContain('speaks WebSocket, but not STT');
      expect(await send(`wss://${await open(secure)}`)).toContain('its certificate does not fit');
      expect(await send(`wss://${plain}`)).toContain('does not speak TLS');
      expect(await send('ws://127.0.0.1:1/')).toContain('nobody listens there');
    } finally {
      sockets.close();
      for (const server of [web, proxy, other, secure]) server.close();
    }
  });

  it('tells what became of both ways where neither leads to a receiver', async () => {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const { port } = socket.address();
    const line = await fails(['send', await fileOf(10), `127.0.0.1:${port}`, '--timeout', '1'], 5, {
      seed: freshSeed(),
    });
    socket.close();
    expect(line).toMatch(/No answer from .*Nor over WebSocket: .*nobody listens there/);
  });

  it('refuses a receiver that is not the pinned one', async () => {
    const out = await temporaryDirectory();
    const { destination, seed } = await startReceiver(out);
    const args = ['send', await fileOf(10), destination, '--peer', randomBytes(32).toString('hex'), '--timeout', '2'];
    expect(await fails(args, 5, { seed })).toContain('not the expected one');
    expect(await readdir(out)).toEqual([]);
  });

  it('does not replace a file, and says how it could', async () => {
    const path = await fileOf(1000);
    const out = await temporaryDirectory();
    await writeFile(join(out, 'data.bin'), 'precious');
    const { receiver, destination, seed } = await startReceiver(out, ['--once']);
    expect(await fails(['send', path, destination], 7, { seed })).toContain('--force');
    expect(await receiver.exit).toBe(7);
    expect(await readFile(join(out, 'data.bin'), 'utf8')).toBe('precious');
    const forced = await startReceiver(out, ['--once', '--force'], { seed });
    const again = await SttProcess.run(['send', path, forced.destination], { seed });
    expect([again.code, await forced.receiver.exit]).toEqual([0, 0]);
    expect((await readFile(join(out, 'data.bin'))).equals(await readFile(path))).toBe(true);
  });

  it('sends what it can of several files, and fails for the rest', async () => {
    const [a, b] = [await fileOf(1000, 'a'), await fileOf(1000, 'b')];
    const out = await temporaryDirectory();
    await writeFile(join(out, 'a'), 'precious');
    const { destination, seed } = await startReceiver(out);
    expect(await fails(['send', a, b, destination], 7, { seed })).toContain('refused a');
    expect((await readFile(join(out, 'b'))).equals(await readFile(b))).toBe(true);
  });

  it('never writes through a symbolic link of the directory', async () => {
    const root = join(await temporaryDirectory(), 'tree');
    await mkdir(root);
    await writeFile(join(root, 'file'), 'x');
    const [out, outside] = [await temporaryDirectory(), await temporaryDirectory()];
    await symlink(outside, join(out, 'tree'));
    const { destination, seed } = await startReceiver(out, ['--force']);
    const sender = await SttProcess.run(['send', root, destination], { seed });
    expect(sender.code).toBe(7);
    expect(sender.stderr).toContain('symbolic link');
    expect(await readdir(outside)).toEqual([]);
  });

  it('ends with one line when the receiver dies in the middle, and resumes', async () => {
    const path = await fileOf(12 * MEBI);
    const out = await temporaryDirectory();
    const { receiver, port, seed } = await startReceiver(out);
    const proxy = await startUdpProxy({ target: { address: '127.0.0.1', port }, both: { rate: 60e6 } });
    try {
      const sender = await SttProcess.start(['send', path, `127.0.0.1:${proxy.port}`, '--timeout', '1', '--json'], {
        seed,
      });
      await receiver.until(({ event, octets }) => event === 'progress' && (octets as number) > 2 * MEBI);
      receiver.child.kill('SIGKILL');
      expect(await sender.exit).toBe(6);
      expect(sender.errorLines.length).toBe(1);
      expect(sender.errorLines[0]).toContain('Send again to resume');
    } finally {
      await proxy.close();
    }
    expect(await readdir(out)).toEqual(['.data.bin.stt-part']);
    const again = await startReceiver(out, ['--once'], { seed });
    const resumed = await SttProcess.run(['send', path, again.destination, '--json'], { seed });
    expect([resumed.code, await again.receiver.exit]).toEqual([0, 0]);
    expect(resumed.event('file')?.['offset']).toBeGreaterThan(0);
    expect((await readFile(join(out, 'data.bin'))).equals(await readFile(path))).toBe(true);
  });

  it.each(['sender', 'receiver'] as const)('leaves no half file when the %s gets Ctrl-C', async (who) => {
    const path = await fileOf(12 * MEBI);
    const out = await temporaryDirectory();
    const { receiver, port, seed } = await startReceiver(out, ['--once']);
    const proxy = await startUdpProxy({ target: { address: '127.0.0.1', port }, both: { rate: 60e6 } });
    try {
      const sender = await SttProcess.start(['send', path, `127.0.0.1:${proxy.port}`, '--json'], { seed });
      await receiver.until(({ event, octets }) => event === 'progress' && (octets as number) > 2 * MEBI);
      (who === 'sender' ? sender : receiver).child.kill('SIGINT');
      const codes = await Promise.all([sender.exit, receiver.exit]);
      expect(codes).toEqual(who === 'sender' ? [130, 6] : [6, 130]);
    } finally {
      await proxy.close();
    }
    expect(receiver.stderr).toContain('.data.bin.stt-part; sending it again resumes it');
    expect(await readdir(out)).toEqual(['.data.bin.stt-part']);
  });

  it('ends at once at Ctrl-C while it waits', async () => {
    const { receiver } = await startReceiver(await temporaryDirectory());
    receiver.child.kill('SIGINT');
    expect(await receiver.exit).toBe(130);
    const { receiver: other } = await startReceiver(await temporaryDirectory());
    other.child.kill('SIGTERM');
    expect(await other.exit).toBe(143);
  });
});

describe('stt on a full disk', () => {
  it('keeps what arrived, says so, and resumes when there is space', async ({ skip }) => {
    const mounted = mountTmpfs();
    if (mounted === undefined) return skip('this user may not mount a tmpfs');
    const out = mounted.path;
    try {
      // Standard input has no length that could be checked before.
      const { receiver, destination, seed } = await startReceiver(out);
      const streamed = await SttProcess.run(['send', '-', destination], { seed, input: randomBytes(20 * MEBI) });
      expect(streamed.code).toBe(7);
      expect(streamed.errorLines).toEqual([expect.stringContaining('the disk is full')]);
      expect(receiver.stderr).toContain('the disk is full; free space');
      expect(await readdir(out)).toEqual([]);

      const tooLarge = await SttProcess.run(['send', await fileOf(20 * MEBI), destination], { seed });
      expect(tooLarge.code).toBe(7);
      expect(tooLarge.errorLines).toEqual([expect.stringMatching(/octets are needed, \d+ are free.*Free space there/)]);
      expect(await readdir(out)).toEqual([]);

      // Space that disappears while a file is being received.
      const path = await fileOf(10 * MEBI);
      const proxy = await startUdpProxy({
        target: { address: '127.0.0.1', port: Number(destination.split(':')[1]) },
        both: { rate: 60e6 },
      });
      try {
        const sender = await SttProcess.start(['send', path, `127.0.0.1:${proxy.port}`, '--json'], { seed });
        await receiver.until(({ event, octets, total }) => {
          return event === 'progress' && total === 10 * MEBI && (octets as number) > MEBI;
        });
        await fillDisk(join(out, 'filler'));
        expect(await sender.exit).toBe(7);
        expect(sender.errorLines).toEqual([expect.stringContaining('the disk is full')]);
      } finally {
        await proxy.close();
      }
      expect((await readdir(out)).sort()).toEqual(['.data.bin.stt-part', 'filler']);
      await rm(join(out, 'filler'));
      const resumed = await SttProcess.run(['send', path, destination, '--json'], { seed });
      expect(resumed.code).toBe(0);
      expect(resumed.event('file')?.['offset']).toBeGreaterThan(0);
      expect((await readFile(join(out, 'data.bin'))).equals(await readFile(path))).toBe(true);
    } finally {
      mounted.unmount();
    }
  });
});

describe('seeds on the disk', () => {
  for (const umask of [0, 0o777]) {
    it(`are readable by their owner only with umask ${umask.toString(8)}`, async () => {
      const config = join(await temporaryDirectory(), 'config');
      await mkdir(config);
      const file = join(config, 'seed');
      const keygen = await SttProcess.run(['keygen', '--out', file], { umask });
      expect(keygen.code).toBe(0);
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      expect(await readFile(file, 'utf8')).toMatch(/^[A-Za-z0-9_-]{43}\n$/);
      await mkdir(join(config, 'stt'));
      const id = await SttProcess.run(['id'], { config, umask });
      expect(id.code).toBe(0);
      expect((await stat(join(config, 'stt', 'node-seed'))).mode & 0o777).toBe(0o600);
      expect(await readdir(join(config, 'stt'))).toEqual(['node-seed']);
    });
  }

  it('give a warning when others can read them', async () => {
    const file = join(await temporaryDirectory(), 'seed');
    await writeFile(file, freshSeed(), { mode: 0o644 });
    const ping = await SttProcess.run(['ping', '127.0.0.1:9', '--timeout', '1', '--seed-file', file]);
    expect(ping.stderr).toContain(`others can read ${file}; run \`chmod 600 ${file}\``);
  });

  it('are one seed even if many processes make it at once', async () => {
    const config = join(await temporaryDirectory(), 'config');
    const ids = await Promise.all(Array.from({ length: 4 }, () => SttProcess.run(['id'], { config })));
    expect(new Set(ids.map(({ stdout }) => stdout.toString())).size).toBe(1);
    expect(await readdir(join(config, 'stt'))).toEqual(['node-seed']);
  });

  it('are found in the config directory, and not replaced without --force', async () => {
    const config = join(await temporaryDirectory(), 'config');
    const file = join(config, 'stt', 'shared-seed');
    expect((await SttProcess.run(['keygen', '--out', file])).code).toBe(0);
    const before = await readFile(file, 'utf8');
    const again = await SttProcess.run(['keygen', '--out', file]);
    expect(again.code).toBe(4);
    expect(again.errorLines).toEqual([expect.stringContaining('--force')]);
    expect(await readFile(file, 'utf8')).toBe(before);
    const receiver = await SttProcess.start(['recv', '--listen', '127.0.0.1:0', '--json'], { config });
    await receiver.untilEvent('listening');
    receiver.child.kill('SIGINT');
    await receiver.exit;
    expect((await SttProcess.run(['keygen', '--out', file, '--force'])).code).toBe(0);
    expect(await readFile(file, 'utf8')).not.toBe(before);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });
});

describe('stt for people', () => {
  it('shows its help and version', async () => {
    const help = await SttProcess.run(['--help']);
    expect(help.code).toBe(0);
    expect(help.stdout.toString()).toContain('Exit codes:');
    expect((await SttProcess.run([])).code).toBe(2);
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
    for (const flag of ['-V', '--version']) {
      expect((await SttProcess.run([flag])).stdout.toString()).toBe(`${version}\n`);
    }
    for (const name of ['keygen', 'id', 'recv', 'send', 'ping', 'info']) {
      const text = (await SttProcess.run([name, '--help'])).stdout.toString();
      expect(text).toContain(`Usage: stt ${name}`);
      expect(text).toContain('--json');
    }
  });

  it('prints a seed, also as a QR code', async () => {
    const plain = await SttProcess.run(['keygen']);
    expect(plain.stdout.toString()).toMatch(/^[A-Za-z0-9_-]{43}\n$/);
    const withCode = await SttProcess.run(['keygen', '--qr']);
    expect(withCode.stdout.toString().split('\n').length).toBeGreaterThan(15);
    expect(withCode.stdout.toString()).toMatch(/[▀▄█]/);
  });

  it('tells what works on this machine, and no secrets', async () => {
    const config = join(await temporaryDirectory(), 'config');
    const seed = freshSeed();
    await SttProcess.run(['id'], { config });
    const text = (await SttProcess.run(['info'], { config, seed })).stdout.toString();
    for (const word of ['backend', process.version, process.versions.openssl, 'AES', 'GSO', 'GRO', 'socket buffers']) {
      expect(text).toContain(word);
    }
    expect(text).toContain(join(config, 'stt', 'node-seed'));
    expect(text).not.toContain(seed);
    const json = await SttProcess.run(['info', '--json'], { config, seed });
    expect(json.event('info')).toMatchObject({ backend: process.env['STT_BACKEND'] === 'js' ? 'js' : 'native' });
    expect(JSON.stringify(json.events)).not.toContain(seed);
    const { receiveBufferOctets, sendBufferOctets, bufferHint } = json.event('info')!;
    const hasAll = Math.min(Number(receiveBufferOctets), Number(sendBufferOctets)) >= 2 * 4_194_304;
    // Linux says how much it gave, doubled; and how to raise what it gives.
    if (process.platform === 'linux') {
      expect(bufferHint === undefined).toBe(hasAll);
      expect(text.includes('as root: sysctl -w net.core.')).toBe(!hasAll);
    }
    expect(JSON.stringify(json.events)).not.toContain(
      (await readFile(join(config, 'stt', 'node-seed'), 'utf8')).trim(),
    );
  });
});

async function fillDisk(path: string): Promise<void> {
  const file = await open(path, 'w');
  try {
    for (;;) await file.write(Buffer.alloc(65_536));
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
  } finally {
    await file.close();
  }
}

/** A small file system of its own, undefined where this user may not mount one. */
function mountTmpfs(): { path: string; unmount(): void } | undefined {
  const path = mkdtempSync(join(tmpdir(), 'stt-tmpfs-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', path], { stdio: 'ignore' });
  } catch {
    rmdirSync(path);
    return undefined;
  }
  return {
    path,
    unmount() {
      // Lazily: a process that is about to end may still hold it.
      execFileSync('umount', ['-l', path]);
      rmdirSync(path);
    },
  };
}
