import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LmdbStore, MemoryStore } from '../../../lib/index.js';
import { describeStore } from '../../support/store-contract.js';

describeStore('in memory', async () => {
  const store = new MemoryStore();
  return { open: async () => store };
});

describeStore('LMDB', async () => {
  const path = await mkdtemp(join(tmpdir(), 'stt-test-'));
  return {
    open: () => LmdbStore.open(path),
    remove: () => rm(path, { recursive: true }),
  };
});
