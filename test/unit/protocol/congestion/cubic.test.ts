import { describe, expect, it } from 'vitest';
import { Cubic } from '../../../../lib/protocol/congestion/cubic.js';
import { RttEstimator } from '../../../../lib/protocol/rtt.js';

const SIZE = 1200;

/** A window of so many packets at a congestion event, ready for congestion avoidance. */
function reducedFrom(packets: number): Cubic {
  const cubic = new Cubic(SIZE);
  cubic.onPacketsAcked(0, packets * SIZE - cubic.window, new RttEstimator(100), true);
  cubic.onCongestionEvent();
  return cubic;
}

/** Acknowledges a window in each round trip, in 20 ACKs. Calls back after each round with the time and the window in packets. */
function run(cubic: Cubic, rttMs: number, ms: number, each: (t: number, packets: number) => void, from = 0): void {
  const rtt = new RttEstimator(rttMs);
  for (let t = 0; t < ms; t += rttMs) {
    const window = cubic.window;
    for (let i = 0; i < 20; i++) cubic.onPacketsAcked(from + t + (i * rttMs) / 20, window / 20, rtt, true);
    each(t + rttMs, cubic.window / SIZE);
  }
}

describe('CUBIC', () => {
  it('reduces to 0.7 and not below two packets', () => {
    const cubic = reducedFrom(1000);
    expect(cubic.window).toBe(700 * SIZE);
    expect(cubic.threshold).toBe(700 * SIZE);
    expect(cubic.inSlowStart).toBe(false);
    for (let i = 0; i < 100; i++) cubic.onCongestionEvent();
    expect(cubic.window).toBe(2 * SIZE);
  });

  it('follows W(t) = C (t - K)^3 + W_max over long round trips', () => {
    const cubic = reducedFrom(2000);
    const k = Math.cbrt((2000 * 0.3) / 0.4);
    run(cubic, 100, 16_000, (t, packets) => {
      // At the end of a round the window is what the formula gives for that time, as it aims one round trip ahead.
      const ideal = 0.4 * (t / 1000 - k) ** 3 + 2000;
      expect(Math.abs(packets - ideal)).toBeLessThan(0.02 * ideal);
    });
    expect(cubic.window / SIZE).toBeGreaterThan(2000);
  });

  it('is as fast as Reno over short round trips', () => {
    const cubic = reducedFrom(100);
    // Reno-friendly estimate: ALPHA packets in a round trip up to the old window, then one (RFC 9438 §4.3).
    const alpha = (3 * 0.3) / 1.7;
    let estimate = 70;
    run(cubic, 5, 400, (_, packets) => {
      estimate += estimate < 100 ? alpha : 1;
      expect(Math.abs(packets - estimate)).toBeLessThan(1.5);
    });
    expect(estimate).toBeGreaterThan(100);
  });

  it('makes room for others when it did not get back to where it was', () => {
    const cubic = reducedFrom(1000);
    cubic.onCongestionEvent();
    expect(cubic.window).toBe(490 * SIZE);
    // W_max is now 700 * 0.85 = 595 and not 700: the plateau lies there.
    const k = Math.cbrt((595 - 490) / 0.4);
    run(cubic, 100, k * 1000, () => {});
    expect(cubic.window / SIZE).toBeGreaterThan(585);
    expect(cubic.window / SIZE).toBeLessThan(605);
  });

  it('does not count time in which the application did not use the window', () => {
    const used = reducedFrom(2000);
    const paused = reducedFrom(2000);
    run(used, 100, 4000, () => {});
    run(paused, 100, 2000, () => {});
    const before = paused.window;
    const rtt = new RttEstimator(100);
    for (let t = 2000; t < 62_000; t += 100) paused.onPacketsAcked(t, 10 * SIZE, rtt, false);
    expect(paused.window).toBe(before);
    run(paused, 100, 2000, () => {}, 62_000);
    expect(Math.abs(paused.window - used.window)).toBeLessThan(0.01 * used.window);
  });

  it('grows by half a window in a round trip at most', () => {
    const cubic = reducedFrom(10);
    const rtt = new RttEstimator(100);
    cubic.onPacketsAcked(0, SIZE, rtt, true);
    const before = cubic.window;
    cubic.onPacketsAcked(100_000, 100 * before, rtt, true);
    expect(cubic.window).toBeLessThanOrEqual(1.5 * before + 100 * SIZE);
  });

  it('leaves slow start by HyStart++ with the window it has, and goes on from there', () => {
    const cubic = new Cubic(SIZE);
    const rtt = new RttEstimator(80);
    let next = 0;
    for (let round = 0; cubic.inSlowStart && round < 30; round++) {
      const begin = next;
      next += 10;
      rtt.sample(round < 4 ? 80 : 80 + 4 * round, 0);
      for (let pn = begin; pn < next; pn++) {
        cubic.onRttSample(rtt, pn, next);
        cubic.onPacketsAcked(round * 80, SIZE, rtt, true);
      }
    }
    expect(cubic.inSlowStart).toBe(false);
    expect(cubic.threshold).toBeLessThan(Infinity);
    const window = cubic.window;
    cubic.onPacketsAcked(3000, SIZE, rtt, true);
    expect(cubic.window).toBeGreaterThanOrEqual(window);
    expect(cubic.window).toBeLessThan(window + SIZE);
  });

  it('takes an event back that was none', () => {
    const cubic = reducedFrom(1000);
    cubic.onSpuriousCongestion();
    expect(cubic.window).toBe(1000 * SIZE);
    expect(cubic.inSlowStart).toBe(true);
    cubic.onCongestionEvent();
    cubic.onPersistentCongestion();
    cubic.onSpuriousCongestion();
    expect(cubic.window).toBe(2 * SIZE);
    expect(cubic.inSlowStart).toBe(true);
    expect(cubic.threshold).toBe(700 * SIZE);
  });
});
