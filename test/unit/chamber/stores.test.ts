import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LmdbStore, MemoryStore } from '../../../lib/index.js';
import { describeChamber } from '../../support/chamber-contract.js';
import { describeStore, type StoreUnderTest } from '../../support/store-contract.js';

async function inMemory(): Promise<StoreUnderTest> {
  const store = new MemoryStore();
  return { open: async () => store };
}

async function onLmdb(): Promise<StoreUnderTest> {
  const path = await mkdtemp(join(tmpdir(), 'stt-test-'));
  return {
    open: () => LmdbStore.open(path),
    remove: () => rm(path, { recursive: true }),
  };
}

describeStore('in memory', inMemory);
describeChamber('a store in memory', inMemory);
describeStore('LMDB', onLmdb);
describeChamber('LMDB', onLmdb);
