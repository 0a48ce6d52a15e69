import { describe, expect, it } from 'vitest';
import { HyStart } from '../../../../lib/protocol/congestion/hystart.js';

/** Rounds of ten packets with one sample each; gives in which slow start ended, or -1. */
function rounds(hystart: HyStart, from: number, rtts: readonly number[]): number {
  for (let i = 0; i < rtts.length; i++) {
    const next = (from + i + 1) * 10;
    for (let pn = next - 10; pn < next; pn++) if (hystart.onRttSample(rtts[i]!, pn, next)) return i;
  }
  return -1;
}

describe('HyStart++', () => {
  it('does nothing while the RTT is steady', () => {
    const hystart = new HyStart();
    expect(rounds(hystart, 0, Array<number>(50).fill(20))).toBe(-1);
    expect(hystart.divisor).toBe(1);
  });

  it('slows down when the RTT rises by an eighth, and ends slow start five rounds later', () => {
    const hystart = new HyStart();
    expect(rounds(hystart, 0, [80, 80, 80])).toBe(-1);
    expect(hystart.conservative).toBe(false);
    expect(rounds(hystart, 3, [91])).toBe(-1);
    expect(hystart.conservative).toBe(true);
    expect(hystart.divisor).toBe(4);
    expect(rounds(hystart, 4, [92, 93, 94, 95, 96])).toBe(4);
  });

  it('goes back to full speed when the RTT falls again', () => {
    const hystart = new HyStart();
    rounds(hystart, 0, [80, 80, 95]);
    expect(hystart.conservative).toBe(true);
    expect(rounds(hystart, 3, [90, 90, 90, 90, 90, 90, 90])).toBe(-1);
    expect(hystart.conservative).toBe(false);
  });

  it('needs a rise of 4 ms at least and of 16 ms at most', () => {
    const short = new HyStart();
    rounds(short, 0, [1, 1, 4.9]);
    expect(short.conservative).toBe(false);
    rounds(short, 3, [9]);
    expect(short.conservative).toBe(true);
    const long = new HyStart();
    rounds(long, 0, [800, 800, 815]);
    expect(long.conservative).toBe(false);
    rounds(long, 3, [831]);
    expect(long.conservative).toBe(true);
  });

  it('does not judge by fewer than eight samples in a round', () => {
    const hystart = new HyStart();
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 7; i++) hystart.onRttSample(20 * (round + 1), round * 10 + i + 3, (round + 1) * 10);
    }
    expect(hystart.conservative).toBe(false);
  });
});
