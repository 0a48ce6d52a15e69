import { describe, expect, it } from 'vitest';
import { Pacer } from '../../../lib/protocol/pacer.js';

const SIZE = 1200;

function pacer(window: number, rtt: number, inSlowStart = false): Pacer {
  return new Pacer({ congestionWindow: window, inSlowStart, pacingRate: 0, smoothedRtt: rtt, packetSize: SIZE }, 0);
}

describe('pacer', () => {
  it('lets the initial window go at once', () => {
    const it = pacer(10 * SIZE, 100);
    expect(it.delay(0, SIZE)).toBe(0);
    expect(it.budget(0)).toBe(10 * SIZE);
  });

  it.each([
    [false, 1.25],
    [true, 2],
  ])('spreads a window over the round trip (slow start: %s)', (inSlowStart, gain) => {
    const window = 1000 * SIZE;
    const it = pacer(window, 100, inSlowStart);
    let now = 0;
    let sent = 0;
    while (now < 1000) {
      const wait = it.delay(now, SIZE);
      now += wait;
      if (wait > 0) continue;
      it.onSent(now, SIZE);
      sent += SIZE;
    }
    const burst = Math.max(10 * SIZE, (gain * window * 2) / 100);
    expect(sent).toBeGreaterThanOrEqual(gain * window * 10 - 2 * SIZE);
    expect(sent).toBeLessThanOrEqual(gain * window * 10 + burst + 2 * SIZE);
  });

  it('sends at the rate that the congestion controller asks for, if it does', () => {
    const source = { congestionWindow: 1e9, inSlowStart: true, pacingRate: 60, smoothedRtt: 1, packetSize: SIZE };
    const it = new Pacer(source, 0);
    expect(it.rate).toBe(60);
    let now = 0;
    let sent = 0;
    while (now < 10_000) {
      const wait = it.delay(now, SIZE);
      now += wait;
      if (wait > 0) continue;
      it.onSent(now, SIZE);
      sent += SIZE;
    }
    expect(sent / 10_000).toBeGreaterThanOrEqual(60);
    expect(sent).toBeLessThanOrEqual(60 * 10_000 + 11 * SIZE);
  });

  it('loses nothing by timers that fire on whole milliseconds and late', () => {
    const window = 10_000 * SIZE;
    const it = pacer(window, 20);
    let sent = 0;
    // Wakes up every 2 ms and then once after 8 ms, all it is allowed being sent each time.
    for (let now = 0, i = 0; now < 2000; now += i++ % 4 === 3 ? 8 : 2) {
      const budget = it.budget(now);
      it.onSent(now, budget);
      sent += budget;
      it.delay(now, SIZE);
    }
    expect(sent).toBeGreaterThanOrEqual((1.25 * window * 1980) / 20);
  });

  it('does not hold back a sender on a path of very short round trips', () => {
    const it = pacer(100 * SIZE, 0.05);
    for (let now = 0; now < 10; now += 0.05) {
      expect(it.delay(now, SIZE)).toBe(0);
      expect(it.budget(now)).toBeGreaterThanOrEqual(100 * SIZE);
      it.onSent(now, 100 * SIZE);
    }
  });

  it('does not save up allowance while the application is idle', () => {
    const it = pacer(100 * SIZE, 100);
    it.onSent(0, it.budget(0));
    expect(it.budget(60_000)).toBe(10 * SIZE);
  });

  it('waits for a run, not for a packet, and no longer than it says', () => {
    const it = pacer(10_000 * SIZE, 100);
    it.onSent(0, it.budget(0));
    const wait = it.delay(0, SIZE);
    expect(wait).toBeCloseTo(1);
    expect(it.delay(wait, SIZE)).toBe(0);
    expect(it.budget(wait)).toBeGreaterThanOrEqual(100 * SIZE);
  });

  it('bounds the debt that probes make', () => {
    const it = pacer(10 * SIZE, 100);
    for (let i = 0; i < 1000; i++) it.onSent(0, SIZE);
    expect(it.delay(0, SIZE)).toBeLessThan(100);
  });

  it('never lets its caller spin: after the delay, the size is in the budget', () => {
    for (let i = 1; i < 500; i++) {
      const it = pacer(i * 977, 0.3 * i);
      it.onSent(0, it.budget(0) + i);
      const wait = it.delay(0, SIZE);
      const then = 0 + wait;
      expect(it.delay(then, SIZE)).toBe(0);
      expect(it.budget(then)).toBeGreaterThanOrEqual(SIZE);
    }
  });
});
