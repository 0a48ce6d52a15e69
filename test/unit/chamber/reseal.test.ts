import { describe, expect, it } from 'vitest';
import { Chamber, MemoryStore, resealChamber, type ChamberStore } from '../../../lib/index.js';
import { collect, entriesOf, freshHolder, memoryChamber, type TestChamber } from '../../support/chambers.js';

const bad = (code: string) => expect.objectContaining({ name: 'STTChamberError', code }) as Error;
const RECORDS = 300;

async function filledChamber(): Promise<TestChamber> {
  const made = await memoryChamber();
  const batch = made.chamber.batch();
  for (let i = 0; i < RECORDS; i++) batch.storeKey(`k${i}`, Uint8Array.of(i & 255)).storeSession(`s${i}`, { i });
  await batch.write();
  return made;
}

async function expectFilled(chamber: Chamber): Promise<void> {
  expect(await chamber.verify()).toEqual({ records: 2 * RECORDS, damaged: 0 });
  for (let i = 0; i < RECORDS; i += 37) {
    expect(await chamber.retrieveKey(`k${i}`)).toEqual(Uint8Array.of(i & 255));
    expect(await chamber.retrieveSession(`s${i}`)).toEqual({ i });
  }
  expect((await collect(chamber.listKeys())).length).toBe(RECORDS);
}

/** The store of a process that ends before its nth commit. */
function dying(inner: ChamberStore, commits: number): ChamberStore {
  let left = commits;
  return {
    label: inner.label,
    get: (name) => inner.get(name),
    commit: (...args) => (left-- > 0 ? inner.commit(...args) : Promise.reject(new Error('killed'))),
    scan: (...args) => inner.scan(...args),
    stats: () => inner.stats(),
    close: async () => {},
  };
}

describe('resealing', () => {
  it('moves everything under the new seed, after which the old one opens nothing', async () => {
    const { chamber, store, stc, nodeId } = await filledChamber();
    const to = freshHolder();
    const from = { stc, nodeId };
    expect(await resealChamber({ store, from, to })).toEqual({ records: 2 * RECORDS, damaged: 0 });
    await expectFilled(await Chamber.open({ ...to, store }));
    await expect(Chamber.open({ ...from, store })).rejects.toEqual(bad('ERR_STT_CHAMBER_FOREIGN'));
    for (const call of [
      chamber.retrieveKey('k1'),
      chamber.storeKey('k1', Uint8Array.of(1)),
      collect(chamber.listKeys()),
    ]) {
      await expect(call).rejects.toEqual(bad('ERR_STT_CHAMBER_RESEALED'));
    }
    expect(await resealChamber({ store, from, to })).toEqual({ records: 0, damaged: 0 });
    expect((await resealChamber({ store, from: to, to: from })).records).toBe(2 * RECORDS);
    await expectFilled(await Chamber.open({ ...from, store }));
  });

  it('goes on wherever it was ended, and until then nothing opens the chamber', async () => {
    let ends = 0;
    for (let commits = 0; ; commits++) {
      const { chamber, store, stc, nodeId } = await filledChamber();
      const [from, to] = [{ stc, nodeId }, freshHolder()];
      const outcome = await resealChamber({ store: dying(store, commits), from, to }).catch((error: Error) => error);
      if (!(outcome instanceof Error)) break;
      ends++;
      if (commits > 0) {
        for (const holder of [from, to]) {
          await expect(Chamber.open({ ...holder, store })).rejects.toEqual(bad('ERR_STT_CHAMBER_RESEALED'));
        }
        await expect(chamber.storeKey('late', Uint8Array.of(1))).rejects.toEqual(bad('ERR_STT_CHAMBER_RESEALED'));
        const other = freshHolder();
        await expect(resealChamber({ store, from, to: other })).rejects.toEqual(bad('ERR_STT_CHAMBER_FOREIGN'));
        await expect(resealChamber({ store, from: other, to })).rejects.toEqual(bad('ERR_STT_CHAMBER_FOREIGN'));
      }
      await resealChamber({ store, from, to });
      await expectFilled(await Chamber.open({ ...to, store }));
    }
    // The beginning, two pages of each of two kinds, the end.
    expect(ends).toBe(6);
  });

  it('is done once by two processes at the same time', async () => {
    const { store, stc, nodeId } = await filledChamber();
    const [from, to] = [{ stc, nodeId }, freshHolder()];
    const reports = await Promise.all([1, 2, 3].map(() => resealChamber({ store, from, to })));
    expect(reports.reduce((sum, { records }) => sum + records, 0)).toBe(2 * RECORDS);
    await expectFilled(await Chamber.open({ ...to, store }));
  });

  it('leaves a damaged record where it is, and says so', async () => {
    const { store, stc, nodeId } = await filledChamber();
    const [entry] = await entriesOf(store, 1);
    const record = Uint8Array.from(entry!.record).with(40, entry!.record[40]! ^ 1);
    await store.commit([{ name: entry!.name, record }]);
    const errors: Error[] = [];
    const to = freshHolder();
    const report = await resealChamber({ store, from: { stc, nodeId }, to, onDamaged: (error) => errors.push(error) });
    expect(report).toEqual({ records: 2 * RECORDS - 1, damaged: 1 });
    expect(errors).toEqual([bad('ERR_STT_CHAMBER_DAMAGED')]);
    expect(await store.get(entry!.name)).toEqual(record);
    const chamber = await Chamber.open({ ...to, store });
    expect(await chamber.verify()).toEqual({ records: 2 * RECORDS - 1, damaged: 1 });
    expect(await collect(chamber.listKeys())).toHaveLength(RECORDS - 1);
  });

  it('refuses keys that are not the chamber’s, a store without one, and wrong options', async () => {
    const { store } = await filledChamber();
    const [from, to] = [freshHolder(), freshHolder()];
    await expect(resealChamber({ store, from, to })).rejects.toEqual(bad('ERR_STT_CHAMBER_FOREIGN'));
    await expect(resealChamber({ store: new MemoryStore(), from, to })).rejects.toEqual(bad('ERR_STT_CHAMBER_FORMAT'));
    await expect(resealChamber({ from, to })).rejects.toMatchObject({ code: 'ERR_STT_OPTION_RANGE' });
  });
});
