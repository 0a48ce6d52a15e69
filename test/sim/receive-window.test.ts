import { describe, expect, it } from 'vitest';
import { ALGORITHMS } from '../../lib/protocol/congestion/algorithms.js';
import type { SessionLimits } from '../../lib/protocol/session.js';
import { Pair } from '../support/sim/pair.js';
import { Transfers } from '../support/sim/transfer.js';

const MIB = 1024 * 1024;
/** 1 Gbit/s in octets per ms, and half of 100 ms: 12.5 MB in a round trip. */
const RATE = 125_000;
const LATENCY = 50;

interface Arrival {
  /** When a quarter, half and all of it came, ms. */
  readonly at: readonly number[];
  readonly receiveWindow: number;
}

function transfer(
  congestion: 'cubic' | 'bbr',
  octets: number,
  limits: Partial<SessionLimits> = {},
  initialWindow?: number,
): Arrival {
  const params =
    initialWindow === undefined ? {} : { initialMaxData: initialWindow, initialMaxStreamData: initialWindow };
  const pair = new Pair({
    conditions: { latencyMs: LATENCY, rate: RATE, queue: RATE * 2 * LATENCY },
    client: { config: { congestion: ALGORITHMS[congestion], handshakeRttMs: 2 * LATENCY } },
    server: { limits, params },
  });
  const transfers = new Transfers(pair.client, pair.server);
  const begin = pair.now;
  const stream = transfers.start(octets, 1);
  const at = [0.25, 0.5, 1].map((part) => {
    pair.runUntil(() => transfers.received(stream) >= part * octets, 600_000);
    return pair.now - begin;
  });
  return { at, receiveWindow: pair.server.session.stats().receiveWindow };
}

describe('receive windows at 1 Gbit/s and 100 ms', { timeout: 120_000 }, () => {
  it.each(['cubic', 'bbr'] as const)(
    'grow by themselves until they do not limit the rate any more, with %s',
    (name) => {
      const octets = 150_000_000;
      const { at, receiveWindow } = transfer(name, octets);
      const free = transfer(name, octets, {}, 64 * MIB);
      // Headers and tags take 3.75 %.
      expect(octets / 2 / (at[2]! - at[1]!)).toBeGreaterThan(0.95 * RATE);
      // They grow as fast as the window of the sender does, three round trips behind at most.
      expect(at[0]! - free.at[0]!).toBeLessThan(6 * LATENCY);
      expect(receiveWindow).toBeLessThanOrEqual(32 * MIB);
      expect(receiveWindow).toBeGreaterThan(RATE * 2 * LATENCY);
    },
  );

  it('stay below what the options allow, and so the rate does', () => {
    const { at, receiveWindow } = transfer('cubic', 20_000_000, { maxStreamWindow: MIB, maxSessionWindow: 2 * MIB });
    expect(receiveWindow).toBeLessThanOrEqual(2 * MIB);
    const rate = 10_000_000 / (at[2]! - at[1]!);
    expect(rate).toBeLessThanOrEqual(MIB / (2 * LATENCY));
    expect(rate).toBeGreaterThan((0.7 * MIB) / (2 * LATENCY));
  });
});

it('a receive window does not grow for an application that reads slowly', () => {
  const pair = new Pair({ conditions: { latencyMs: LATENCY, rate: RATE } });
  const stream = pair.client.session.openStream()!;
  pair.server.app.reads = pair.server.app.keeps = false;
  const { receiveWindow } = pair.server.session.stats();
  for (let second = 0; second < 20; second++) {
    while (stream.write(new Uint8Array(65_536)));
    pair.run(1_000);
    // 40 kB a second: 4 kB in a round trip.
    pair.server.app.opened[0]!.consumed(40_000);
  }
  expect(pair.server.session.stats().receiveWindow).toBe(receiveWindow);
});
