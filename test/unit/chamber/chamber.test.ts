import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { STCWrapper } from '../../../lib/index.js';
import { Chamber, MemoryStore, type ChamberStore, type SttValue } from '../../../lib/index.js';
import { collect, entriesOf, freshHolder, memoryChamber } from '../../support/chambers.js';

const KEY = 1;
const bad = (code: string) => expect.objectContaining({ name: 'STTChamberError', code }) as Error;

describe('a chamber', () => {
  it('gives back what was stored, under ids of keys and sessions apart from each other', async () => {
    const { chamber, store, stc, nodeId } = await memoryChamber();
    await chamber.storeKey('a', Uint8Array.of(1, 2));
    await chamber.storeKey('empty', new Uint8Array(0));
    await chamber.storeSession('a', { peer: Uint8Array.of(9), at: 12n ** 15n, list: [1.5, null, 'x'] });
    await chamber.close();
    const again = await Chamber.open({ store, stc, nodeId });
    expect(await again.retrieveKey('a')).toEqual(Uint8Array.of(1, 2));
    expect(await again.retrieveKey('empty')).toEqual(new Uint8Array(0));
    expect(await again.retrieveKey('b')).toBeUndefined();
    expect(await again.retrieveSession('a')).toEqual({
      peer: Uint8Array.of(9),
      at: 12n ** 15n,
      list: [1.5, null, 'x'],
    });
    expect([await again.deleteKey('a'), await again.deleteKey('a')]).toEqual([true, false]);
    expect(await again.retrieveKey('a')).toBeUndefined();
    expect(await again.retrieveSession('a')).toBeDefined();
    expect(await again.deleteSession('a')).toBe(true);
  });

  it('keeps any dictionary that can be serialized', async () => {
    const { chamber } = await memoryChamber();
    const leaf = fc.oneof(
      fc.constant(null),
      fc.boolean(),
      fc.integer(),
      fc.string({ unit: 'grapheme' }),
      fc.uint8Array(),
    );
    const dict = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.oneof(leaf, fc.array(leaf)), {
      noNullPrototype: true,
    });
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', minLength: 1 }), dict, async (id, value) => {
        await chamber.storeSession(id, value);
        expect(await chamber.retrieveSession(id)).toEqual(value);
      }),
    );
  });

  it('takes ids of any text, in hostile forms, and shows none of them to the store', async () => {
    const { chamber, store } = await memoryChamber();
    const ids = [
      '../x',
      '/etc/passwd',
      'a\0b',
      'CON',
      'nul.txt',
      'Twin',
      'twin',
      '__proto__',
      '\ufeffbom',
      'é',
      'e\u0301',
    ];
    ids.push('x'.repeat(10_000), '\u{1f512}'.repeat(4096));
    for (const [i, id] of ids.entries()) await chamber.storeKey(id, Uint8Array.of(i));
    for (const [i, id] of ids.entries()) expect(await chamber.retrieveKey(id)).toEqual(Uint8Array.of(i));
    expect((await collect(chamber.listKeys())).toSorted()).toEqual(ids.toSorted());
    const everything = Buffer.concat(
      (await store.scan(new Uint8Array(0), undefined, 1000)).flatMap((e) => [e.name, e.record]),
    );
    for (const id of ['../x', '/etc/passwd', '__proto__', 'nul.txt']) expect(everything.includes(id)).toBe(false);
  });

  it('refuses ids that are empty, too long, half a character or no strings, and loses nothing', async () => {
    const { chamber } = await memoryChamber();
    await chamber.storeKey('a', Uint8Array.of(1));
    for (const id of [
      '',
      'x'.repeat(16_385),
      'é'.repeat(8193),
      '\ud800',
      'a\udc00b',
      1,
      null,
      undefined,
      {},
      Symbol('x'),
    ]) {
      const wrong = id as string;
      await expect(chamber.storeKey(wrong, Uint8Array.of(1))).rejects.toEqual(bad('ERR_STT_CHAMBER_ID'));
      await expect(chamber.retrieveKey(wrong)).rejects.toEqual(bad('ERR_STT_CHAMBER_ID'));
      await expect(chamber.storeSession(wrong, {})).rejects.toEqual(bad('ERR_STT_CHAMBER_ID'));
      await expect(chamber.deleteSession(wrong)).rejects.toEqual(bad('ERR_STT_CHAMBER_ID'));
      expect(() => chamber.batch().storeKey(wrong, Uint8Array.of(1))).toThrow(bad('ERR_STT_CHAMBER_ID'));
    }
    expect(await collect(chamber.listKeys())).toEqual(['a']);
  });

  it('refuses values that are too large or cannot be serialized, naming the record', async () => {
    const { chamber } = await memoryChamber();
    await chamber.storeKey('a', Uint8Array.of(1));
    await chamber.storeSession('a', { old: true });
    const largest = randomBytes(16 * 1_048_576);
    await chamber.storeKey('largest', largest);
    expect(largest.equals((await chamber.retrieveKey('largest'))!)).toBe(true);
    for (const key of [new Uint8Array(16 * 1_048_576 + 1), 'text', null, undefined, [1], {}]) {
      const rejected = expect(chamber.storeKey('a', key as Uint8Array)).rejects;
      await rejected.toEqual(bad('ERR_STT_CHAMBER_VALUE'));
      await expect(chamber.storeKey('a', key as Uint8Array)).rejects.toThrow('key "a"');
    }
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    const values = [
      [],
      null,
      undefined,
      'x',
      new Uint8Array(1),
      { f: () => 1 },
      { u: undefined },
      { d: new Date() },
      cycle,
    ];
    for (const value of [...values, { big: 2n ** 64n }, { long: new Uint8Array(16 * 1_048_576) }]) {
      const session = value as Record<string, SttValue>;
      await expect(chamber.storeSession('a', session)).rejects.toEqual(bad('ERR_STT_CHAMBER_VALUE'));
      await expect(chamber.storeSession('a', session)).rejects.toThrow('session "a"');
    }
    expect(await chamber.retrieveKey('a')).toEqual(Uint8Array.of(1));
    expect(await chamber.retrieveSession('a')).toEqual({ old: true });
  });

  it('refuses another seed and another node id, and changes nothing', async () => {
    const { chamber, store, stc, nodeId } = await memoryChamber();
    await chamber.storeKey('a', Uint8Array.of(1));
    const before = await store.scan(new Uint8Array(0), undefined, 100);
    const other = freshHolder();
    for (const holder of [{ stc, nodeId: other.nodeId }, { stc: other.stc, nodeId }, other]) {
      await expect(Chamber.open({ ...holder, store })).rejects.toEqual(bad('ERR_STT_CHAMBER_FOREIGN'));
    }
    expect(await store.scan(new Uint8Array(0), undefined, 100)).toEqual(before);
    expect(await chamber.retrieveKey('a')).toEqual(Uint8Array.of(1));
  });

  it('refuses a store with something else in it, and one of a newer version', async () => {
    const holder = freshHolder();
    const store = new MemoryStore();
    await expect(Chamber.open({ ...holder, store, create: false })).rejects.toEqual(bad('ERR_STT_CHAMBER_FORMAT'));
    await expect(Chamber.open({ ...holder, store, readOnly: true })).rejects.toEqual(bad('ERR_STT_CHAMBER_FORMAT'));
    await store.commit([{ name: Uint8Array.of(9), record: Uint8Array.of(9) }]);
    await expect(Chamber.open({ ...holder, store })).rejects.toEqual(bad('ERR_STT_CHAMBER_FORMAT'));
    const good = await memoryChamber();
    const metas = await entriesOf(good.store, 0);
    await good.store.commit(metas.map(({ name, record }) => ({ name, record: record.with(8, 2) })));
    await expect(Chamber.open(optionsOf(good))).rejects.toEqual(bad('ERR_STT_CHAMBER_VERSION'));
  });

  it('is one and the same for all that make it at the same time, whoever is faster at any moment', async () => {
    const holder = freshHolder();
    for (let moment = 0; moment < 5; moment++) {
      const inner = new MemoryStore();
      let left = moment;
      /** Another one makes the chamber before this one's next call. */
      const overtaken = async (): Promise<void> => {
        if (left-- === 0) await (await Chamber.open({ ...holder, store: inner })).storeKey('a', Uint8Array.of(1));
      };
      const store: ChamberStore = {
        label: 'overtaken',
        get: async (name) => (await overtaken(), inner.get(name)),
        commit: async (...args) => (await overtaken(), inner.commit(...args)),
        scan: async (...args) => (await overtaken(), inner.scan(...args)),
        stats: () => inner.stats(),
        close: () => inner.close(),
      };
      const chamber = await Chamber.open({ ...holder, store });
      if (left < 0) expect(await chamber.retrieveKey('a')).toEqual(Uint8Array.of(1));
      expect((await inner.scan(Uint8Array.of(0), undefined, 9)).length).toBe(2);
    }
  });

  it('refuses wrong options, suggesting the right name', async () => {
    const { stc, nodeId } = freshHolder();
    const store = new MemoryStore();
    const open = (options: object) => Chamber.open(options as Parameters<typeof Chamber.open>[0]);
    await expect(open({ stc, nodeID: nodeId, store })).rejects.toThrow('`nodeId`');
    for (const wrong of [
      { stc, nodeId },
      { stc, nodeId, store, path: 'x' },
      { stc, nodeId: nodeId.subarray(1), store },
      { nodeId, store },
    ]) {
      await expect(open(wrong)).rejects.toMatchObject({ code: 'ERR_STT_OPTION_RANGE' });
    }
  });

  it('does nothing after it was closed', async () => {
    const { chamber } = await memoryChamber();
    await chamber.close();
    await chamber.close();
    const calls = [
      chamber.storeKey('a', Uint8Array.of(1)),
      chamber.retrieveKey('a'),
      chamber.getStats(),
      collect(chamber.listKeys()),
    ];
    for (const call of calls) await expect(call).rejects.toEqual(bad('ERR_STT_CHAMBER_CLOSED'));
  });

  it('writes nothing when opened for reading', async () => {
    const made = await memoryChamber();
    await made.chamber.storeKey('a', Uint8Array.of(1));
    const reader = await Chamber.open({ ...optionsOf(made), readOnly: true });
    await expect(reader.storeKey('a', Uint8Array.of(2))).rejects.toEqual(bad('ERR_STT_CHAMBER_STORE'));
    expect(await reader.retrieveKey('a')).toEqual(Uint8Array.of(1));
  });
});

