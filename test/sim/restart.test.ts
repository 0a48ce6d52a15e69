import { describe, expect, it } from 'vitest';
import { RestartingPair, type Side } from '../support/sim/restarting-pair.js';
import { SimRandom } from '../support/sim/random.js';
import { forEachSeed } from '../support/sim/seeds.js';
import { Transfers } from '../support/sim/transfer.js';

const OTHER = { client: 'server', server: 'client' } as const;

describe.each(['client', 'server'] as const)('a restart of the %s', (side: Side) => {
  const other = OTHER[side];

  it.each([
    ['at rest', 20],
    ['in mid-transfer', 8],
  ])('is noticed within one round trip of the next packet, %s', (when, seeds) => {
    forEachSeed(seeds, (seed) => {
      const random = new SimRandom(seed);
      const latencyMs = random.integer(1, 150);
      const jitterMs = random.integer(0, 20);
      const world = new RestartingPair(seed, { latencyMs, jitterMs });
      const { pair } = world;
      if (when === 'in mid-transfer') {
        const transfers = [new Transfers(pair.client, pair.server), new Transfers(pair.server, pair.client)];
        const streams = transfers.map((transfer) => transfer.start(2_000_000, seed));
        const octets = random.integer(1, 1_000_000);
        pair.runUntil(() => transfers.every((transfer, i) => transfer.received(streams[i]!) >= octets));
      } else pair.run(random.integer(2 * (latencyMs + jitterMs), 1_000));
      expect(world.isArmed).toBe(true);
      world.restart(side);
      let sentAt = Infinity;
      const link = other === 'client' ? pair.there : pair.back;
      link.filter = (_datagram, now) => {
        sentAt = Math.min(sentAt, now);
        return true;
      };
      if (when === 'at rest') {
        // Nobody says anything: nobody can know.
        pair.run(random.integer(1, 10_000));
        expect(world.noticed).toEqual({});
        world.endpoint(other).session.ping(pair.now);
      }
      pair.runUntil(() => world.noticed[other] !== undefined, 10_000);
      expect(world.noticed[other]! - sentAt).toBeLessThanOrEqual(2 * (latencyMs + jitterMs));
      expect(world.noticed[side]).toBeUndefined();
      world.stop();
    });
  });

  it('is noticed over a bad network, by a packet and its answer that get through', () => {
    forEachSeed(20, (seed) => {
      const world = new RestartingPair(seed, { latencyMs: 30, loss: 0.3, reorder: 0.1, duplicate: 0.1, corrupt: 0.1 });
      world.pair.runUntil(() => world.isArmed);
      world.restart(side);
      world.endpoint(other).session.ping(world.pair.now);
      world.pair.runUntil(() => world.noticed[other] !== undefined, 60_000);
      world.stop();
    });
  });
});
