import { describe, expect, it } from 'vitest';
import { Pair } from '../support/sim/pair.js';
import { Transfers } from '../support/sim/transfer.js';

describe('a transfer over a quiet network', () => {
  it('arrives, on many streams and in both directions', () => {
    const pair = new Pair();
    const there = new Transfers(pair.client, pair.server);
    const back = new Transfers(pair.server, pair.client);
    for (let i = 0; i < 10; i++) {
      there.start(100_000 + i, i);
      back.start(300_000 + i, i);
    }
    there.start(0, 1);
    pair.runUntil(() => there.done && back.done, 60_000);
    expect(pair.client.session.stats().packetsLost).toBe(0);
  });
});