describe('listing', () => {
  it('gives every id once, in an order that stays, or sorted within a bound', async () => {
    const { chamber } = await memoryChamber();
    const ids = Array.from({ length: 600 }, (_, i) => `id ${i}`);
    const batch = chamber.batch();
    for (const id of ids) batch.storeKey(id, Uint8Array.of(1));
    await batch.write();
    const first = await collect(chamber.listKeys());
    expect(first).not.toEqual(ids);
    expect(await collect(chamber.listKeys())).toEqual(first);
    expect(await collect(chamber.listKeys({ sorted: true }))).toEqual(ids.toSorted());
    expect(await collect(chamber.listKeys({ sorted: true, maxSorted: 600 }))).toHaveLength(600);
    await expect(collect(chamber.listKeys({ sorted: true, maxSorted: 599 }))).rejects.toMatchObject({
      code: 'ERR_STT_OPTION_RANGE',
    });
    expect(await collect(chamber.listSessions())).toEqual([]);
  });
});

describe('damage', () => {
  it('of a value names the id, of an id the hash; other records are still readable', async () => {
    const { chamber, store } = await memoryChamber();
    for (const id of ['a', 'b', 'c']) await chamber.storeKey(id, Buffer.from(`value of ${id}`));
    const entries = await entriesOf(store, KEY);
    let [ofValue, ofId] = [0, 0];
    const { name, record } = entries[1]!;
    const [damagedId] = await idsOf(chamber, store, [name]);
    for (let at = 0; at < record.length; at++) {
      await store.commit([{ name, record: flipped(record, at) }]);
      const read = await chamber.retrieveKey(damagedId!).catch((error: Error) => error);
      const damage: Error[] = [];
      const listed = await collect(chamber.listKeys({ onDamaged: (error) => damage.push(error) }));
      const error = read instanceof Error ? read : damage[0]!;
      expect(['ERR_STT_CHAMBER_DAMAGED', 'ERR_STT_CHAMBER_VERSION']).toContain((error as { code?: string }).code);
      if (read instanceof Error) {
        ofValue++;
        expect(read.message).toContain(`"${damagedId}"`);
      }
      if (damage.length > 0) {
        ofId++;
        expect(damage[0]!.message).toContain(Buffer.from(name.subarray(5)).toString('hex'));
        await expect(collect(chamber.listKeys())).rejects.toEqual(damage[0]);
      }
      expect(listed).toHaveLength(damage.length > 0 ? 2 : 3);
      expect((await chamber.verify()).damaged).toBe(1);
      for (const id of ['a', 'b', 'c']) {
        if (id !== damagedId) expect(Buffer.from((await chamber.retrieveKey(id))!).toString()).toBe(`value of ${id}`);
      }
    }
    expect(ofValue).toBeGreaterThan(30);
    expect(ofId).toBeGreaterThan(30);
    await store.commit([{ name, record }]);
    expect(await chamber.verify()).toEqual({ records: 3, damaged: 0 });
  });

  it('is what swapped, renamed and truncated records are, and those of another chamber or kind', async () => {
    const { chamber, store, stc, nodeId } = await memoryChamber();
    await chamber.storeKey('a', Uint8Array.of(1));
    await chamber.storeKey('b', Uint8Array.of(2));
    await chamber.storeSession('a', { s: 1 });
    const [first, second] = await entriesOf(store, KEY);
    const [session] = await entriesOf(store, 2);
    const otherStore = new MemoryStore();
    const other = await Chamber.open({ stc, nodeId, store: otherStore });
    await other.storeKey('a', Uint8Array.of(3));
    const [foreign] = await entriesOf(otherStore, KEY);
    const names = await idsOf(chamber, store, [first!.name]);
    for (const record of [
      second!.record,
      session!.record,
      foreign!.record,
      first!.record.subarray(0, -1),
      Uint8Array.of(1),
      Uint8Array.of(1, 2, 3),
    ]) {
      await store.commit([{ name: first!.name, record }]);
      await expect(chamber.retrieveKey(names[0]!)).rejects.toEqual(bad('ERR_STT_CHAMBER_DAMAGED'));
      expect(await chamber.verify()).toEqual({ records: 2, damaged: 1 });
      expect(await chamber.retrieveSession('a')).toEqual({ s: 1 });
    }
    await store.commit([first!, { name: foreign!.name, record: foreign!.record }]);
    expect((await chamber.verify()).damaged).toBe(1);
    await expect(collect(chamber.listKeys())).rejects.toEqual(bad('ERR_STT_CHAMBER_DAMAGED'));
  });

  it('of one copy of the meta record is repaired, of both refused', async () => {
    const made = await memoryChamber();
    await made.chamber.storeKey('a', Uint8Array.of(1));
    const metas = await entriesOf(made.store, 0);
    for (const { name, record } of metas) {
      for (let at = 0; at < record.length; at++) {
        if (at === 8) continue;
        await made.store.commit([{ name, record: flipped(record, at) }]);
        const chamber = await Chamber.open(optionsOf(made));
        expect(await chamber.retrieveKey('a')).toEqual(Uint8Array.of(1));
        expect((await entriesOf(made.store, 0)).map((e) => e.record)).toEqual([record, record]);
      }
    }
    await made.store.commit(metas.map(({ name, record }) => ({ name, record: flipped(record, 0) })));
    await expect(Chamber.open(optionsOf(made))).rejects.toEqual(bad('ERR_STT_CHAMBER_FORMAT'));
  });
});

