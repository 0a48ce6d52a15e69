import { describe, expect, it } from 'vitest';
import { PacketNumbers } from '../../../lib/protocol/packet-numbers.js';
import { SimRandom } from '../../support/sim/random.js';

/** Takes numbers one by one until `skips` were skipped; gives those. */
function skip(numbers: PacketNumbers, skips: number): number[] {
  const skipped: number[] = [];
  for (let expected = numbers.next; skipped.length < skips; expected++) {
    if (numbers.next === expected) numbers.take(1);
    else skipped.push(expected);
  }
  return skipped;
}

describe('packet numbers', () => {
  it('start at 0 and skip one per 256 to 4,096', () => {
    const numbers = new PacketNumbers(new SimRandom(1));
    expect(numbers.next).toBe(0);
    let before = -1;
    for (const pn of skip(numbers, 100)) {
      expect(pn - before - 1).toBeGreaterThanOrEqual(256);
      expect(pn - before - 1).toBeLessThanOrEqual(4096);
      before = pn;
    }
  });

  it('give runs that end before the skipped number', () => {
    const single = new PacketNumbers(new SimRandom(2));
    const runs = new PacketNumbers(new SimRandom(2));
    const skipped = skip(single, 20);
    const seen: number[] = [];
    while (runs.next <= skipped[19]!) {
      const count = runs.run(64);
      expect(count).toBeGreaterThan(0);
      const end = runs.next + count;
      runs.take(count);
      if (runs.next !== end) seen.push(end);
    }
    expect(seen).toEqual(skipped);
  });

  it('notice an ACK of a skipped number in any of its ranges', () => {
    const numbers = new PacketNumbers(new SimRandom(3));
    const [a, b] = skip(numbers, 2) as [number, number];
    expect(numbers.wasSkipped(a)).toBe(true);
    expect(numbers.wasSkipped(a + 1)).toBe(false);
    expect(numbers.acknowledgesSkipped(new Float64Array([b + 1, b + 9, a + 1, b - 1, 0, a - 1]), 3)).toBe(false);
    expect(numbers.acknowledgesSkipped(new Float64Array([b + 1, b + 9, a + 1, b, 0, a - 1]), 3)).toBe(true);
    expect(numbers.acknowledgesSkipped(new Float64Array([b + 1, b + 9, 0, a]), 2)).toBe(true);
    expect(numbers.acknowledgesSkipped(new Float64Array([a, a]), 1)).toBe(true);
  });

  it('remember every skipped number while packets before it are in flight, and few after that', () => {
    const numbers = new PacketNumbers(new SimRandom(4));
    const inFlight = skip(numbers, 500);
    for (const pn of inFlight) expect(numbers.wasSkipped(pn)).toBe(true);
    numbers.settle(numbers.next);
    const later = skip(numbers, 2000);
    expect(inFlight.some((pn) => numbers.wasSkipped(pn))).toBe(false);
    for (const pn of later.slice(-16)) expect(numbers.wasSkipped(pn)).toBe(true);
  });
});
