import { describe, expect, it } from 'vitest';
import { DeliveryRate } from '../../../../lib/protocol/congestion/delivery-rate.js';
import { WindowedMax } from '../../../../lib/protocol/congestion/windowed-max.js';

describe('delivery rate', () => {
  it('is what was delivered from the sending of a packet until its ACK, by the time from the ACK before', () => {
    const rate = new DeliveryRate();
    // Three units at once, acknowledged one after the other; a fourth goes out with the first ACK.
    rate.onSent(0, 0, 0, 1000, 1000);
    rate.onSent(0, 1, 1, 1000, 2000);
    rate.onSent(0, 2, 2, 1000, 3000);
    expect(rate.onAcked(50, 0, 0, 1000, 0)).toBe(true);
    expect(rate.sample(50)).toBe(true);
    expect(rate).toMatchObject({
      rate: 20,
      sampleDelivered: 1000,
      priorDelivered: 0,
      inFlight: 1000,
      newlyAcked: 1000,
    });
    rate.endAck();
    rate.onSent(50, 3, 0, 1000, 3000);
    rate.onAcked(60, 1, 1, 1000, 0);
    rate.sample(50);
    expect(rate.rate).toBeCloseTo(2000 / 60);
    rate.endAck();
    rate.onAcked(70, 2, 2, 1000, 0);
    rate.sample(50);
    rate.endAck();
    rate.onAcked(100, 3, 0, 1000, 50);
    rate.sample(50);
    expect(rate).toMatchObject({ sampleDelivered: 3000, priorDelivered: 1000, rate: 60, delivered: 4000 });
  });

  it('is never more than the rate at which was sent, though ACKs come at once', () => {
    const rate = new DeliveryRate();
    for (let i = 0; i < 10; i++) rate.onSent(i * 10, i, i, 1000, (i + 1) * 1000);
    rate.onAcked(95, 0, 0, 1000, 0);
    rate.sample(5);
    rate.endAck();
    rate.onSent(96, 10, 0, 1000, 10_000);
    // Those of the others were held up, and come together: 10,000 octets in 5 ms, of what took 96 ms to send.
    for (let i = 1; i < 10; i++) rate.onAcked(100, i, i, 1000, i * 10);
    rate.onAcked(100, 10, 0, 1000, 96);
    rate.sample(5);
    expect(rate.sampleDelivered).toBe(10_000);
    expect(rate.rate).toBeCloseTo(10_000 / 96);
  });

  it('takes the packet sent last of those that an ACK acknowledges', () => {
    const rate = new DeliveryRate();
    rate.onSent(0, 0, 0, 1000, 1000);
    rate.onSent(1, 1, 1, 1000, 2000);
    rate.onAcked(50, 0, 0, 1000, 0);
    rate.onAcked(50, 1, 1, 1000, 1);
    rate.sample(0);
    expect(rate).toMatchObject({ inFlight: 2000, newlyAcked: 2000, sampleDelivered: 2000 });
  });

  it('is not believed if the interval is shorter than a round trip can be', () => {
    const rate = new DeliveryRate();
    rate.onSent(0, 0, 0, 1000, 1000);
    rate.onAcked(1, 0, 0, 1000, 0);
    expect(rate.sample(50)).toBe(true);
    expect(rate.rate).toBe(0);
  });

  it('is finite if an ACK comes at the time of sending', () => {
    const rate = new DeliveryRate();
    rate.onSent(5, 0, 0, 1000, 1000);
    rate.onAcked(5, 0, 0, 1000, 5);
    rate.sample(0);
    expect(rate.rate).toBe(1_000_000);
  });

  it('begins anew after all was acknowledged: waiting counts for nothing', () => {
    const rate = new DeliveryRate();
    rate.onSent(0, 0, 0, 1000, 1000);
    rate.onAcked(50, 0, 0, 1000, 0);
    rate.sample(0);
    rate.onSent(10_000, 1, 0, 1000, 1000);
    rate.onAcked(10_050, 1, 0, 1000, 10_000);
    rate.sample(0);
    expect(rate.rate).toBe(20);
  });

  it('knows what the application limited, until that is delivered', () => {
    const rate = new DeliveryRate();
    rate.onSent(0, 0, 0, 1000, 1000);
    expect(rate.appLimited).toBe(false);
    rate.markAppLimited(1000);
    rate.onSent(10, 1, 1, 1000, 2000);
    rate.onAcked(50, 0, 0, 1000, 0);
    rate.sample(0);
    expect(rate.isAppLimited).toBe(false);
    rate.onAcked(60, 1, 1, 1000, 10);
    rate.sample(0);
    expect(rate.isAppLimited).toBe(true);
    // The bubble has left the path.
    expect(rate.appLimited).toBe(false);
    rate.onSent(60, 2, 0, 1000, 1000);
    rate.onAcked(110, 2, 0, 1000, 60);
    rate.sample(0);
    expect(rate.isAppLimited).toBe(false);
  });

  it('counts what was lost since a packet was sent', () => {
    const rate = new DeliveryRate();
    rate.onSent(0, 0, 0, 3000, 3000);
    rate.onSent(1, 3, 1, 1000, 4000);
    expect(rate.onLost(0, 0, 2000)).toBe(true);
    expect(rate).toMatchObject({ lost: 2000, lossInFlight: 3000, lossLost: 2000, lossAppLimited: false });
    rate.onAcked(50, 3, 1, 1000, 1);
    rate.sample(0);
    expect(rate.sampleLost).toBe(2000);
  });

  it('knows nothing of units that went out before, or under a slot that another has now', () => {
    const rate = new DeliveryRate();
    expect(rate.onAcked(50, 7, 0, 1000, 0)).toBe(false);
    expect(rate.onLost(7, 900, 1000)).toBe(false);
    rate.onSent(60, 8, 0, 1000, 1000);
    expect(rate.onAcked(61, 7, 0, 1000, 0)).toBe(false);
    expect(rate.sample(0)).toBe(false);
    expect(rate.delivered).toBe(0);
  });

  it('takes any number of units, and forgets all of them on demand', () => {
    const rate = new DeliveryRate();
    for (let i = 0; i < 1000; i++) rate.onSent(i, i, i, 100, (i + 1) * 100);
    for (let i = 0; i < 999; i++) expect(rate.onAcked(2000, i, i, 100, i)).toBe(true);
    rate.trim();
    expect(rate.onAcked(2000, 999, 999, 100, 999)).toBe(false);
  });
});

describe('windowed maximum', () => {
  it('is at least the newest sample, and at most the largest one of the window', () => {
    let seed = 1;
    const next = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    const filter = new WindowedMax();
    const samples: [number, number][] = [];
    let time = 0;
    for (let i = 0; i < 5000; i++) {
      time += next() < 0.5 ? 0 : 1;
      const value = Math.floor(next() * 1000);
      samples.push([time, value]);
      const max = filter.update(time, value, 10);
      expect(max).toBe(filter.max);
      const within = (span: number): number =>
        samples.reduce((most, [at, it]) => (time - at <= span ? Math.max(most, it) : most), 0);
      expect(max).toBeGreaterThanOrEqual(value);
      expect(max).toBeLessThanOrEqual(within(10));
      if (samples.length > 400) samples.shift();
    }
  });

  it('falls to what came after the largest sample, once that is too old', () => {
    const filter = new WindowedMax();
    filter.update(0, 100, 10);
    for (let t = 1; t <= 10; t++) expect(filter.update(t, 50 - t, 10)).toBe(100);
    expect(filter.update(11, 1, 10)).toBeGreaterThanOrEqual(40);
    expect(filter.update(11, 1, 10)).toBeLessThan(50);
  });
});
