import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { Redis } from 'iovalkey';
import { afterEach, describe, expect, it } from 'vitest';
import { Chamber, RedisStore, resealChamber, type RedisStoreOptions } from '../../lib/index.js';
import { PAGE_OCTETS } from '../../lib/chamber/store.js';
import { LOCALHOST } from '../support/certificate.js';
import { collect, freshHolder } from '../support/chambers.js';
import { text } from '../support/crypto-providers.js';
import { startNode } from '../support/nodes.js';
import { NO_REDIS, RedisServer } from '../support/redis-server.js';
import { TcpProxy } from '../support/tcp-proxy.js';

const WRITER = fileURLToPath(new URL('../support/chamber-writer.mjs', import.meta.url));
const bad = (code: string, message: RegExp = /./) =>
  expect.objectContaining({ name: 'STTChamberError', code, message: expect.stringMatching(message) }) as Error;
const put = (name: string, record: string) => ({ name: text(name), record: text(record) });

const ending: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
});

async function serve(...args: string[]): Promise<RedisServer> {
  const server = await RedisServer.start(args);
  ending.push(() => server.remove());
  return server;
}
async function through(server: RedisServer, tls?: typeof LOCALHOST): Promise<TcpProxy> {
  const proxy = await TcpProxy.listen(server.socketPath, tls);
  ending.push(() => proxy.close());
  return proxy;
}
async function open(options: RedisStoreOptions): Promise<RedisStore> {
  const store = await RedisStore.open(options);
  ending.push(() => store.close());
  return store;
}
/** A client without anything of a chamber in between. */
function bare({ socketPath }: RedisServer): Redis {
  const client = new Redis({ path: socketPath });
  ending.push(async () => client.disconnect());
  return client;
}

