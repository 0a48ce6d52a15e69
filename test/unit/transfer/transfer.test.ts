import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  chmod,
  link,
  lstat,
  mkdir,
  readFile,
  readdir,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import { DirectoryDestination, StreamDestination, type Destination } from '../../../lib/transfer/destination.js';
import { HashWorker } from '../../../lib/transfer/hash-worker.js';
import { receiveFiles, type TransferSummary } from '../../../lib/transfer/receiver.js';
import { sendFiles, type SendSummary } from '../../../lib/transfer/sender.js';
import { sourceOf, type Source } from '../../../lib/transfer/source-tree.js';
import { TargetDirectory } from '../../../lib/transfer/target-directory.js';
import { duplexPair } from '../../support/duplex-pair.js';
import { temporaryDirectory } from '../../support/temporary.js';

const hashes = new HashWorker();
afterAll(() => hashes.close());

interface Outcome {
  readonly sent: SendSummary | Error;
  readonly received: TransferSummary | Error;
  readonly events: string[];
}

async function transfer(
  sources: readonly Source[],
  destination: string | Destination,
  options: { readonly force?: boolean; readonly breakAfter?: number } = {},
): Promise<Outcome> {
  const [a, b] = duplexPair(options.breakAfter === undefined ? {} : { breakAfter: options.breakAfter });
  const events: string[] = [];
  const target =
    typeof destination === 'string'
      ? new DirectoryDestination(await TargetDirectory.open(destination, { force: options.force ?? false }))
      : destination;
  const receiving = receiveFiles(b, target, hashes, {
    onFile: (entry, offset) => events.push(`receive ${entry.path} from ${offset}`),
    onFileDone: (entry, status) => events.push(`${status} ${entry.path}`),
    onFileFailed: (entry, why, partial) =>
      events.push(`failed ${entry.path}: ${why.message}${partial === undefined ? '' : ' (partial kept)'}`),
  }).catch((error: Error) => error);
  const sending = sendFiles(a, sources, hashes, {
    onFileFailed: (path, error) => events.push(`not sent ${path}: ${(error as NodeJS.ErrnoException).code}`),
    onOmitted: (path, why) => events.push(`omitted ${path}: ${why}`),
  }).catch((error: Error) => error);
  const [sent, received] = await Promise.all([sending, receiving]);
  return { sent, received, events };
}

async function fileOf(octets: number, name = 'data.bin'): Promise<{ path: string; content: Buffer; source: Source }> {
  const path = join(await temporaryDirectory(), name);
  const content = randomBytes(octets);
  await writeFile(path, content);
  return { path, content, source: await sourceOf(path) };
}

