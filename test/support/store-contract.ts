import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { compareOctets, type ChamberStore, type StoreOperation } from '../../lib/chamber/store.js';
import { text } from './crypto-providers.js';

/** A store under test: `open` gives further handles of one and the same. */
export interface StoreUnderTest {
  open(): Promise<ChamberStore>;
  /** Called after everything that `open` gave was closed. */
  remove?(): Promise<void>;
}

const NOTHING = new Uint8Array(0);
const put = (name: string, record: string): StoreOperation => ({ name: text(name), record: text(record) });
const remove = (name: string): StoreOperation => ({ name: text(name), record: undefined });

/** What every store of a chamber does; skipped where `missing` says why it cannot be had. */
export function describeStore(
  name: string,
  make: () => Promise<StoreUnderTest>,
  { runs = 20, missing }: { readonly runs?: number; readonly missing?: string | undefined } = {},
): void {
  const withStore = async (test: (store: ChamberStore, again: () => Promise<ChamberStore>) => Promise<void>) => {
    const made = await make();
    const opened: ChamberStore[] = [];
    const open = async (): Promise<ChamberStore> => {
      const store = await made.open();
      opened.push(store);
      return store;
    };
    try {
      await test(await open(), open);
    } finally {
      for (const store of opened) await store.close();
      await made.remove?.();
    }
  };
  const all = async (store: ChamberStore, prefix: Uint8Array = NOTHING, limit = 3): Promise<string[]> => {
    const found: string[] = [];
    for (let after: Uint8Array | undefined; ;) {
      const page = await store.scan(prefix, after, limit);
      if (page.length === 0) return found;
      expect(page.length).toBeLessThanOrEqual(limit);
      for (const entry of page) found.push(`${Buffer.from(entry.name)}=${Buffer.from(entry.record)}`);
      after = page.at(-1)!.name;
    }
  };

  describe.skipIf(missing !== undefined)(`the store ${name}${missing === undefined ? '' : ` (${missing})`}`, () => {
    it('gives back what was put, and nothing after it was deleted', () =>
      withStore(async (store) => {
        expect(await store.get(text('a'))).toBeUndefined();
        expect(await store.commit([put('a', '1'), put('b', '2')])).toBe(-1);
        expect(await store.get(text('a'))).toEqual(text('1'));
        expect(await store.commit([put('a', '3'), remove('b'), remove('never there')])).toBe(-1);
        expect([await store.get(text('a')), await store.get(text('b'))]).toEqual([text('3'), undefined]);
      }));

    it('changes nothing unless all conditions hold, and names the first that does not', () =>
      withStore(async (store) => {
        await store.commit([put('a', 'one')]);
        const holds = { name: text('a'), begins: text('on') };
        const absent = { name: text('b'), begins: undefined };
        const refuse = async (...conditions: { name: Uint8Array; begins: Uint8Array | undefined }[]) =>
          store.commit([put('a', 'two'), put('b', 'two')], conditions);
        expect(await refuse(holds, { name: text('a'), begins: text('two') })).toBe(1);
        expect(await refuse({ name: text('a'), begins: text('one more') })).toBe(0);
        expect(await refuse(holds, absent, { name: text('a'), begins: undefined })).toBe(2);
        expect(await refuse({ name: text('b'), begins: NOTHING })).toBe(0);
        expect(await all(store)).toEqual(['a=one']);
        expect(await refuse(holds, absent, { name: text('a'), begins: NOTHING })).toBe(-1);
        expect(await all(store)).toEqual(['a=two', 'b=two']);
      }));

    it('lists by prefix, page by page, in the order of octets', () =>
      withStore(async (store) => {
        const names = [[0, 0], [0, 255], [1], [1, 0], [1, 0, 0], [1, 1], [1, 128], [1, 255], [2], [255, 255]];
        const operations = names.map((name) => ({ name: Uint8Array.from(name), record: Uint8Array.of(7) }));
        await store.commit(operations.toReversed());
        const scanned = await store.scan(Uint8Array.of(1), Uint8Array.of(1, 0), 100);
        expect(scanned.map((entry) => [...entry.name])).toEqual([
          [1, 0, 0],
          [1, 1],
          [1, 128],
          [1, 255],
        ]);
        const everything = await store.scan(NOTHING, undefined, 100);
        expect(everything.map((entry) => [...entry.name])).toEqual(names);
        expect(await store.scan(Uint8Array.of(255), undefined, 5)).toHaveLength(1);
        expect(await store.scan(Uint8Array.of(3), undefined, 5)).toEqual([]);
      }));

    it('takes records of 17 MiB and names of 64 octets, of any octets', () =>
      withStore(async (store) => {
        const record = new Uint8Array(17 * 1_048_576).map((_, i) => i * 7);
        const long = new Uint8Array(64).fill(255);
        expect(await store.commit([{ name: long, record }])).toBe(-1);
        const back = await store.get(long);
        expect(back?.length).toBe(record.length);
        expect(Buffer.from(back!).equals(record)).toBe(true);
      }));

    it('does what is asked for at once in the order it was asked for, small and large, and closes after it', () =>
      withStore(async (store, open) => {
        const large = 300_000;
        const commits: Promise<number>[] = [];
        for (let i = 0; i < 60; i++) {
          const operations: StoreOperation[] = [put('last', `${i}`), put(`own ${i % 7}`, `${i}`)];
          if (i % 5 === 1) operations.push({ name: text(`large ${i % 2}`), record: new Uint8Array(large).fill(i) });
          commits.push(store.commit(operations, i === 40 ? [{ name: text('last'), begins: text('39') }] : []));
        }
        await store.close();
        expect(await Promise.all(commits)).toEqual(commits.map(() => -1));
        const again = await open();
        expect(await again.get(text('last'))).toEqual(text('59'));
        expect(await all(again, text('own'))).toEqual([56, 57, 58, 59, 53, 54, 55].map((i) => `own ${i % 7}=${i}`));
        for (const i of [51, 56]) {
          const record = (await again.get(text(`large ${i % 2}`)))!;
          expect([record.length, record.every((octet) => octet === i)]).toEqual([large, true]);
        }
      }));

    it('shows one handle what another has done, and lets one of two win', () =>
      withStore(async (one, open) => {
        const two = await open();
        await one.commit([put('a', '1')]);
        expect(await two.get(text('a'))).toEqual(text('1'));
        const begins = text('1');
        const results = await Promise.all(
          [one, two, one, two].map((store, i) => store.commit([put('a', `2${i}`)], [{ name: text('a'), begins }])),
        );
        expect(results.toSorted()).toEqual([-1, 0, 0, 0]);
      }));

    it('keeps nothing of the caller and gives nothing away that it changes', () =>
      withStore(async (store) => {
        const [key, record] = [Buffer.from('a'), Buffer.from('1')];
        await store.commit([{ name: key, record }]);
        record.fill(0);
        key.fill(0);
        const given = (await store.get(text('a')))!;
        expect(given).toEqual(text('1'));
        given.fill(0);
        await store.commit([put('a', '2')]);
        expect([...given]).toEqual([0]);
        expect(await store.get(text('a'))).toEqual(text('2'));
      }));

    it('counts its entries', () =>
      withStore(async (store) => {
        await store.commit([put('a', '1'), put('b', '1')]);
        await store.commit([put('a', '2')]);
        expect((await store.stats()).entries).toBe(2);
      }));

    it('behaves as a sorted map does', () =>
      withStore(async (store) => {
        const octets = fc.uint8Array({ minLength: 1, maxLength: 3 }).map((raw) => raw.map((octet) => octet & 3));
        const operation = fc.record({ name: octets, record: fc.option(octets, { nil: undefined }) });
        const condition = fc.record({
          name: octets,
          begins: fc.option(fc.uint8Array({ maxLength: 1, max: 3 }), { nil: undefined }),
        });
        const step = fc.record({
          operations: fc.array(operation, { maxLength: 4 }),
          conditions: fc.array(condition, { maxLength: 2 }),
        });
        await fc.assert(
          fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
            const model = new Map<string, Uint8Array>();
            await store.commit(
              (await store.scan(NOTHING, undefined, 10_000)).map(({ name: n }) => ({ name: n, record: undefined })),
            );
            for (const { operations, conditions } of steps) {
              const failed = conditions.findIndex(({ name: n, begins }) => {
                const record = model.get(String(n));
                if (begins === undefined || record === undefined) return begins !== record;
                return compareOctets(record.subarray(0, begins.length), begins) !== 0;
              });
              expect(await store.commit(operations, conditions)).toBe(failed);
              if (failed >= 0) continue;
              for (const { name: n, record } of operations) {
                if (record === undefined) model.delete(String(n));
                else model.set(String(n), record);
              }
            }
            const expected = [...model]
              .map(([n, record]) => ({ name: Uint8Array.from(n.split(','), Number), record }))
              .sort((a, b) => compareOctets(a.name, b.name));
            expect(
              (await store.scan(NOTHING, undefined, 10_000)).map(({ name: n, record }) => ({ name: n, record })),
            ).toEqual(expected);
          }),
          { numRuns: runs },
        );
      }));
  });
}
