import { describe, expect, it } from 'vitest';
import { ALGORITHMS } from '../../lib/protocol/congestion/algorithms.js';
import { cubicModel } from '../support/sim/congestion/cubic-model.js';
import { PACKET, runScenario, type ScenarioOptions } from '../support/sim/congestion/scenario.js';

// 1 Gbit/s, 50 ms, a queue of one product of both: 5,208 packets in flight fill the path, as many more the queue.
const LINK = { bitsPerSecond: 1e9, rttMs: 50, queueBdp: 1, seconds: Number(process.env['REACH_SECONDS'] ?? 60) };
const SEEDS = [1, 2];

function share(name: keyof typeof ALGORITHMS, options: Partial<ScenarioOptions> = {}): number {
  return runScenario({ ...LINK, algorithms: [ALGORITHMS[name]], ...options }).shares[0]!;
}

describe('on a link of 1 Gbit/s, 50 ms and a queue of as much', { timeout: 300_000 }, () => {
  it('CUBIC uses 95 % if nothing is lost', () => {
    expect(share('cubic')).toBeGreaterThan(0.95);
  });

  it.each([1e-6, 1e-5, 1e-4, 1e-3])('CUBIC gets what RFC 9438 says, within 15 %%, when %s is lost', (loss) => {
    let [real, model] = [0, 0];
    for (const seed of SEEDS) {
      const got = share('cubic', { loss, seed });
      const expected = cubicModel({ ...LINK, loss, seed, packetSize: PACKET });
      expect(got / expected).toBeGreaterThan(0.85);
      expect(got / expected).toBeLessThan(1.15);
      real += got;
      model += expected;
    }
    expect(real / model).toBeGreaterThan(0.95);
    expect(real / model).toBeLessThan(1.05);
  });

  it.each([0, 1e-4, 1e-3, 1e-2])('BBR uses 80 %% when %s is lost', (loss) => {
    for (const seed of SEEDS) expect(share('bbr', { loss, seed })).toBeGreaterThan(0.8);
  });

  it('BBR uses little if far more is lost than it puts up with', () => {
    expect(share('bbr', { loss: 0.1 })).toBeLessThan(0.1);
  });
});

describe('queues', () => {
  const slower = { ...LINK, bitsPerSecond: 1e8 };

  it.each([
    ['cubic', 0.1, 0.85],
    ['cubic', 4, 0.95],
    ['bbr', 0.1, 0.85],
    ['bbr', 4, 0.95],
  ] as const)('%s fills a link with a queue of %s', (name, queueBdp, least) => {
    expect(share(name, { ...slower, queueBdp })).toBeGreaterThan(least);
  });

  it('stay short with BBR, and do not with CUBIC', () => {
    const mean = (name: 'cubic' | 'bbr'): number => {
      let [sum, count] = [0, 0];
      const look = (seconds: number, [flow]: ScenarioFlows): void => {
        if (seconds < 5) return;
        sum += flow!.recovery.rtt.smoothed;
        count++;
      };
      share(name, { ...slower, queueBdp: 4, everyMs: 100, look });
      return sum / count;
    };
    expect(mean('bbr')).toBeLessThan(60);
    expect(mean('cubic')).toBeGreaterThan(120);
  });
});

describe('two flows on one link of 100 Mbit/s', () => {
  it.each([
    ['cubic', 'cubic', 1, 0.25],
    ['bbr', 'bbr', 1, 0.25],
    ['bbr', 'bbr', 4, 0.25],
    ['cubic', 'bbr', 4, 0.25],
    ['bbr', 'cubic', 4, 0.25],
    ['cubic', 'bbr', 1, 0.03],
    ['bbr', 'cubic', 1, 0.03],
  ] as const)('%s and %s, a queue of %s: both get a share, together all', (first, second, queueBdp, least) => {
    const { shares } = runScenario({
      ...LINK,
      bitsPerSecond: 1e8,
      queueBdp,
      seconds: 60,
      stagger: 2000,
      algorithms: [ALGORITHMS[first], ALGORITHMS[second]],
    });
    expect(Math.min(...shares)).toBeGreaterThan(least);
    expect(shares[0]! + shares[1]!).toBeGreaterThan(0.9);
  });
});

type ScenarioFlows = Parameters<NonNullable<ScenarioOptions['look']>>[1];
