import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REPLAY_WINDOW } from '../../../lib/constants.js';
import { ReplayWindow } from '../../../lib/engine/replay-window.js';

describe('replay window', () => {
  it('accepts what is newer than the largest minus 16,384 and was not seen', () => {
    const window = new ReplayWindow();
    window.mark(0);
    window.mark(20_000);
    expect(window.willAccept(20_000)).toBe(false);
    expect(window.willAccept(20_000 - REPLAY_WINDOW + 1)).toBe(true);
    expect(window.willAccept(20_000 - REPLAY_WINDOW)).toBe(false);
    expect(window.willAccept(0)).toBe(false);
    expect(window.willAccept(20_001)).toBe(true);
  });

  it('changes nothing until a number is marked', () => {
    const window = new ReplayWindow();
    expect(window.willAccept(5_000_000)).toBe(true);
    expect(window.largest).toBe(-1);
    expect(window.willAccept(0)).toBe(true);
  });

  it('remembers what it saw while it grows', () => {
    const window = new ReplayWindow();
    for (let pn = 0; pn < 16_000; pn += 3) window.mark(pn);
    for (let pn = 0; pn < 16_000; pn++) expect(window.willAccept(pn)).toBe(pn % 3 !== 0);
  });

  it('stays small while few packets came, and never exceeds its bound', () => {
    const window = new ReplayWindow();
    for (let pn = 0; pn < 100; pn++) window.mark(pn);
    expect(window.octets).toBe(16);
    window.mark(Number.MAX_SAFE_INTEGER);
    expect(window.octets).toBe(REPLAY_WINDOW / 8);
    expect(window.willAccept(Number.MAX_SAFE_INTEGER)).toBe(false);
    expect(window.willAccept(Number.MAX_SAFE_INTEGER - 1)).toBe(true);
  });

  it('agrees with a set of all numbers seen', () => {
    const step = fc.oneof(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: -200, max: 200 }),
      fc.integer({ min: -REPLAY_WINDOW - 2, max: REPLAY_WINDOW + 2 }),
      fc.constantFrom(-REPLAY_WINDOW, 1 - REPLAY_WINDOW, REPLAY_WINDOW, 31, 32, 33, 127, 128, 129, 2 ** 32),
    );
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.array(step, { maxLength: 400 }), (start, steps) => {
        const window = new ReplayWindow();
        const seen = new Set<number>();
        let largest = -1;
        let pn = start;
        for (const delta of steps) {
          const expected = pn > largest - REPLAY_WINDOW && !seen.has(pn);
          expect(window.willAccept(pn)).toBe(expected);
          if (expected) {
            window.mark(pn);
            seen.add(pn);
            largest = Math.max(largest, pn);
          }
          expect(window.largest).toBe(largest);
          pn = Math.min(Math.max(0, largest + delta), Number.MAX_SAFE_INTEGER);
        }
      }),
      { numRuns: 300 },
    );
  });
});