describe.skipIf(NO_REDIS !== undefined)(`a chamber on a shared server ${NO_REDIS ?? ''}`, () => {
  it('logs in by user and password, and never shows the password in an error', async () => {
    const server = await serve(...'--user stt on >correct-horse ~* +@all --user default off'.split(' '));
    const { port } = await through(server);
    const { socketPath } = server;
    for (const options of [
      { socketPath, username: 'stt', password: 'correct-horse' },
      { url: `valkey://stt:correct%2Dhorse@127.0.0.1:${port}` },
      { url: `redis://stt:wrong@127.0.0.1:${port}/0`, password: 'correct-horse' },
    ]) {
      const store = await open(options);
      expect(await store.commit([put('a', '1')])).toBe(-1);
      expect(store.label).not.toMatch(/correct|horse/);
    }
    await expect(RedisStore.open({ socketPath })).rejects.toEqual(bad('ERR_STT_CHAMBER_STORE', /NOAUTH/));
    const wrong = await RedisStore.open({ socketPath, username: 'stt', password: 'battery' }).catch((e: unknown) => e);
    expect(wrong).toEqual(bad('ERR_STT_CHAMBER_STORE', /WRONGPASS/));
    expect(inspect(wrong, { depth: 9, showHidden: true })).not.toContain('battery');
  });

  it('needs no other rights than those that are documented', async () => {
    const page = await readFile(new URL('../../docs/chamber.md', import.meta.url), 'utf8');
    const [, list] = /need the commands ([^]*?), on keys of the prefix/.exec(page)!;
    const rights = [...list!.matchAll(/`([A-Z]+)`/g)].map(([, command]) => `+${command!.toLowerCase()}`);
    expect(rights.length).toBeGreaterThan(10);
    const server = await serve(
      ...'--user least on >few ~{mine}:* -@all'.split(' '),
      ...rights,
      '--user',
      'default',
      'off',
    );
    const login = { socketPath: server.socketPath, username: 'least', password: 'few' };
    const chamber = await Chamber.open({ ...freshHolder(), store: await open({ ...login, prefix: '{mine}' }) });
    await chamber.updateSession('a', () => ({ n: 1 }));
    await chamber.storeKey('b', Uint8Array.of(1));
    expect(await chamber.deleteKey('b')).toBe(true);
    expect(await collect(chamber.listSessions())).toEqual(['a']);
    expect((await chamber.getStats()).store.entries).toBe(3);
    const other = await open({ ...login, prefix: '{theirs}' });
    await expect(other.get(text('a'))).rejects.toEqual(bad('ERR_STT_CHAMBER_STORE', /NOPERM/));
  });

  it('refuses a server that asks for no password when one was given', async () => {
    const { socketPath } = await serve();
    await expect(RedisStore.open({ socketPath, password: 'battery' })).rejects.toEqual(
      bad('ERR_STT_CHAMBER_STORE', /without any password/),
    );
  });

  it('speaks TLS with a server whose certificate it trusts, and with no other', async () => {
    const { port } = await through(await serve(), LOCALHOST);
    const url = `rediss://localhost:${port}`;
    const store = await open({ url, tls: { ca: LOCALHOST.cert } });
    expect(await store.commit([put('a', '1')])).toBe(-1);
    const also = await open({ url: `redis://127.0.0.1:${port}`, tls: { ca: LOCALHOST.cert, servername: 'localhost' } });
    expect(await also.get(text('a'))).toEqual(text('1'));
    await expect(RedisStore.open({ url })).rejects.toEqual(bad('ERR_STT_CHAMBER_STORE', /certificate/));
    await expect(
      RedisStore.open({ url, tls: { ca: LOCALHOST.cert, servername: 'elsewhere.example' } }),
    ).rejects.toEqual(bad('ERR_STT_CHAMBER_STORE', /altnames/));
  });

  it('is another chamber under another prefix and in another database', async () => {
    const server = await serve();
    const { port } = await through(server);
    const holder = freshHolder();
    const places = [
      { url: `redis://127.0.0.1:${port}/0` },
      { url: `redis://127.0.0.1:${port}/3` },
      { url: `redis://127.0.0.1:${port}`, prefix: 'other' },
    ];
    const chambers = [];
    for (const place of places) chambers.push(await Chamber.open({ ...holder, store: await open(place) }));
    for (const [i, chamber] of chambers.entries()) await chamber.storeKey(`key ${i}`, Uint8Array.of(i));
    for (const [i, chamber] of chambers.entries()) expect(await collect(chamber.listKeys())).toEqual([`key ${i}`]);
    const keys = await bare(server).keys('*');
    expect(keys.every((key) => key.startsWith('{stt-chamber}:') || key.startsWith('other:'))).toBe(true);
    await expect(RedisStore.open({ url: `redis://127.0.0.1:${port}/99` })).rejects.toEqual(
      bad('ERR_STT_CHAMBER_STORE', /DB index/),
    );
  });

  it('refuses wrong options, suggesting the right name, and shows no url', async () => {
    const refuse = (options: object, expected: object): Promise<void> =>
      expect(RedisStore.open(options)).rejects.toEqual(expect.objectContaining(expected));
    await refuse({ pasword: 'x' }, { code: 'ERR_STT_UNKNOWN_OPTION', message: expect.stringContaining('`password`') });
    for (const url of ['http://h', 'redis://', 'redis://h/x', 'redis://u:%@h', 'redis://s3cret@h?x=1', 'nonsense', 7]) {
      await refuse({ url }, { code: 'ERR_STT_OPTION_RANGE', message: expect.not.stringContaining('s3cret') });
    }
    for (const options of [{ prefix: '' }, { timeout: 1 }, { timeout: 'x' }, { tls: true }, { password: 7 }]) {
      await refuse(options, { code: 'ERR_STT_OPTION_RANGE' });
    }
  });

  it('refuses another seed, a newer version, and what is no chamber, and changes nothing', async () => {
    const server = await serve();
    const { socketPath } = server;
    const holder = freshHolder();
    const store = await open({ socketPath });
    await (await Chamber.open({ ...holder, store })).storeKey('a', Uint8Array.of(1));
    await expect(Chamber.open({ ...freshHolder(), store })).rejects.toEqual(bad('ERR_STT_CHAMBER_FOREIGN'));
    const metas = await store.scan(Uint8Array.of(0), undefined, 9);
    await store.commit(metas.map(({ name, record }) => ({ name, record: record.with(8, 9) })));
    await expect(Chamber.open({ ...holder, store })).rejects.toEqual(bad('ERR_STT_CHAMBER_VERSION'));
    await store.commit(metas);
    expect(await (await Chamber.open({ ...holder, store })).retrieveKey('a')).toEqual(Uint8Array.of(1));
    const client = bare(server);
    await client.set('text:records', 'dear');
    await client.set('names:names', 'dear');
    for (const prefix of ['text', 'names']) {
      const other = await open({ socketPath, prefix });
      await expect(Chamber.open({ ...holder, store: other })).rejects.toEqual(bad('ERR_STT_CHAMBER_FORMAT'));
      await expect(other.commit([put('a', '1')])).rejects.toEqual(bad('ERR_STT_CHAMBER_FORMAT'));
    }
    expect([await client.get('text:records'), await client.exists('names:records')]).toEqual(['dear', 0]);
  });

  it('is resealed in place, after which handles of the old seed write nothing', async () => {
    const { socketPath } = await serve();
    const [from, to] = [freshHolder(), freshHolder()];
    const [store, other] = [await open({ socketPath }), await open({ socketPath })];
    const old = await Chamber.open({ ...from, store });
    for (let i = 0; i < 300; i++) await old.storeKey(`k${i}`, Uint8Array.of(i));
    expect(await resealChamber({ store: other, from, to })).toEqual({ records: 300, damaged: 0 });
    await expect(old.storeKey('k1', Uint8Array.of(0))).rejects.toEqual(bad('ERR_STT_CHAMBER_RESEALED'));
    const again = await Chamber.open({ ...to, store });
    expect(await again.verify()).toEqual({ records: 300, damaged: 0 });
  });

  it('is shared by several processes, none losing a write of another', async () => {
    const { socketPath } = await serve();
    const run = (...args: string[]) => {
      const child = fork(WRITER, [`redis:${socketPath}`, ...args], { serialization: 'advanced' });
      ending.push(async () => child.kill());
      return Promise.race([once(child, 'message'), once(child, 'exit')]);
    };
    const counted = await Promise.all([0, 1, 2].map((i) => run('count', String(i), '40')));
    expect(counted.flat().filter((said) => said === 40)).toHaveLength(3);
    const [seen] = (await run('read')) as [unknown];
    expect(seen).toEqual({ counter: 120, keys: 120, damaged: 0 });
  });

  it('is listed in a stable order, in pages that hold no more than some megabytes', async () => {
    const { socketPath } = await serve();
    const store = await open({ socketPath });
    const chamber = await Chamber.open({ ...freshHolder(), store });
    const batch = chamber.batch();
    for (let i = 0; i < 1000; i++) batch.storeKey(`small ${i}`, Uint8Array.of(i));
    await batch.write();
    const ids = await collect(chamber.listKeys());
    expect(new Set(ids).size).toBe(1000);
    expect(await collect(chamber.listKeys())).toEqual(ids);
    for (let i = 0; i < 30; i++) await chamber.storeKey(`large ${i}`, new Uint8Array(500_000));
    let [records, after] = [0, undefined as Uint8Array | undefined];
    for (;;) {
      const page = await store.scan(Uint8Array.of(1), after, 10_000);
      if (page.length === 0) break;
      const octets = page.reduce((sum, { record }) => sum + record.length, 0);
      expect(octets).toBeLessThan(PAGE_OCTETS + 510_000);
      records += page.length;
      after = page.at(-1)!.name;
    }
    expect(records).toBe(1030);
  });
});

