import { execFileSync, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { Chamber, LmdbStore } from '../../lib/index.js';
import { collect, freshHolder } from '../support/chambers.js';
import { temporaryDirectory } from '../support/temporary.js';

const WRITER = fileURLToPath(new URL('../support/chamber-writer.mjs', import.meta.url));
const bad = (code: string) => expect.objectContaining({ name: 'STTChamberError', code }) as Error;

const mounted: string[] = [];
afterEach(() => {
  for (const path of mounted.splice(0)) execFileSync('umount', ['-l', path]);
});

/** Mounts a file system, or says why it cannot. */
function mount(path: string, args: readonly string[]): string | undefined {
  try {
    execFileSync('mount', [...args, path], { stdio: 'pipe' });
    if (!mounted.includes(path)) mounted.push(path);
    return undefined;
  } catch (error) {
    return `mount is not possible here: ${(error as Error).message.split('\n').at(-2)}`;
  }
}

const HOLDER = fileURLToPath(new URL('../support/lmdb-holder.mjs', import.meta.url));

/** Resolves to what the child says next. */
async function said(child: ChildProcess): Promise<unknown> {
  const [message] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [unknown];
  return message;
}

describe('a chamber in a directory', () => {
  it('is made when missing, for its owner alone, and is there after it was closed', async () => {
    const path = join(await temporaryDirectory(), 'deep', 'chamber.d');
    const holder = freshHolder();
    await expect(Chamber.open({ ...holder, path, create: false })).rejects.toEqual(bad('ERR_STT_CHAMBER_FORMAT'));
    const chamber = await Chamber.open({ ...holder, path });
    await chamber.storeKey('../../outside', Uint8Array.of(1));
    await chamber.close();
    expect((await stat(path)).mode & 0o077).toBe(0);
    expect((await readdir(path)).toSorted()).toEqual(['data.mdb', 'lock.mdb']);
    const again = await Chamber.open({ ...holder, path, readOnly: true });
    expect(await collect(again.listKeys())).toEqual(['../../outside']);
    await again.close();
    await expect(Chamber.open({ ...freshHolder(), path })).rejects.toEqual(bad('ERR_STT_CHAMBER_FOREIGN'));
  });

  it('is not made of a directory or file with something else in it, which stays as it is', async () => {
    const path = await temporaryDirectory();
    const holder = freshHolder();
    await writeFile(join(path, 'letter.txt'), 'dear');
    await expect(Chamber.open({ ...holder, path })).rejects.toEqual(bad('ERR_STT_CHAMBER_FORMAT'));
    expect(await readdir(path)).toEqual(['letter.txt']);
    await expect(Chamber.open({ ...holder, path: join(path, 'letter.txt') })).rejects.toEqual(
      bad('ERR_STT_CHAMBER_FORMAT'),
    );
    await writeFile(join(path, 'data.mdb'), 'x'.repeat(10_000));
    await expect(Chamber.open({ ...holder, path })).rejects.toEqual(bad('ERR_STT_CHAMBER_FORMAT'));
    await truncate(join(path, 'data.mdb'), 3);
    await expect(Chamber.open({ ...holder, path })).rejects.toEqual(bad('ERR_STT_CHAMBER_FORMAT'));
    expect(await readFile(join(path, 'data.mdb'), 'utf8')).toBe('xxx');
  });

  it('goes on reading, and the event loop turns, while a write waits for another process', async () => {
    const directory = await temporaryDirectory();
    const [path, file] = [join(directory, 'chamber'), join(directory, 'go')];
    const chamber = await Chamber.open({ ...freshHolder(), path });
    await chamber.storeKey('a', Uint8Array.of(1));
    const holder = fork(HOLDER, [path, file]);
    expect(await said(holder)).toBe('held');
    const ended = once(holder, 'exit');
    let isWritten = false;
    const writes = [chamber.storeKey('a', Uint8Array.of(2)), chamber.storeKey('b', new Uint8Array(1_000_000))];
    void Promise.all(writes).then(() => (isWritten = true));
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect([isWritten, await chamber.retrieveKey('a')]).toEqual([false, Uint8Array.of(1)]);
    await writeFile(file, '');
    await Promise.all([...writes, ended]);
    expect(await chamber.retrieveKey('a')).toEqual(Uint8Array.of(2));
    await chamber.close();
  });

  it('is made in a directory where a process was killed before it made more than the file of the locks', async () => {
    const path = await temporaryDirectory();
    for (const name of ['lock.mdb', 'lock.mdb.0']) await writeFile(join(path, name), '');
    const holder = freshHolder();
    await expect(Chamber.open({ ...holder, path, create: false })).rejects.toEqual(bad('ERR_STT_CHAMBER_FORMAT'));
    const chamber = await Chamber.open({ ...holder, path });
    await chamber.storeKey('a', Uint8Array.of(1));
    await chamber.close();
  });

  it('of a newer version is refused and stays as it is', async () => {
    const path = await temporaryDirectory();
    const holder = freshHolder();
    await (await Chamber.open({ ...holder, path })).close();
    const store = await LmdbStore.open(path);
    const metas = await store.scan(Uint8Array.of(0), undefined, 9);
    await store.commit(metas.map(({ name, record }) => ({ name, record: record.with(8, 2) })));
    await store.close();
    const before = await readFile(join(path, 'data.mdb'));
    for (const readOnly of [false, true]) {
      await expect(Chamber.open({ ...holder, path, readOnly })).rejects.toEqual(bad('ERR_STT_CHAMBER_VERSION'));
    }
    expect((await readFile(join(path, 'data.mdb'))).equals(before)).toBe(true);
  });

  it('says of a rotten value which record it is, and gives the others', async () => {
    const path = await temporaryDirectory();
    const holder = freshHolder();
    const chamber = await Chamber.open({ ...holder, path });
    // Values of whole pages, so that what rots is theirs and not LMDB's own.
    for (const id of ['a', 'b', 'c']) await chamber.storeKey(id, new Uint8Array(65_536).fill(id.charCodeAt(0)));
    await chamber.close();
    const store = await LmdbStore.open(path);
    const [entry] = await store.scan(Uint8Array.of(1), undefined, 1);
    await store.close();
    const data = await readFile(join(path, 'data.mdb'));
    const file = await open(join(path, 'data.mdb'), 'r+');
    const at = data.indexOf(entry!.record.subarray(30_000, 30_032));
    await file.write(Uint8Array.of(data[at]! ^ 1), 0, 1, at);
    await file.close();
    const again = await Chamber.open({ ...holder, path });
    const damage: Error[] = [];
    expect(await again.verify((error) => damage.push(error))).toEqual({ records: 2, damaged: 1 });
    const results = await Promise.allSettled(['a', 'b', 'c'].map((id) => again.retrieveKey(id)));
    const lost = results.findIndex(({ status }) => status === 'rejected');
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(1);
    expect(damage[0]).toEqual(bad('ERR_STT_CHAMBER_DAMAGED'));
    expect(damage[0]!.message).toContain(`"${'abc'[lost]}"`);
    await again.close();
  });

  it('is shared by several processes, none losing a write of another', async () => {
    const path = await temporaryDirectory();
    const children = Array.from({ length: 3 }, (_, i) =>
      fork(WRITER, [path, 'count', String(i), '40'], { serialization: 'advanced' }),
    );
    try {
      expect(await Promise.all(children.map(said))).toEqual([40, 40, 40]);
      const reader = fork(WRITER, [path, 'read'], { serialization: 'advanced' });
      children.push(reader);
      expect(await said(reader)).toEqual({ counter: 120, keys: 120, damaged: 0 });
    } finally {
      for (const child of children) child.kill();
    }
  });

  it('lets a process see at once what another one has confirmed', async () => {
    const path = await temporaryDirectory();
    const child = fork(WRITER, [path, 'echo'], { serialization: 'advanced' });
    try {
      const { seed, nodeId } = (await said(child)) as { seed: Uint8Array; nodeId: Uint8Array };
      const { STCWrapper } = await import('../../lib/index.js');
      const chamber = await Chamber.open({ path, stc: new STCWrapper(seed), nodeId });
      for (let i = 0; i < 50; i++) {
        const answer = said(child);
        child.send({ store: `k${i}` });
        expect(await chamber.retrieveKey(`k${i + 1}`)).toBeUndefined();
        await answer;
        expect(await chamber.retrieveKey(`k${i}`)).toEqual(Uint8Array.of(1));
      }
      await chamber.close();
    } finally {
      child.kill();
    }
  });
});

describe('a chamber without room', () => {
  it('rejects what does not fit, keeps and gives what it has, and closes', async (context) => {
    const path = await temporaryDirectory();
    const why = mount(path, ['-t', 'tmpfs', '-o', 'size=16m', 'none']);
    if (why !== undefined) context.skip(why);
    const unhandled: unknown[] = [];
    const onUnhandled = (error: unknown): unknown => unhandled.push(error);
    process.on('unhandledRejection', onUnhandled);
    try {
      const holder = freshHolder();
      const chamber = await Chamber.open({ ...holder, path: join(path, 'c') });
      await chamber.storeKey('small', Uint8Array.of(1));
      const stored: string[] = [];
      let error: unknown;
      for (let i = 0; i < 100 && error === undefined; i++) {
        await chamber.storeKey(`large ${i}`, new Uint8Array(500_000).fill(i)).then(
          () => stored.push(`large ${i}`),
          (reason: unknown) => (error = reason),
        );
      }
      expect(error).toEqual(bad('ERR_STT_CHAMBER_FULL'));
      expect(stored.length).toBeGreaterThan(10);
      // Of writes that share a flush, the small ones are not lost with the large one.
      const together = await Promise.allSettled([
        chamber.storeKey('large', new Uint8Array(5_000_000)),
        chamber.deleteKey(stored.pop()!),
        chamber.storeKey('small', Uint8Array.of(2)),
      ]);
      expect(together.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
      expect(await chamber.retrieveKey('small')).toEqual(Uint8Array.of(2));
      expect((await collect(chamber.listKeys())).toSorted()).toEqual([...stored, 'small'].toSorted());
      await chamber.close();
      const again = await Chamber.open({ ...holder, path: join(path, 'c') });
      expect(await again.verify()).toEqual({ records: stored.length + 1, damaged: 0 });
      await again.close();
      await new Promise((resolve) => setImmediate(resolve));
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', onUnhandled);
    }
  });

  it('is not made where its files have no room, which says so and does not end the process', async (context) => {
    const path = await temporaryDirectory();
    const why = mount(path, ['-t', 'tmpfs', '-o', 'size=1m', 'none']);
    if (why !== undefined) context.skip(why);
    const holder = freshHolder();
    const old = await Chamber.open({ ...holder, path: join(path, 'old') });
    await old.storeKey('a', Uint8Array.of(1));
    await old.close();
    const filler = await open(join(path, 'filler'), 'w');
    const fill = async (): Promise<unknown> => {
      for (;;) await filler.write(new Uint8Array(4096));
    };
    await expect(fill()).rejects.toMatchObject({ code: 'ENOSPC' });
    const { size } = await filler.stat();
    for (let free = 0; free <= 20; free += 4) {
      await filler.truncate(size - free * 1024);
      await expect(Chamber.open({ ...holder, path: join(path, `new ${free}`) })).rejects.toEqual(
        bad('ERR_STT_CHAMBER_FULL'),
      );
    }
    await rm(join(path, 'old', 'lock.mdb'));
    await filler.write(new Uint8Array(65_536), 0, 65_536, size - 20 * 1024).catch(() => {});
    await expect(fill()).rejects.toMatchObject({ code: 'ENOSPC' });
    await expect(Chamber.open({ ...holder, path: join(path, 'old') })).rejects.toEqual(bad('ERR_STT_CHAMBER_FULL'));
    await filler.truncate(0);
    await filler.close();
    const again = await Chamber.open({ ...holder, path: join(path, 'old') });
    expect(await again.retrieveKey('a')).toEqual(Uint8Array.of(1));
    await again.close();
  });

  it('in a read-only directory says so, and can still be read', async (context) => {
    const source = await temporaryDirectory();
    const path = await temporaryDirectory();
    const holder = freshHolder();
    const chamber = await Chamber.open({ ...holder, path: join(source, 'c') });
    await chamber.storeKey('a', Uint8Array.of(1));
    await chamber.close();
    await mkdir(join(source, 'empty'));
    const why = mount(path, ['--bind', source]) ?? mount(path, ['-o', 'remount,bind,ro']);
    if (why !== undefined) context.skip(why);
    await expect(Chamber.open({ ...holder, path: join(path, 'c') })).rejects.toEqual(bad('ERR_STT_CHAMBER_STORE'));
    await expect(Chamber.open({ ...holder, path: join(path, 'empty') })).rejects.toEqual(bad('ERR_STT_CHAMBER_STORE'));
    await expect(Chamber.open({ ...holder, path: join(path, 'new') })).rejects.toEqual(bad('ERR_STT_CHAMBER_STORE'));
    const reader = await Chamber.open({ ...holder, path: join(path, 'c'), readOnly: true });
    expect(await reader.retrieveKey('a')).toEqual(Uint8Array.of(1));
    await reader.close();
  });
});
