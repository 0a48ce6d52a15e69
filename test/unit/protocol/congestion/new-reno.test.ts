import { describe, expect, it } from 'vitest';
import { NewReno } from '../../../../lib/protocol/congestion/new-reno.js';
import { RttEstimator } from '../../../../lib/protocol/rtt.js';

const SIZE = 1200;
const rtt = new RttEstimator(100);

describe('NewReno', () => {
  it('starts with the initial window of RFC 9002 §7.2', () => {
    expect(new NewReno(1200).window).toBe(12_000);
    expect(new NewReno(1472).window).toBe(14_720);
    expect(new NewReno(9000).window).toBe(18_000);
  });

  it('grows by what is acknowledged until the first event, then by a packet in a round trip', () => {
    const reno = new NewReno(SIZE);
    reno.onPacketsAcked(0, 12_000, rtt, true);
    expect(reno.window).toBe(24_000);
    reno.onCongestionEvent();
    expect([reno.window, reno.threshold, reno.inSlowStart]).toEqual([12_000, 12_000, false]);
    reno.onPacketsAcked(0, 12_000, rtt, true);
    expect(reno.window).toBe(13_200);
  });

  it('does not grow while the window is not used up', () => {
    const reno = new NewReno(SIZE);
    reno.onPacketsAcked(0, 12_000, rtt, false);
    expect(reno.window).toBe(12_000);
  });

  it('never falls below two packets, and slow-starts up to the threshold after persistent congestion', () => {
    const reno = new NewReno(SIZE);
    for (let i = 0; i < 10; i++) reno.onCongestionEvent();
    expect(reno.window).toBe(2 * SIZE);
    const other = new NewReno(SIZE);
    other.onCongestionEvent();
    other.onPersistentCongestion();
    expect([other.window, other.threshold, other.inSlowStart]).toEqual([2 * SIZE, 6000, true]);
  });

  it('takes one event back, once', () => {
    const reno = new NewReno(SIZE);
    reno.onCongestionEvent();
    reno.onSpuriousCongestion();
    expect([reno.window, reno.threshold]).toEqual([12_000, Infinity]);
    reno.onCongestionEvent();
    reno.onPersistentCongestion();
    reno.onSpuriousCongestion();
    expect(reno.window).toBe(2 * SIZE);
  });
});