describe.skipIf(NO_REDIS !== undefined)(`nodes of a fleet ${NO_REDIS ?? ''}`, () => {
  it('share peers, seeds and session records, and their sessions outlive the server', async () => {
    const server = await RedisServer.startDurable();
    ending.push(() => server.remove());
    const [fleet, sharedSeed] = [freshHolder(), randomBytes(32)];
    const { node: peer, port } = await startNode({ sharedSeed });
    const start = async (seed: Uint8Array | undefined) => {
      const chamber = await Chamber.open({
        ...fleet,
        store: await open({ socketPath: server.socketPath, timeout: 300 }),
      });
      return (await startNode({ sharedSeed: seed as never, chamber })).node;
    };
    const one = await start(sharedSeed);
    // It takes the seed from the chamber.
    const two = await start(undefined);
    ending.push(() => Promise.all([one.stop(), two.stop(), peer.stop()]));
    const first = await one.connectUdp('127.0.0.1', port);
    await one.records!.flush();
    expect(await collect(two.records!.peers())).toMatchObject([{ nodeId: peer.nodeId, sessions: 1 }]);
    await server.signal('SIGKILL');
    const second = await two.connectUdp('127.0.0.1', port);
    await two.records!.flush();
    expect(two.records!.getStats().failures).toBeGreaterThan(0);
    await server.start();
    await two.records!.flush();
    const ids = (await collect(one.records!.sessions())).map(({ sessionId }) => Buffer.from(sessionId).toString('hex'));
    const expected = [first, second].map(({ sessionId }) => Buffer.from(sessionId).toString('hex'));
    expect(ids.toSorted()).toEqual(expected.toSorted());
    expect(await collect(one.records!.peers())).toMatchObject([{ nodeId: peer.nodeId, sessions: 2 }]);
  });
});

