import { afterAll, beforeAll } from 'vitest';
import { RedisStore } from '../../lib/index.js';
import { NO_REDIS, RedisServer } from '../support/redis-server.js';
import { describeStore } from '../support/store-contract.js';

let server: RedisServer | undefined;
beforeAll(async () => {
  if (NO_REDIS === undefined) server = await RedisServer.start();
});
afterAll(() => server?.remove());

let chambers = 0;
describeStore(
  'Redis',
  async () => {
    const prefix = `chamber ${++chambers}`;
    return { open: () => RedisStore.open({ socketPath: server!.socketPath, prefix }) };
  },
  { missing: NO_REDIS },
);
