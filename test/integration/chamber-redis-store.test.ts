import { afterAll, beforeAll } from 'vitest';
import { RedisStore } from '../../lib/index.js';
import { describeChamber } from '../support/chamber-contract.js';
import { NO_REDIS, RedisServer } from '../support/redis-server.js';
import { describeStore, type StoreUnderTest } from '../support/store-contract.js';

let server: RedisServer | undefined;
beforeAll(async () => {
  if (NO_REDIS === undefined) server = await RedisServer.start();
});
afterAll(() => server?.remove());

let chambers = 0;
async function onRedis(): Promise<StoreUnderTest> {
  const prefix = `chamber ${++chambers}`;
  return { open: () => RedisStore.open({ socketPath: server!.socketPath, prefix }) };
}

describeStore('Redis', onRedis, { missing: NO_REDIS });
describeChamber('Redis', onRedis, { missing: NO_REDIS });