describe.skipIf(NO_REDIS !== undefined)(`a shared server in trouble ${NO_REDIS ?? ''}`, () => {
  it('that is not there makes opening fail at once', async () => {
    await expect(RedisStore.open({ socketPath: '/nowhere/socket' })).rejects.toEqual(
      bad('ERR_STT_CHAMBER_STORE', /ENOENT/),
    );
    await expect(RedisStore.open({ url: 'redis://127.0.0.1:1' })).rejects.toEqual(
      bad('ERR_STT_CHAMBER_STORE', /ECONNREFUSED/),
    );
  });

  it('lets every operation fail within its time while it is down, and work again afterwards', async () => {
    const server = await RedisServer.startDurable();
    ending.push(() => server.remove());
    const [store, patient] = [
      await open({ socketPath: server.socketPath, timeout: 200 }),
      await open({ socketPath: server.socketPath, timeout: 60_000 }),
    ];
    const chamber = await Chamber.open({ ...freshHolder(), store });
    await chamber.storeKey('a', Uint8Array.of(1));
    await server.signal('SIGKILL');
    const failed = await Promise.allSettled([
      chamber.retrieveKey('a'),
      chamber.storeKey('a', Uint8Array.of(2)),
      chamber.deleteKey('a'),
      chamber.batch().storeKey('b', Uint8Array.of(2)).write(),
      collect(chamber.listKeys()),
      chamber.getStats(),
      chamber.verify(),
    ]);
    for (const result of failed) {
      expect(result.status === 'rejected' && result.reason).toEqual(bad('ERR_STT_CHAMBER_STORE', /within 200 ms/));
    }
    const waiting = patient.commit([put('x', '1')]);
    await server.start();
    expect(await waiting).toBe(-1);
    expect(await chamber.retrieveKey('a')).toEqual(Uint8Array.of(1));
    await chamber.storeKey('b', Uint8Array.of(3));
  });

  it('lets every operation fail within its time while it hangs, and says what is in doubt', async () => {
    const server = await serve();
    const { socketPath } = server;
    const store = await open({ socketPath, timeout: 200 });
    await store.commit([put('a', '1')]);
    await server.signal('SIGSTOP');
    await expect(store.get(text('a'))).rejects.toEqual(bad('ERR_STT_CHAMBER_STORE', /no answer, within 200 ms/));
    await expect(store.commit([put('a', '2')])).rejects.toEqual(bad('ERR_STT_CHAMBER_STORE'));
    await expect(RedisStore.open({ socketPath, timeout: 200 })).rejects.toEqual(bad('ERR_STT_CHAMBER_STORE'));
    const another = store.get(text('a'));
    another.catch(() => {});
    await store.close();
    await expect(another).rejects.toEqual(bad('ERR_STT_CHAMBER_STORE'));
    await expect(store.get(text('a'))).rejects.toEqual(bad('ERR_STT_CHAMBER_CLOSED'));
    await server.signal('SIGCONT');
    expect(await (await open({ socketPath })).commit([put('a', '3')])).toBe(-1);
  });

  it('whose answer is lost with the connection has a write done once', async () => {
    const proxy = await through(await serve());
    const store = await open({ url: `redis://127.0.0.1:${proxy.port}` });
    await store.commit([put('warm', 'up')]);
    for (let i = 0; i < 5; i++) {
      const name = text(`n${i}`);
      const lost = proxy.loseAnswer();
      const done = store.commit([{ name, record: text('mine') }], [{ name, begins: undefined }]);
      await lost;
      // Done a second time, it would find its own record and fail.
      expect(await done).toBe(-1);
      expect(await store.commit([{ name, record: text('new') }], [{ name, begins: undefined }])).toBe(0);
    }
    expect(proxy.connections).toBe(6);
  });

  it('loses no update and makes none twice while connections break again and again', async () => {
    const proxy = await through(await serve());
    const holder = freshHolder();
    const url = `redis://127.0.0.1:${proxy.port}`;
    const chambers = await Promise.all(
      [0, 1, 2].map(async () => Chamber.open({ ...holder, store: await open({ url, timeout: 30_000 }) })),
    );
    void (async () => {
      for (let i = 0; ; i++) await proxy.loseAnswer(4 + (i % 5));
    })();
    await Promise.all(
      chambers.map(async (chamber) => {
        for (let i = 0; i < 25; i++) {
          await chamber.updateSession('counter', (old) => ({ n: Number(old?.['n'] ?? 0) + 1 }));
        }
      }),
    );
    expect(await chambers[1]!.retrieveSession('counter')).toEqual({ n: 75 });
    expect(proxy.connections).toBeGreaterThan(10);
  });

  it('that gets a write long after it was given up does not put it over a later one', async () => {
    const proxy = await through(await serve());
    const store = await open({ url: `redis://127.0.0.1:${proxy.port}`, timeout: 300 });
    await store.commit([put('k', 'before')]);
    const release = proxy.hold();
    await expect(store.commit([put('k', 'given up')])).rejects.toEqual(
      bad('ERR_STT_CHAMBER_STORE', /not known whether the write was done/),
    );
    expect(await store.commit([put('k', 'later')])).toBe(-1);
    await release();
    expect(await store.get(text('k'))).toEqual(text('later'));
  });

  it('without memory for a write says so, keeps what it has, and takes deletions', async () => {
    const server = await serve('--maxmemory', '16mb', '--maxmemory-policy', 'noeviction');
    const chamber = await Chamber.open({ ...freshHolder(), store: await open({ socketPath: server.socketPath }) });
    await chamber.storeKey('small', Uint8Array.of(1));
    const stored: string[] = [];
    let error: unknown;
    for (let i = 0; i < 100 && error === undefined; i++) {
      const id = `large ${i}`;
      await chamber.storeKey(id, new Uint8Array(500_000).fill(i)).then(
        () => stored.push(id),
        (reason: unknown) => (error = reason),
      );
    }
    expect(error).toEqual(bad('ERR_STT_CHAMBER_FULL'));
    expect(stored.length).toBeGreaterThan(5);
    expect(await chamber.verify()).toEqual({ records: stored.length + 1, damaged: 0 });
    for (const id of stored.splice(0, 5)) expect(await chamber.deleteKey(id)).toBe(true);
    await chamber.storeKey('small', Uint8Array.of(2));
    expect(await chamber.verify()).toEqual({ records: stored.length + 1, damaged: 0 });
  });

  it('that would delete chambers to make room is refused', async () => {
    for (const policy of ['allkeys-lru', 'volatile-ttl']) {
      const { socketPath } = await serve('--maxmemory', '64mb', '--maxmemory-policy', policy);
      await expect(RedisStore.open({ socketPath })).rejects.toEqual(bad('ERR_STT_CHAMBER_STORE', /noeviction/));
    }
  });

  it('that takes no writes, being a replica, fails writes within their time and gives what it has', async () => {
    const { socketPath } = await serve('--replicaof', '127.0.0.1 1');
    const store = await open({ socketPath, timeout: 300 });
    expect(await store.get(text('a'))).toBeUndefined();
    await expect(store.commit([put('a', '1')])).rejects.toEqual(
      bad('ERR_STT_CHAMBER_STORE', /READONLY(?!.*not known)/),
    );
  });

  it('that is killed has every write that was confirmed, and no batch by half', async () => {
    const server = await RedisServer.startDurable();
    ending.push(() => server.remove());
    const chamber = await Chamber.open({
      ...freshHolder(),
      store: await open({ socketPath: server.socketPath, timeout: 30_000 }),
    });
    const confirmed = [0, 0, 0, 0];
    let isOver = false;
    const writers = confirmed.map(async (_, w) => {
      for (let i = 1; !isOver; i++) {
        await chamber.batch().storeSession(`left ${w}`, { i }).storeSession(`right ${w}`, { i }).write();
        confirmed[w] = i;
      }
    });
    for (let round = 1; round <= 4; round++) {
      while (confirmed[0]! < round * 10) await new Promise((resolve) => setImmediate(resolve));
      await server.signal('SIGKILL');
      await server.start();
    }
    isOver = true;
    await Promise.all(writers);
    await server.signal('SIGKILL');
    await server.start();
    for (const w of confirmed.keys()) {
      expect(await chamber.retrieveSession(`left ${w}`)).toEqual({ i: confirmed[w] });
      expect(await chamber.retrieveSession(`right ${w}`)).toEqual({ i: confirmed[w] });
    }
    expect((await chamber.verify()).damaged).toBe(0);
  });
});
