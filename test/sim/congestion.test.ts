import { unlimited } from '../../lib/protocol/congestion/unlimited.js';
import { ALGORITHMS } from '../../lib/protocol/congestion/algorithms.js';
import { describe, expect, it } from 'vitest';
import type { LinkConditions } from '../support/sim/network.js';
import { Pair } from '../support/sim/pair.js';
import { Transfers } from '../support/sim/transfer.js';

/** Sends so many octets over a link of 1,250 octets per ms and 50 ms; gives the share of its rate that was used. */
function utilisation(
  octets: number,
  congestion: keyof typeof ALGORITHMS,
  conditions: Partial<LinkConditions>,
): [number, Pair] {
  const rate = 1250;
  const pair = new Pair({
    seed: 5,
    conditions: { latencyMs: 25, rate, ...conditions },
    client: { config: { congestion: ALGORITHMS[congestion], handshakeRttMs: 50 } },
  });
  const transfers = new Transfers(pair.client, pair.server);
  const begin = pair.time.now;
  transfers.start(octets, 1);
  pair.runUntil(() => transfers.done, 600_000);
  return [octets / (pair.time.now - begin) / rate, pair];
}

// Headers and tags take 3.75 % of packets of 1,200 octets; slow start, which begins at a fifth of the rate, some more.
describe.each(['cubic', 'newreno', 'bbr'] as const)('%s', (congestion) => {
  it.each([
    ['a queue of one round trip', 62_500, 0.9],
    ['a queue of half a round trip', 31_000, 0.85],
    ['a short queue', 10_000, 0.7],
    ['a deep queue', 600_000, 0.9],
  ])('fills a link with %s', (_, queue, least) => {
    const [share, pair] = utilisation(10_000_000, congestion, { queue });
    expect(share).toBeGreaterThan(least);
    const { packetsSent, packetsLost } = pair.client.session.stats();
    expect(packetsLost).toBe(pair.there.stats.dropped);
    expect(packetsLost / packetsSent).toBeLessThan(0.1);
  });

  it('does not take reordering for congestion', () => {
    const [share] = utilisation(10_000_000, congestion, { queue: 62_500, reorder: 0.01, reorderMs: 30 });
    expect(share).toBeGreaterThan(0.85);
  });

  it('never sends a window in one burst', () => {
    const [, pair] = utilisation(5_000_000, congestion, { queue: 62_500 });
    // 10 packets, or what twice the rate allows in 2 ms.
    expect(pair.there.stats.peakPerMs).toBeLessThanOrEqual(14);
  });
});

it('lets few packets be lost when it leaves slow start', () => {
  const [, pair] = utilisation(5_000_000, 'cubic', { queue: 62_500 });
  const [, reno] = utilisation(5_000_000, 'newreno', { queue: 62_500 });
  expect(pair.there.stats.dropped).toBeLessThanOrEqual(reno.there.stats.dropped);
});

it('lets BBR keep the rate it knows while an application sends little', () => {
  const pair = new Pair({
    seed: 9,
    conditions: { latencyMs: 25, rate: 1250, queue: 62_500 },
    client: { config: { congestion: ALGORITHMS.bbr, handshakeRttMs: 50 } },
  });
  const transfers = new Transfers(pair.client, pair.server);
  transfers.start(5_000_000, 1);
  pair.runUntil(() => transfers.done, 60_000);
  // Several cycles of probing, and of the filter of the rate.
  for (let i = 0; i < 75; i++) {
    transfers.start(2_000, i);
    pair.run(200);
  }
  const begin = pair.time.now;
  transfers.start(2_500_000, 2);
  pair.runUntil(() => transfers.done, 60_000);
  expect(2_500_000 / 1250 / (pair.time.now - begin)).toBeGreaterThan(0.85);
});

describe('without congestion control, for carriers that have their own', () => {
  it('sends what flow control and the carrier allow, and all of it arrives', () => {
    const pair = new Pair({ seed: 7, conditions: { latencyMs: 25 }, client: { config: { congestion: unlimited } } });
    const transfers = new Transfers(pair.client, pair.server);
    const begin = pair.time.now;
    transfers.start(150_000, 1);
    pair.runUntil(() => transfers.done, 60_000);
    // One round trip, and not the four of slow start.
    expect(pair.time.now - begin).toBeLessThanOrEqual(50);
    expect(pair.client.session.stats().congestionWindow).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('survives losses that such a carrier does not have', () => {
    const pair = new Pair({
      seed: 8,
      conditions: { latencyMs: 5, loss: 0.05 },
      client: { config: { congestion: unlimited } },
    });
    const transfers = new Transfers(pair.client, pair.server);
    transfers.start(3_000_000, 1);
    pair.runUntil(() => transfers.done, 600_000);
    expect(transfers.done).toBe(true);
  });
});
