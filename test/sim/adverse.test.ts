import { describe, expect, it } from 'vitest';
import { ALGORITHMS } from '../../lib/protocol/congestion/algorithms.js';
import type { LinkConditions } from '../support/sim/network.js';
import { BACKEND } from '../support/nodes.js';
import { Pair } from '../support/sim/pair.js';
import { forEachSeed } from '../support/sim/seeds.js';
import { Transfers } from '../support/sim/transfer.js';

/** The network that every seed has to get through. */
const ADVERSE: LinkConditions = { latencyMs: 150, loss: 0.2, reorder: 0.02, duplicate: 0.02, corrupt: 0.02 };

/** The default more often than the others. */
const CONGESTION = [ALGORITHMS.cubic, ALGORITHMS.bbr, ALGORITHMS.cubic, ALGORITHMS.newreno];

/** Sends so many octets each way over several streams; throws if an octet is wrong or it takes too long. */
function bothWays(seed: number, octets: number, conditions: LinkConditions, limitMs: number): Pair {
  const config = { congestion: CONGESTION[seed % CONGESTION.length]! };
  const pair = new Pair({
    seed,
    conditions,
    // The test is about recovery; a network that is this bad takes its time.
    client: { params: { idleTimeoutMs: 0 }, config },
    server: { params: { idleTimeoutMs: 0 }, config },
  });
  const there = new Transfers(pair.client, pair.server);
  const back = new Transfers(pair.server, pair.client);
  const streams = pair.random.integer(1, 4);
  for (let i = 0; i < streams; i++) {
    there.start(Math.ceil(octets / streams), seed + i);
    back.start(Math.ceil(octets / streams), seed - i);
  }
  pair.runUntil(() => there.done && back.done, limitMs);
  expect(pair.client.session.stats().reassemblyOctets).toBe(0);
  expect(pair.server.session.stats().reassemblyOctets).toBe(0);
  return pair;
}

describe('20 % loss, 300 ms round trip, 2 % reordering, duplicated and corrupted packets, both ways', () => {
  it('delivers megabytes exactly, for every seed', { timeout: 24 * 3_600_000 }, () => {
    // No engine takes part in it: the gate, which runs the tests for both backends, has 500 seeds in all.
    const begin = BACKEND === 'js' ? 251 : 1;
    const run = (seed: number): void => void bothWays(seed, 2_000_000 + (seed % 5) * 500_000, ADVERSE, 3_600_000);
    forEachSeed(250, run, begin);
  });
});

describe('one kind of trouble at a time', () => {
  const cases: Record<string, LinkConditions> = {
    '2 % loss': { latencyMs: 20, loss: 0.02 },
    '30 % loss in bursts of 3': { latencyMs: 20, loss: 0.3, burst: 3 },
    '50 % loss': { latencyMs: 20, loss: 0.5 },
    '10 % duplicates': { latencyMs: 20, duplicate: 0.1 },
    '30 % corruption': { latencyMs: 20, corrupt: 0.3 },
    'jitter as large as the latency': { latencyMs: 20, jitterMs: 20 },
    'a quarter of the packets overtaken': { latencyMs: 20, reorder: 0.25 },
    'a narrow link with a short queue': { latencyMs: 20, rate: 125, queue: 20_000 },
    'a narrow link with a deep queue': { latencyMs: 20, rate: 125, queue: 2_000_000 },
    'an MTU of exactly the packet size': { latencyMs: 20, mtu: 1_200 },
    'a round trip of 2 s': { latencyMs: 1_000, loss: 0.05 },
    'a round trip of 20 us': { latencyMs: 0.01, loss: 0.05 },
  };
  for (const [name, conditions] of Object.entries(cases)) {
    it(`gets through: ${name}`, () => {
      for (let seed = 1; seed <= 5; seed++) bothWays(seed, 400_000, conditions, 600_000);
    });
  }

  it('recovers from 5 s of darkness every 2 s, without a storm when the light comes back', () => {
    for (let seed = 1; seed <= 5; seed++) {
      const pair = bothWays(
        seed,
        2_000_000,
        { latencyMs: 50, rate: 500, queue: 200_000, blackhole: (now) => now % 7_000 >= 2_000 },
        600_000,
      );
      expect(pair.there.stats.peakPerMs).toBeLessThanOrEqual(100);
      expect(pair.back.stats.peakPerMs).toBeLessThanOrEqual(100);
    }
  });

  it.each(['upload', 'download'])('lets an %s flow again within 1 RTT and 1 s after 5 s of darkness', (way) => {
    for (const latencyMs of [1, 25, 150]) {
      for (let seed = 1; seed <= 5; seed++) {
        const dark = 2_000 + 37 * seed;
        const light = dark + 5_000;
        const blackhole = (now: number): boolean => now >= dark && now < light;
        const pair = new Pair({ seed, conditions: { latencyMs, rate: 1_000, queue: 200_000, blackhole } });
        const [from, to] = way === 'upload' ? [pair.client, pair.server] : [pair.server, pair.client];
        const transfers = new Transfers(from, to);
        const stream = transfers.start(20_000_000, seed);
        pair.run(light - pair.now);
        const before = transfers.received(stream);
        expect(before).toBeLessThan(20_000_000);
        pair.runUntil(() => transfers.received(stream) > before, 10_000);
        expect(pair.now - light).toBeLessThanOrEqual(2 * latencyMs + 1_000);
      }
    }
  });

  it('recovers quickly when only the last packets of a write are lost', () => {
    for (let lost = 1; lost <= 8; lost++) {
      const pair = new Pair({ conditions: { latencyMs: 50 } });
      const there = new Transfers(pair.client, pair.server);
      pair.run(500);
      const first = there.start(20_000, lost);
      pair.pump();
      // Everything of the tail vanishes once.
      let dropped = 0;
      const total = pair.there.stats.sent;
      pair.there.filter = () => pair.there.stats.sent <= total || ++dropped > lost;
      const begin = pair.now;
      there.start(5_000, lost);
      pair.runUntil(() => there.done, 10_000);
      expect(pair.now - begin).toBeLessThan(1_500);
      expect(there.received(first)).toBe(20_000);
    }
  });

  it('loses goodput smoothly with loss', () => {
    const time = (loss: number): number => {
      let sum = 0;
      for (let seed = 1; seed <= 3; seed++) {
        const pair = new Pair({ seed, conditions: { latencyMs: 20, rate: 1_250, queue: 100_000, loss } });
        const there = new Transfers(pair.client, pair.server);
        there.start(2_000_000, seed);
        const begin = pair.now;
        pair.runUntil(() => there.done, 600_000);
        sum += pair.now - begin;
      }
      return sum;
    };
    const times = [0, 0.01, 0.05, 0.1, 0.2].map(time);
    for (let i = 1; i < times.length; i++) expect(times[i]!).toBeGreaterThan(times[i - 1]! * 0.8);
    expect(times[1]!).toBeLessThan(times[0]! * 6);
    expect(times[4]!).toBeLessThan(times[0]! * 60);
  });
});