describe('batches and updates', () => {
  it('write all of a batch or nothing', async () => {
    const { chamber } = await memoryChamber();
    await chamber.storeKey('old', Uint8Array.of(1));
    await chamber.batch().storeKey('a', Uint8Array.of(1)).storeSession('s', { x: 1 }).deleteKey('old').write();
    expect([await collect(chamber.listKeys()), await collect(chamber.listSessions())]).toEqual([['a'], ['s']]);
    const batch = chamber
      .batch()
      .storeKey('b', new Uint8Array(16 * 1_048_576 + 1))
      .deleteKey('a');
    await expect(batch.write()).rejects.toEqual(bad('ERR_STT_CHAMBER_VALUE'));
    expect(await collect(chamber.listKeys())).toEqual(['a']);
    expect(batch.size).toBe(0);
    await batch.write();
  });

  it('lose no update of several writers', async () => {
    const made = await memoryChamber();
    const chambers = await Promise.all(Array.from({ length: 4 }, () => Chamber.open(optionsOf(made))));
    const increment = (chamber: Chamber) =>
      chamber.updateSession('counter', (old) => ({ n: ((old?.['n'] as number | undefined) ?? 0) + 1 }));
    await Promise.all(chambers.flatMap((chamber) => Array.from({ length: 5 }, () => increment(chamber))));
    expect(await made.chamber.retrieveSession('counter')).toEqual({ n: 20 });
    expect(await made.chamber.updateKey('k', () => Uint8Array.of(5))).toEqual(Uint8Array.of(5));
    expect(await made.chamber.updateKey('k', () => undefined)).toBeUndefined();
    expect(await made.chamber.retrieveKey('k')).toBeUndefined();
  });

  it('give up an update that others always overtake', async () => {
    const made = await memoryChamber();
    await made.chamber.storeKey('k', Uint8Array.of(0));
    const inner = made.store;
    const racing: ChamberStore = {
      label: 'racing',
      get: async (name) => {
        const record = await inner.get(name);
        if (name[0] === KEY) await made.chamber.storeKey('k', Uint8Array.of(1));
        return record;
      },
      commit: (...args) => inner.commit(...args),
      scan: (...args) => inner.scan(...args),
      stats: () => inner.stats(),
      close: async () => {},
    };
    const { stc, nodeId } = made;
    const chamber = await Chamber.open({ stc, nodeId, store: racing });
    await expect(chamber.updateKey('k', () => Uint8Array.of(9))).rejects.toEqual(bad('ERR_STT_CHAMBER_CONFLICT'));
    expect(await made.chamber.retrieveKey('k')).toEqual(Uint8Array.of(1));
  });

  it('count reads, writes, commits and damage', async () => {
    const { chamber, store } = await memoryChamber();
    await chamber.batch().storeKey('a', Uint8Array.of(1)).storeKey('b', Uint8Array.of(1)).write();
    await chamber.retrieveKey('a');
    const [{ name, record }] = (await entriesOf(store, KEY)) as [{ name: Uint8Array; record: Uint8Array }];
    await store.commit([{ name, record: flipped(record, record.length - 1) }]);
    await Promise.allSettled([chamber.retrieveKey('a'), chamber.retrieveKey('b')]);
    const { store: stored, ...counts } = await chamber.getStats();
    expect(counts).toEqual({ reads: 3, writes: 2, commits: 1, damaged: 1 });
    expect(stored.entries).toBe(4);
  });
});

function optionsOf({ stc, nodeId, store }: { stc: STCWrapper; nodeId: Uint8Array; store: ChamberStore }) {
  return { stc, nodeId, store };
}

function flipped(octets: Uint8Array, at: number): Uint8Array {
  return Uint8Array.from(octets).with(at, octets[at]! ^ 0x10);
}

/** Ids of records, found by taking each away. */
async function idsOf(chamber: Chamber, store: ChamberStore, names: readonly Uint8Array[]): Promise<string[]> {
  const ids: string[] = [];
  for (const name of names) {
    const record = (await store.get(name))!;
    const before = await collect(chamber.listKeys());
    await store.commit([{ name, record: undefined }]);
    const after = await collect(chamber.listKeys());
    await store.commit([{ name, record }]);
    ids.push(before.find((id) => !after.includes(id))!);
  }
  return ids;
}
