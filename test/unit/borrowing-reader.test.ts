import { afterEach, describe, expect, it, vi } from 'vitest';

async function load(poison: string | undefined) {
  vi.resetModules();
  vi.stubEnv('STT_POISON_BORROWED', poison);
  return (await import('../../lib/api/borrowing-reader.js')).BorrowingReader;
}

const host = { onReady: () => {}, onFailure: () => {} };
afterEach(() => vi.unstubAllEnvs());

describe('memory lent by the borrowing reader', () => {
  it('is handed over without a copy, and left alone afterwards', async () => {
    const Reader = await load(undefined);
    const bytes = new Uint8Array([1, 2, 3, 4, 5]);
    let kept: Buffer | undefined;
    new Reader((chunk) => void (kept = chunk), host).take(bytes, 1, 4);
    expect([...kept!]).toEqual([2, 3, 4]);
    expect(kept!.buffer).toBe(bytes.buffer);
  });

  it('is overwritten after the call where STT_POISON_BORROWED is 1, and nothing beside it', async () => {
    const Reader = await load('1');
    const bytes = new Uint8Array([1, 2, 3, 4, 5]);
    let kept: Buffer | undefined;
    let seen: number[] = [];
    const reader = new Reader((chunk) => {
      kept = chunk;
      seen = [...chunk];
    }, host);
    reader.take(bytes, 1, 4);
    expect(seen).toEqual([2, 3, 4]);
    expect([...kept!]).toEqual([0xdb, 0xdb, 0xdb]);
    expect([...bytes]).toEqual([1, 0xdb, 0xdb, 0xdb, 5]);
  });
});