describe('a file transfer', () => {
  for (const octets of [0, 1, 65_535, 1_048_576, 5_000_001]) {
    it(`moves ${octets} octets exactly, with time and mode`, async () => {
      const { path, content, source } = await fileOf(octets);
      await chmod(path, 0o640);
      await utimes(path, 1_600_000_000.123, 1_600_000_000.123);
      const out = await temporaryDirectory();
      const { sent, received } = await transfer([source], out);
      expect(sent).toMatchObject({ filesDone: 1, filesFailed: 0, octets });
      expect(received).toMatchObject({ filesDone: 1, filesFailed: 0, octets });
      const stats = await stat(join(out, 'data.bin'));
      expect(stats.mode & 0o7777).toBe(0o640);
      expect(Math.round(stats.mtimeMs)).toBe(1_600_000_000_123);
      expect(await readdir(out)).toEqual(['data.bin']);
      expect((await readFile(join(out, 'data.bin'))).equals(content)).toBe(true);
    });
  }

  it('moves a directory tree, with empty and read-only directories, times and modes', async () => {
    const root = join(await temporaryDirectory(), 'tree');
    await mkdir(join(root, 'empty'), { recursive: true });
    await mkdir(join(root, 'a', 'b'), { recursive: true });
    for (let i = 0; i < 200; i++) await writeFile(join(root, 'a', 'b', `file ${i} ü`), randomBytes(i * 7));
    await writeFile(join(root, 'top'), 'x');
    await chmod(join(root, 'a', 'b'), 0o555);
    await utimes(join(root, 'a'), 1_500_000_000, 1_500_000_000);
    const out = await temporaryDirectory();
    const { sent, received } = await transfer([await sourceOf(root)], out);
    expect(sent).toMatchObject({ filesDone: 201, filesFailed: 0 });
    expect(received).toMatchObject({ filesDone: 201 });
    const copy = join(out, 'tree');
    expect((await stat(join(copy, 'empty'))).isDirectory()).toBe(true);
    expect((await stat(join(copy, 'a', 'b'))).mode & 0o777).toBe(0o555);
    expect((await stat(join(copy, 'a'))).mtimeMs).toBe(1_500_000_000_000);
    for (let i = 0; i < 200; i += 13) {
      const name = join('a', 'b', `file ${i} ü`);
      expect((await readFile(join(copy, name))).equals(await readFile(join(root, name)))).toBe(true);
    }
    await chmod(join(root, 'a', 'b'), 0o755);
    await chmod(join(copy, 'a', 'b'), 0o755);
  });

  it('resumes a file after a break, and verifies all of it', async () => {
    const { content, source } = await fileOf(8_000_000);
    const out = await temporaryDirectory();
    const broken = await transfer([source], out, { breakAfter: 4_000_000 });
    expect(broken.sent).toBeInstanceOf(Error);
    expect(broken.received).toBeInstanceOf(Error);
    expect(broken.events.at(-1)).toMatch(/^failed data\.bin: .*\(partial kept\)$/);
    expect(await readdir(out)).toEqual(['.data.bin.stt-part']);
    const kept = (await stat(join(out, '.data.bin.stt-part'))).size;
    expect(kept).toBeGreaterThan(1_000_000);
    const resumed = await transfer([source], out);
    expect(resumed.events).toContain(`receive data.bin from ${kept}`);
    expect(resumed.sent).toMatchObject({ filesDone: 1, octets: content.length - kept });
    expect(await readdir(out)).toEqual(['data.bin']);
    expect((await readFile(join(out, 'data.bin'))).equals(content)).toBe(true);
  });

  it('starts over if what is there of a file is not its beginning', async () => {
    const { content, source } = await fileOf(3_000_000);
    const out = await temporaryDirectory();
    await writeFile(join(out, '.data.bin.stt-part'), randomBytes(2_000_000));
    const { sent, events } = await transfer([source], out);
    expect(sent).toMatchObject({ filesDone: 1, filesFailed: 0 });
    expect(events).toContain('receive data.bin from 0');
    expect((await readFile(join(out, 'data.bin'))).equals(content)).toBe(true);
  });

  it('starts over files of a tree whose partial files are wrong, while the others pass', async () => {
    const root = join(await temporaryDirectory(), 'tree');
    const out = await temporaryDirectory();
    await mkdir(root);
    await mkdir(join(out, 'tree'));
    for (let i = 0; i < 30; i++) {
      await writeFile(join(root, `${i}`), randomBytes(1000 + i));
      if (i % 3 === 0) await writeFile(join(out, 'tree', `.${i}.stt-part`), randomBytes(900));
    }
    const { sent } = await transfer([await sourceOf(root)], out);
    expect(sent).toMatchObject({ filesDone: 30, filesFailed: 0 });
    for (let i = 0; i < 30; i++) {
      expect((await readFile(join(out, 'tree', `${i}`))).equals(await readFile(join(root, `${i}`)))).toBe(true);
    }
    expect((await readdir(join(out, 'tree'))).length).toBe(30);
  });

  it('resumes a tree after a break, with the modes of its directories', async () => {
    const root = join(await temporaryDirectory(), 'tree');
    await mkdir(join(root, 'a'), { recursive: true });
    for (let i = 0; i < 20; i++) await writeFile(join(root, 'a', `${i}`), randomBytes(100_000));
    await chmod(join(root, 'a'), 0o751);
    const out = await temporaryDirectory();
    const source = await sourceOf(root);
    const broken = await transfer([source], out, { breakAfter: 1_000_000 });
    expect(broken.received).toBeInstanceOf(Error);
    const { sent } = await transfer([source], out);
    expect(sent).toMatchObject({ filesFailed: 0 });
    const { filesDone, filesUnchanged } = sent as SendSummary;
    expect(filesDone + filesUnchanged).toBe(20);
    expect((await stat(join(out, 'tree', 'a'))).mode & 0o777).toBe(0o751);
    expect((await readdir(join(out, 'tree', 'a'))).length).toBe(20);
  });

  it('writes to a slow stream without piling up listeners', async () => {
    const { content, source } = await fileOf(3_000_000);
    const output = new PassThrough({ highWaterMark: 1000 });
    const chunks: Buffer[] = [];
    output.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      expect(output.listenerCount('close')).toBeLessThan(6);
    });
    const { sent } = await transfer([source], new StreamDestination(output));
    expect(sent).toMatchObject({ filesDone: 1 });
    expect(Buffer.concat(chunks).equals(content)).toBe(true);
  });

  it('does not send again what is there already', async () => {
    const { source } = await fileOf(2_000_000);
    const out = await temporaryDirectory();
    await transfer([source], out);
    const before = await stat(join(out, 'data.bin'));
    const { sent, received } = await transfer([source], out);
    expect(sent).toMatchObject({ filesDone: 0, filesUnchanged: 1, filesFailed: 0, octets: 0 });
    expect(received).toMatchObject({ filesUnchanged: 1, octets: 0 });
    expect((await stat(join(out, 'data.bin'))).ino).toBe(before.ino);
  });

  for (const sameSize of [true, false]) {
    it(`replaces another file of that name, ${sameSize ? 'of the same' : 'of another'} size, only by force`, async () => {
      const { content, source } = await fileOf(500_000);
      const out = await temporaryDirectory();
      const other = randomBytes(sameSize ? 500_000 : 400_000);
      await writeFile(join(out, 'data.bin'), other);
      const { sent, events } = await transfer([source], out);
      expect(sent).toMatchObject({ filesDone: 0, filesFailed: 1 });
      expect((sent as SendSummary).firstFailure).toMatchObject({ code: 'ERR_STT_TRANSFER_REFUSED', refusal: 'exists' });
      expect(events).toContain('not sent data.bin: ERR_STT_TRANSFER_REFUSED');
      expect((await readFile(join(out, 'data.bin'))).equals(other)).toBe(true);
      const forced = await transfer([source], out, { force: true });
      expect(forced.sent).toMatchObject({ filesDone: 1, filesFailed: 0 });
      expect((await readFile(join(out, 'data.bin'))).equals(content)).toBe(true);
      expect(await readdir(out)).toEqual(['data.bin']);
    });
  }

  it('replaces by force a file of the same size and time but other octets', async () => {
    const { path, content, source } = await fileOf(300_000);
    const out = await temporaryDirectory();
    await writeFile(join(out, 'data.bin'), randomBytes(300_000));
    for (const name of [path, join(out, 'data.bin')]) await utimes(name, 1_600_000_000, 1_600_000_000);
    const { sent } = await transfer([source], out, { force: true });
    expect(sent).toMatchObject({ filesDone: 1, filesFailed: 0 });
    expect((await readFile(join(out, 'data.bin'))).equals(content)).toBe(true);
  });

  it('replaces by force a symbolic link itself, never what it points to', async () => {
    const { content, source } = await fileOf(1000);
    const out = await temporaryDirectory();
    const outside = join(await temporaryDirectory(), 'victim');
    await writeFile(outside, 'precious');
    await symlink(outside, join(out, 'data.bin'));
    await symlink(outside, join(out, '.data.bin.stt-part'));
    const refused = await transfer([source], out);
    expect(refused.sent).toMatchObject({ filesFailed: 1 });
    const { sent } = await transfer([source], out, { force: true });
    expect(sent).toMatchObject({ filesDone: 1 });
    expect((await lstat(join(out, 'data.bin'))).isFile()).toBe(true);
    expect((await readFile(join(out, 'data.bin'))).equals(content)).toBe(true);
    expect(await readFile(outside, 'utf8')).toBe('precious');
  });

  it('does not write through a partial file that has a second name elsewhere', async () => {
    const { source } = await fileOf(1000);
    const out = await temporaryDirectory();
    const outside = join(out, '..', `victim-${process.pid}-${Date.now()}`);
    await writeFile(outside, 'precious');
    await link(outside, join(out, '.data.bin.stt-part'));
    const { sent } = await transfer([source], out);
    expect(sent).toMatchObject({ filesDone: 1 });
    expect(await readFile(outside, 'utf8')).toBe('precious');
    const { unlink } = await import('node:fs/promises');
    await unlink(outside);
  });

  it('does not follow a symbolic link out of the directory', async () => {
    const root = join(await temporaryDirectory(), 'tree');
    await mkdir(join(root, 'sub'), { recursive: true });
    await writeFile(join(root, 'sub', 'file'), 'x');
    await writeFile(join(root, 'other'), 'y');
    const out = await temporaryDirectory();
    const outside = await temporaryDirectory();
    await mkdir(join(out, 'tree'));
    await symlink(outside, join(out, 'tree', 'sub'));
    const { sent, events } = await transfer([await sourceOf(root)], out, { force: true });
    expect(sent).toMatchObject({ filesDone: 1, filesFailed: 2 });
    expect(events).toContain('failed tree/sub/file: the name passes through a symbolic link');
    expect(await readdir(outside)).toEqual([]);
  });

  it('sends links, pipes and sockets in no way, and says so', async () => {
    const root = join(await temporaryDirectory(), 'tree');
    await mkdir(root);
    await writeFile(join(root, 'file'), 'x');
    await symlink('/etc/passwd', join(root, 'link'));
    const out = await temporaryDirectory();
    const { sent, events } = await transfer([await sourceOf(root)], out);
    expect(sent).toMatchObject({ filesDone: 1, filesFailed: 0 });
    expect(events).toContain('omitted tree/link: symbolic links inside a directory are not sent');
    expect(await readdir(join(out, 'tree'))).toEqual(['file']);
  });

  it('takes octets of unknown length', async () => {
    const chunks = Array.from({ length: 40 }, () => randomBytes(50_000));
    const out = await temporaryDirectory();
    const { sent } = await transfer([{ input: Readable.from(chunks), name: 'stdin' }], out);
    expect(sent).toMatchObject({ filesDone: 1, octets: 2_000_000 });
    expect((await readFile(join(out, 'stdin'))).equals(Buffer.concat(chunks))).toBe(true);
  });

  it('keeps nothing of a broken source of unknown length', async () => {
    const out = await temporaryDirectory();
    const input = Readable.from(
      (async function* () {
        yield randomBytes(300_000);
        await Promise.resolve();
        throw new Error('the pipe broke');
      })(),
    );
    const { sent, received } = await transfer([{ input, name: 'stdin' }], out);
    expect(sent).toMatchObject({ filesFailed: 1 });
    expect(received).toMatchObject({ filesFailed: 1 });
    expect(await readdir(out)).toEqual([]);
  });

  it('writes to a stream, and refuses what is no single file', async () => {
    const { content, source } = await fileOf(700_000);
    const output = new PassThrough({ highWaterMark: 1_048_576 });
    const { sent } = await transfer([source], new StreamDestination(output));
    expect(sent).toMatchObject({ filesDone: 1 });
    expect((output.read() as Buffer).equals(content)).toBe(true);
    const second = await fileOf(10, 'second');
    const refused = await transfer([source, second.source], new StreamDestination(output));
    expect(refused.sent).toMatchObject({ code: 'ERR_STT_TRANSFER_REFUSED', refusal: 'unsupported' });
  });

  it('goes on with the other files when one cannot be read', async () => {
    const root = join(await temporaryDirectory(), 'tree');
    await mkdir(root);
    await writeFile(join(root, 'good'), 'x');
    await writeFile(join(root, 'shrinks'), randomBytes(4_000_000));
    const source = await sourceOf(root);
    const out = await temporaryDirectory();
    const pending = transfer([source], out);
    // Announced with its old size, found shorter when it is read.
    await truncate(join(root, 'shrinks'), 100_000);
    const { sent } = await pending;
    expect(existsSync(join(out, 'tree', 'good'))).toBe(true);
    if ((sent as SendSummary).filesFailed === 0) return;
    expect(existsSync(join(out, 'tree', 'shrinks'))).toBe(false);
  });

  it('refuses a transfer that does not fit before anything is sent', async () => {
    const { source } = await fileOf(1);
    const out = await temporaryDirectory();
    const target = await TargetDirectory.open(out, { force: false });
    target.freeOctets = () => Promise.resolve(0);
    const { sent, received } = await transfer([source], new DirectoryDestination(target));
    expect(sent).toMatchObject({ code: 'ERR_STT_TRANSFER_REFUSED', refusal: 'no-space' });
    expect(received).toMatchObject({ code: 'ERR_STT_TRANSFER_REFUSED' });
    expect(await readdir(out)).toEqual([]);
  });

  it('hashes like everybody else', async () => {
    const { content, path } = await fileOf(3_333_333);
    const hash = hashes.hash();
    const { open } = await import('node:fs/promises');
    const handle = await open(path);
    await hash.advance(handle.fd, 1_000_000);
    expect(Buffer.from(await hash.digest())).toEqual(
      createHash('sha256').update(content.subarray(0, 1_000_000)).digest(),
    );
    await hash.advance(handle.fd, content.length);
    expect(Buffer.from(await hash.digest())).toEqual(createHash('sha256').update(content).digest());
    await hash.close();
    await handle.close();
  });
});
