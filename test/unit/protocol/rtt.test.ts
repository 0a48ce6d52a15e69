import { describe, expect, it } from 'vitest';
import { PathRtt } from '../../../lib/protocol/path-rtt.js';

describe('RTT estimator', () => {
  it('assumes 333 ms before the first sample', () => {
    const rtt = new PathRtt();
    expect(rtt.hasSample).toBe(false);
    expect(rtt.smoothed).toBe(333);
    expect(rtt.pto(25)).toBeCloseTo(333 + 4 * 166.5 + 25);
  });

  it('begins with the RTT of the handshake', () => {
    const rtt = new PathRtt(40);
    expect([rtt.latest, rtt.smoothed, rtt.variance, rtt.min]).toEqual([40, 40, 20, 40]);
  });

  it('smooths as RFC 9002 §5.3 says', () => {
    const rtt = new PathRtt(100);
    rtt.sample(140, 20);
    expect(rtt.variance).toBeCloseTo(0.75 * 50 + 0.25 * 20);
    expect(rtt.smoothed).toBeCloseTo(0.875 * 100 + 0.125 * 120);
    expect(rtt.min).toBe(100);
  });

  it('does not subtract an ACK delay that would make the sample less than the smallest one', () => {
    const rtt = new PathRtt(100);
    rtt.sample(110, 20);
    expect(rtt.smoothed).toBeCloseTo(0.875 * 100 + 0.125 * 110);
  });

  it('never has a timeout below the granularity of timers', () => {
    const rtt = new PathRtt(0.05);
    for (let i = 0; i < 100; i++) rtt.sample(0.05, 0);
    expect(rtt.lossDelay).toBe(1);
    expect(rtt.pto(0)).toBeGreaterThanOrEqual(1);
  });

  it('ignores what is no time', () => {
    const rtt = new PathRtt(100);
    rtt.sample(-1, 0);
    rtt.sample(NaN, 0);
    expect(rtt.latest).toBe(100);
  });

  it('forgets a path', () => {
    const rtt = new PathRtt(100);
    rtt.reset();
    expect([rtt.hasSample, rtt.smoothed, rtt.min]).toEqual([false, 333, 0]);
  });
});
