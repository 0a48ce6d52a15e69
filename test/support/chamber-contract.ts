import { describe, expect, it } from 'vitest';
import { Chamber, type ChamberStore } from '../../lib/index.js';
import { collect, entriesOf, freshHolder } from './chambers.js';
import type { StoreUnderTest } from './store-contract.js';

const KEY = 1;
const META = 0;
const bad = (code: string) => expect.objectContaining({ name: 'STTChamberError', code }) as Error;
const octets = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));

/** What a chamber does with bad input, whatever its store; skipped where `missing` says why that cannot be had. */
export function describeChamber(
  name: string,
  make: () => Promise<StoreUnderTest>,
  { missing }: { readonly missing?: string | undefined } = {},
): void {
  const withChamber = async (test: (made: MadeChamber) => Promise<void>): Promise<void> => {
    const made = await make();
    const stores: ChamberStore[] = [];
    const openStore = async (): Promise<ChamberStore> => {
      stores.push(await made.open());
      return stores.at(-1)!;
    };
    try {
      const [store, holder] = [await openStore(), freshHolder()];
      const chamber = await Chamber.open({ ...holder, store });
      for (const id of ['a', 'b', 'c']) await chamber.storeKey(id, octets(`value of ${id}`));
      await test({ store, chamber, open: async () => Chamber.open({ ...holder, store: await openStore() }) });
    } finally {
      for (const store of stores) await store.close();
      await made.remove?.();
    }
  };
  const expectAllOf = async (chamber: Chamber, ids = ['a', 'b', 'c']): Promise<void> => {
    for (const id of ids) expect(await chamber.retrieveKey(id)).toEqual(octets(`value of ${id}`));
  };

  describe.skipIf(missing !== undefined)(`a chamber on ${name}${missing === undefined ? '' : ` (${missing})`}`, () => {
    it('keeps ids that are paths, have NUL, 10 kB, or differ in case, each by itself, under keyed hashes', () =>
      withChamber(async ({ store, chamber }) => {
        const ids = ['../x', '/etc/passwd', 'C:\\x', 'a\0b', 'a\0', 'CON', 'NUL', 'nul.txt', 'Twin', 'twin', '.', '..'];
        ids.push('x'.repeat(10_000));
        for (const id of ids) await chamber.storeKey(id, octets(`value of ${id}`));
        await expectAllOf(chamber, ids);
        expect((await collect(chamber.listKeys())).toSorted()).toEqual([...ids, 'a', 'b', 'c'].toSorted());
        const entries = await entriesOf(store, KEY);
        // Kind, epoch, hash.
        expect(new Set(entries.map((entry) => entry.name.length))).toEqual(new Set([1 + 4 + 32]));
        const everything = Buffer.concat(entries.flatMap((entry) => [entry.name, entry.record]));
        for (const id of ids.filter(({ length }) => length > 3)) expect(everything.includes(id)).toBe(false);
      }));

    it('refuses ids that are empty, huge or no strings, and values that are too large or cannot be serialized', () =>
      withChamber(async ({ chamber }) => {
        for (const id of ['', 'x'.repeat(16_385), 7, null, undefined, {}]) {
          await expect(chamber.storeKey(id as string, octets('x'))).rejects.toEqual(bad('ERR_STT_CHAMBER_ID'));
        }
        await expect(chamber.storeKey('a', new Uint8Array(16 * 1_048_576 + 1))).rejects.toEqual(
          expect.objectContaining({ code: 'ERR_STT_CHAMBER_VALUE', message: expect.stringContaining('key "a"') }),
        );
        await expect(chamber.storeSession('s', { f: () => 1 } as never)).rejects.toEqual(
          expect.objectContaining({ code: 'ERR_STT_CHAMBER_VALUE', message: expect.stringContaining('session "s"') }),
        );
        await expectAllOf(chamber);
        expect(await collect(chamber.listSessions())).toEqual([]);
      }));

    it('names both of two records that were swapped, and gives the others', () =>
      withChamber(async ({ store, chamber }) => {
        const [one, two] = await entriesOf(store, KEY);
        await store.commit([
          { name: one!.name, record: two!.record },
          { name: two!.name, record: one!.record },
        ]);
        expect(await lostIds(chamber)).toHaveLength(2);
        expect(await chamber.verify()).toEqual({ records: 1, damaged: 2 });
        await store.commit([one!, two!]);
        await expectAllOf(chamber);
      }));

    it('names the record in which one bit is flipped, and gives the others', () =>
      withChamber(async ({ store, chamber }) => {
        const entries = await entriesOf(store, KEY);
        for (const { name, record } of entries) {
          const last = record.length - 1;
          await store.commit([{ name, record: record.with(last, record[last]! ^ 1) }]);
          expect(await lostIds(chamber)).toHaveLength(1);
          await store.commit([{ name, record }]);
        }
        await expectAllOf(chamber);
      }));

    it('does not open with another seed or another node id, and is as before', () =>
      withChamber(async ({ store, chamber, open }) => {
        const before = await store.scan(new Uint8Array(0), undefined, 100);
        const [other, another] = [freshHolder(), freshHolder()];
        for (const holder of [other, { stc: other.stc, nodeId: another.nodeId }]) {
          await expect(Chamber.open({ ...holder, store })).rejects.toEqual(bad('ERR_STT_CHAMBER_FOREIGN'));
        }
        expect(await store.scan(new Uint8Array(0), undefined, 100)).toEqual(before);
        await expectAllOf(chamber);
        await expectAllOf(await open());
      }));

    it('does not open when it is of a newer version, and is as before', () =>
      withChamber(async ({ store, open }) => {
        const metas = await entriesOf(store, META);
        await store.commit(metas.map((entry) => ({ name: entry.name, record: entry.record.with(8, 2) })));
        await expect(open()).rejects.toEqual(bad('ERR_STT_CHAMBER_VERSION'));
        await store.commit(metas);
        await expectAllOf(await open());
      }));

    it('is for a second one that has it open at the same time what it is for the first', () =>
      withChamber(async ({ chamber, open }) => {
        const second = await open();
        await expectAllOf(second);
        const count = async (writer: Chamber): Promise<void> => {
          for (let i = 0; i < 20; i++) {
            await writer.updateSession('counter', (old) => ({ n: Number(old?.['n'] ?? 0) + 1 }));
          }
        };
        await Promise.all([count(chamber), count(second)]);
        for (const either of [chamber, second]) expect(await either.retrieveSession('counter')).toEqual({ n: 40 });
        expect(await collect(second.listKeys())).toEqual(await collect(chamber.listKeys()));
      }));
  });
}

interface MadeChamber {
  readonly store: ChamberStore;
  /** With keys `a`, `b` and `c`. */
  readonly chamber: Chamber;
  /** Opens it once more. */
  open(): Promise<Chamber>;
}

/** Ids of `a`, `b`, `c` whose record is damaged, as the errors name them; the others are as they were. */
async function lostIds(chamber: Chamber): Promise<string[]> {
  const lost: string[] = [];
  for (const id of ['a', 'b', 'c']) {
    try {
      expect(await chamber.retrieveKey(id)).toEqual(octets(`value of ${id}`));
    } catch (error) {
      expect(error).toEqual(bad('ERR_STT_CHAMBER_DAMAGED'));
      expect((error as Error).message).toContain(`key "${id}"`);
      lost.push(id);
    }
  }
  return lost;
}
