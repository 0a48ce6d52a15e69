import { describe, expect, it } from 'vitest';
import { Bbr } from '../../../../lib/protocol/congestion/bbr.js';
import { BbrRun } from '../../../support/sim/congestion/bbr-run.js';
import { RandomLosses } from '../../../support/sim/congestion/losses.js';

const SIZE = 1200;
/** 100 Mbit/s, octets per ms. */
const RATE = 12_500;
const RTT = 20;
const BDP = RATE * RTT;

function run(options: Partial<ConstructorParameters<typeof BbrRun>[0]> = {}): BbrRun {
  return new BbrRun({ rate: RATE, rttMs: RTT, ...options });
}

/** In ProbeBW, with the model of a path that loses nothing. */
function cruising(options: Parameters<typeof run>[0] = {}): BbrRun {
  const it = run({ queueBdp: 2, ...options });
  it.enter('CRUISE');
  return it;
}

/** Share of the rate of the link that arrives in so many ms. */
function share(it: BbrRun, ms: number, rate = RATE): number {
  const before = it.flow.arrived;
  it.run(ms);
  return (it.flow.arrived - before) / (rate * ms);
}

// In the order of draft-ietf-ccwg-bbr, "BBR Example Test Cases".

describe('Startup', () => {
  it('doubles what is in flight every round trip', () => {
    const it = run();
    it.run(RTT * 4.9);
    expect(it.state).toBe('STARTUP');
    expect(it.flow.recovery.bytesInFlight).toBeGreaterThanOrEqual(10 * SIZE * 2 ** 3);
    expect(it.flow.recovery.bytesInFlight).toBeLessThanOrEqual(10 * SIZE * 2 ** 4);
  });

  it('ends when the rate grows no more, with the rate of the link', () => {
    const it = run({ queueBdp: 3 });
    it.enter('DRAIN');
    expect(it.bbr.model.maxBw / RATE).toBeGreaterThan(0.98);
    expect(it.bbr.model.maxBw / RATE).toBeLessThan(1.02);
    expect(it.flow.recovery.packetsLost).toBe(0);
    expect(it.bbr.model.inflightLongterm).toBe(Infinity);
  });

  it('ends when much is lost, with a bound, although the application is what limits', () => {
    const it = run();
    it.flow.setAppRate(0, RATE / 4);
    it.run(500);
    expect(it.state).toBe('STARTUP');
    it.flow.losses = new RandomLosses(0.15, 1);
    it.leave('STARTUP', 500);
    expect(it.bbr.model.inflightLongterm).toBeLessThan(BDP);
  });

  it('does not end for the losses of a path that loses a hundredth', () => {
    const it = run({ loss: 0.01, queueBdp: 3, seed: 2 });
    it.enter('DRAIN');
    expect(it.flow.recovery.packetsLost).toBeGreaterThan(0);
    expect(it.bbr.model.inflightLongterm).toBe(Infinity);
  });

  it('goes on as long as the application is what limits and nothing is lost', () => {
    const it = run();
    it.flow.setAppRate(0, RATE / 4);
    it.run(5000);
    expect(it.states).toEqual(['STARTUP']);
  });
});

describe('Drain', () => {
  it('ends when what is in flight fits the path', () => {
    const it = run({ queueBdp: 3 });
    it.enter('DRAIN');
    expect(it.bbr.pacingRate / it.bbr.model.bw).toBeCloseTo(0.5 * 0.99);
    const before = it.flow.recovery.bytesInFlight;
    it.leave('DRAIN', 4 * RTT);
    expect(before).toBeGreaterThan(1.5 * BDP);
    expect(it.flow.recovery.bytesInFlight).toBeLessThanOrEqual(1.02 * BDP);
  });

  it('ends after three round trips if the path turns out to be slower', () => {
    const it = run({ queueBdp: 6 });
    it.enter('DRAIN');
    it.link.setRate(it.now, RATE / 4);
    const { roundCount } = it.bbr.model;
    it.leave('DRAIN', 3000);
    expect(it.bbr.model.roundCount).toBe(roundCount + 4);
    expect(it.flow.recovery.bytesInFlight).toBeGreaterThan(1.02 * BDP);
  });
});

describe('probing for bandwidth', () => {
  it('goes down, cruises, refills and goes up, every two to three seconds', () => {
    const it = cruising({ rttMs: 80 });
    it.enter('REFILL');
    const times: number[] = [];
    for (let i = 0; i < 6; i++) {
      const from = it.now;
      const seen = it.states.length;
      it.enter('UP');
      it.enter('DOWN');
      const down = it.now;
      it.enter('CRUISE');
      it.enter('REFILL');
      if (it.states.slice(seen).includes('PROBE_RTT')) continue;
      expect(it.states.slice(seen)).toEqual(['UP', 'DOWN', 'CRUISE', 'REFILL']);
      expect(it.now - down).toBeGreaterThanOrEqual(2000);
      expect(it.now - down).toBeLessThanOrEqual(3100);
      times.push(it.now - from);
    }
    // At random, so that flows do not keep in step.
    expect(times.length).toBeGreaterThan(3);
    expect(new Set(times).size).toBe(times.length);
  });

  it('probes as often as Reno would fill up a path of a few packets', () => {
    const it = run({ rate: 60, rttMs: 200, queueBdp: 3 });
    it.enter('CRUISE', 60_000);
    const { roundCount } = it.bbr.model;
    it.enter('REFILL');
    // 60 * 200 / 1200 = 10 packets: as many round trips.
    expect(it.bbr.model.roundCount - roundCount).toBeLessThanOrEqual(11);
  });

  it('paces and bounds by the gains of the phases', () => {
    const it = cruising();
    it.run(50);
    expect(it.bbr.pacingRate / it.bbr.model.bw).toBeCloseTo(0.99);
    it.enter('UP');
    it.run(RTT);
    expect(it.bbr.pacingRate / it.bbr.model.bw).toBeCloseTo(1.25 * 0.99);
    expect(it.bbr.window / BDP).toBeGreaterThan(2.2);
    it.enter('DOWN');
    it.run(1);
    expect(it.bbr.pacingRate / it.bbr.model.bw).toBeCloseTo(0.9 * 0.99);
    expect(it.bbr.window / BDP).toBeLessThan(2.2);
  });

  it('ends going up when the rate grows no more', () => {
    const it = cruising();
    it.enter('UP');
    const { roundCount } = it.bbr.model;
    it.enter('DOWN');
    expect(it.bbr.model.roundCount - roundCount).toBeGreaterThanOrEqual(3);
    expect(it.bbr.model.roundCount - roundCount).toBeLessThanOrEqual(5);
    expect(it.flow.recovery.packetsLost).toBe(0);
  });

  it('ends going up when more than a fiftieth is lost, with a bound that remembers it', () => {
    const it = cruising();
    it.enter('UP');
    it.flow.losses = new RandomLosses(0.1, 1);
    const { roundCount } = it.bbr.model;
    it.enter('DOWN');
    expect(it.bbr.model.roundCount - roundCount).toBeLessThanOrEqual(2);
    expect(it.bbr.model.inflightLongterm).toBeLessThan(1.3 * BDP);
    expect(it.bbr.model.inflightLongterm).toBeGreaterThan(0.6 * BDP);
    // And leaves room in it.
    it.flow.losses = new RandomLosses(0, 1);
    it.enter('CRUISE');
    it.run(RTT);
    expect(it.bbr.window).toBeLessThanOrEqual(0.85 * it.bbr.model.inflightLongterm);
  });

  it('does not go down for the losses of a path that loses a hundredth', () => {
    const it = cruising({ rttMs: 40, loss: 0 });
    it.flow.losses = new RandomLosses(0.005, 3);
    it.enter('UP');
    it.enter('DOWN');
    expect(it.bbr.model.inflightLongterm).toBe(Infinity);
  });

  it('goes up with care after a probe that lost too much, and at once again if that went well', () => {
    const it = cruising();
    it.enter('UP');
    it.flow.losses = new RandomLosses(0.1, 1);
    it.enter('DOWN');
    it.flow.losses = new RandomLosses(0, 1);
    it.enter('UP');
    const { roundCount } = it.bbr.model;
    it.leave('UP');
    expect(it.bbr.model.roundCount - roundCount).toBeLessThanOrEqual(2);
    const from = it.now;
    it.enter('UP');
    expect(it.now - from).toBeLessThan(5 * RTT);
    it.leave('UP');
    expect(it.now - from).toBeGreaterThan(6 * RTT);
  });

  it('sets no bound for what was lost while the application is what limits', () => {
    const it = cruising();
    it.enter('REFILL');
    it.flow.setAppRate(it.now, RATE / 3);
    it.enter('UP');
    it.run(2 * RTT);
    it.flow.losses = new RandomLosses(0.1, 1);
    it.leave('UP', 300);
    expect(it.bbr.model.inflightLongterm).toBe(Infinity);
  });

  it('goes on going up as long as the application is what limits and nothing is lost', () => {
    const it = cruising();
    it.enter('UP');
    it.flow.setAppRate(it.now, RATE / 3);
    it.run(3000);
    expect(it.state).toBe('UP');
  });

  it('ends going down when what is in flight fits the path, with room for others', () => {
    const it = cruising();
    it.enter('UP');
    it.enter('DOWN');
    expect(it.flow.recovery.bytesInFlight).toBeGreaterThan(1.1 * BDP);
    it.enter('CRUISE');
    expect(it.flow.recovery.bytesInFlight).toBeLessThanOrEqual(1.02 * BDP);
  });

  it('probes again from going down if that never ends', () => {
    const it = cruising({ queueBdp: 8 });
    it.enter('UP');
    it.enter('DOWN');
    const from = it.states.length;
    // Slower than it sends even now: the queue does not shrink.
    it.link.setRate(it.now, RATE / 2);
    it.until('leaving DOWN', () => it.states.length > from);
    expect(it.state).toBe('REFILL');
  });

  it('finds ten times the rate within two cycles', () => {
    const it = cruising();
    it.link.setRate(it.now, 10 * RATE);
    it.run(8000);
    expect(it.bbr.model.maxBw / (10 * RATE)).toBeGreaterThan(0.95);
    expect(share(it, 2000, 10 * RATE)).toBeGreaterThan(0.9);
  });

  it('raises a bound that has become too low faster and faster', () => {
    const it = cruising();
    it.enter('UP');
    it.flow.losses = new RandomLosses(0.1, 1);
    it.enter('DOWN');
    it.flow.losses = new RandomLosses(0, 1);
    it.link.setRate(it.now, 10 * RATE);
    const { inflightLongterm } = it.bbr.model;
    expect(inflightLongterm).toBeLessThan(1.3 * BDP);
    it.run(12_000);
    expect(it.bbr.model.inflightLongterm).toBeGreaterThan(5 * BDP);
    expect(share(it, 2000, 10 * RATE)).toBeGreaterThan(0.85);
  });

  it('comes down to a tenth of the rate', () => {
    const it = cruising({ queueBdp: 0.8 });
    it.link.setRate(it.now, RATE / 10);
    // The losses of the queue that overflows bound it at once, the filter of the rate follows after two cycles.
    const bounds: number[] = [];
    it.until(
      'bounding',
      () => {
        const { bwShortterm } = it.bbr.model;
        if (bwShortterm < Infinity && bwShortterm !== bounds.at(-1)) bounds.push(bwShortterm);
        return bwShortterm < RATE / 2;
      },
      2000,
    );
    // By three tenths in a round trip at most, as CUBIC does.
    for (let i = 1; i < bounds.length; i++) expect(bounds[i]! / bounds[i - 1]!).toBeGreaterThanOrEqual(0.699);
    expect(bounds[0]! / RATE).toBeGreaterThanOrEqual(0.699);
    expect(it.bbr.model.maxBw / RATE).toBeGreaterThan(0.98);
    it.run(15_000);
    expect(it.bbr.model.maxBw / (RATE / 10)).toBeLessThan(1.1);
    expect(share(it, 3000, RATE / 10)).toBeGreaterThan(0.9);
  });

  it('does not take what an application sends for what the path carries', () => {
    const it = cruising();
    it.enter('REFILL');
    const { maxBw } = it.bbr.model;
    it.flow.setAppRate(it.now, RATE / 10);
    it.enter('UP');
    it.run(20_000);
    expect(it.bbr.model.maxBw / maxBw).toBeGreaterThan(0.99);
  });
});

describe('losses while it does not probe', () => {
  it('bound rate and volume by what is delivered, until the next probe', () => {
    const it = cruising();
    it.run(100);
    it.flow.losses = new RandomLosses(0.3, 1);
    it.run(4.5 * RTT);
    const { bwShortterm, inflightShortterm, maxBw } = it.bbr.model;
    expect(bwShortterm).toBeLessThan(0.95 * maxBw);
    expect(bwShortterm).toBeGreaterThanOrEqual(0.34 * maxBw);
    expect(inflightShortterm).toBeLessThan(2 * BDP);
    expect(it.bbr.pacingRate).toBeLessThan(0.95 * maxBw);
    it.flow.losses = new RandomLosses(0, 1);
    it.enter('REFILL');
    expect(it.bbr.model.bwShortterm).toBe(Infinity);
    expect(it.bbr.model.inflightShortterm).toBe(Infinity);
  });

  it('do not bound at all while nothing is lost', () => {
    const it = cruising();
    it.run(1000);
    expect(it.bbr.model.bwShortterm).toBe(Infinity);
    expect(it.bbr.window).toBeGreaterThan(1.9 * BDP);
  });

  it('never take the rate below two packets in a round trip', () => {
    const it = cruising();
    it.flow.losses = new RandomLosses(0.6, 1);
    let least = Infinity;
    for (let i = 0; i < 600; i++) {
      it.run(50);
      const perRound = it.flow.recovery.smoothedRtt / SIZE;
      least = Math.min(least, it.bbr.model.bw * perRound);
      expect(it.bbr.pacingRate * perRound).toBeGreaterThanOrEqual(1.99);
    }
    expect(least).toBeLessThan(1);
    it.flow.losses = new RandomLosses(0, 1);
    it.run(10_000);
    expect(share(it, 2000)).toBeGreaterThan(0.8);
  });

  it('take the rate down to a policer without a queue', () => {
    const it = run({ queueBdp: 0.02 });
    it.run(10_000);
    const { dropped } = it.link;
    const { packetsSent } = it.flow.recovery;
    expect(share(it, 10_000)).toBeGreaterThan(0.8);
    expect((it.link.dropped - dropped) / (it.flow.recovery.packetsSent - packetsSent)).toBeLessThan(0.03);
  });
});

describe('probing for the round-trip time', () => {
  it('empties the path to half after ten seconds without a smaller one, for 200 ms, and goes back to cruising', () => {
    const it = cruising({ rttMs: 80 });
    const bdp = RATE * 80;
    const { minRtt } = it.bbr.model;
    // A queue that others make.
    it.run(1000);
    it.enter('PROBE_RTT', 11_000);
    const from = it.now;
    const window = it.bbr.window;
    // From the round-trip time before, not from the one that takes its place.
    expect(window / (0.5 * it.bbr.model.bw * minRtt)).toBeCloseTo(1, 1);
    it.run(150);
    expect(it.bbr.window).toBe(window);
    expect(it.flow.recovery.bytesInFlight).toBeLessThanOrEqual(0.55 * bdp);
    it.until('leaving', () => it.state !== 'PROBE_RTT');
    expect(it.now - from).toBeGreaterThan(200);
    expect(it.now - from).toBeLessThan(200 + 3 * 80);
    expect(it.state).toBe('CRUISE');
    it.run(160);
    expect(it.flow.recovery.bytesInFlight).toBeGreaterThan(0.9 * bdp);
  });

  it('is left for Startup if the path was never full', () => {
    const it = run();
    it.flow.setAppRate(0, RATE / 10);
    it.run(9000);
    it.enter('PROBE_RTT', 20_000);
    it.enter('STARTUP', 1000);
    it.flow.setAppRate(it.now, Infinity);
    it.enter('DRAIN', 1000);
    expect(it.bbr.model.maxBw / RATE).toBeGreaterThan(0.98);
  });

  it('is left out after a time without anything to send', () => {
    const it = cruising();
    it.flow.setAppRate(it.now, 0);
    it.run(15_000);
    const from = it.states.length;
    const { maxBw } = it.bbr.model;
    it.flow.setAppRate(it.now, Infinity);
    it.step();
    // Goes on at the rate it knew.
    expect(it.bbr.pacingRate / maxBw).toBeCloseTo(0.99);
    it.run(1500);
    expect(it.states.slice(from)).not.toContain('PROBE_RTT');
    expect(share(it, 500)).toBeGreaterThan(0.9);
  });

  it('does not take the little that is sent meanwhile for what the path carries', () => {
    const it = cruising();
    it.enter('PROBE_RTT', 15_000);
    const { maxBw } = it.bbr.model;
    it.enter('CRUISE');
    it.run(200);
    expect(it.bbr.model.maxBw / maxBw).toBeGreaterThan(0.99);
  });
});

describe('ACKs that come in clumps', () => {
  it.each([
    ['Startup', 0],
    ['cruising', 3000],
  ])('leave the path full: %s', (_, from) => {
    const it = run({ batchMs: 20, queueBdp: 3 });
    it.run(1000 + from);
    expect(it.bbr.model.extraAcked).toBeGreaterThan(0.3 * BDP);
    expect(it.bbr.window).toBeGreaterThan(2.2 * BDP);
    expect(share(it, 1500)).toBeGreaterThan(0.93);
  });
});

it('keeps four packets in flight on a path that holds less than one', () => {
  const it = run({ rate: 20, rttMs: 10, queueBdp: 60 });
  it.run(20_000);
  expect(it.states).toContain('CRUISE');
  expect(it.bbr.window).toBeGreaterThanOrEqual(4 * SIZE);
  expect(it.bbr.window).toBeLessThanOrEqual(12 * SIZE);
  expect(share(it, 20_000, 20)).toBeGreaterThan(0.9);
});

describe('what a controller is told beside packets', () => {
  it('is worth the minimum window when nothing gets through for long, and comes back from it', () => {
    const it = cruising();
    const { window } = it.bbr;
    it.bbr.onPersistentCongestion();
    expect(it.bbr.window).toBe(2 * SIZE);
    it.run(20 * RTT);
    expect(it.bbr.window).toBeGreaterThan(0.9 * window);
  });

  it('takes a CE mark for a loss', () => {
    const it = cruising();
    it.bbr.onCongestionEvent();
    it.run(2.5 * RTT);
    expect(it.bbr.model.bwShortterm).toBeLessThan(Infinity);
  });

  it('never has a window below two packets of a new size', () => {
    const bbr = new Bbr(SIZE, { u32: () => 0 });
    bbr.onPacketSize(65_507);
    expect(bbr.window).toBe(2 * 65_507);
  });

  it('goes back to Startup when the losses that ended it were none', () => {
    const it = run();
    it.run(4 * RTT);
    it.flow.losses = new RandomLosses(0.2, 1);
    it.run(RTT / 2);
    it.flow.losses = new RandomLosses(0, 1);
    it.leave('STARTUP', 3 * RTT);
    const { inflightLongterm } = it.bbr.model;
    expect(inflightLongterm).toBeLessThan(Infinity);
    it.bbr.onSpuriousCongestion();
    expect(it.state).toBe('STARTUP');
    expect(it.bbr.model.inflightLongterm).toBe(Infinity);
    it.enter('DRAIN');
    expect(it.bbr.model.maxBw / RATE).toBeGreaterThan(0.98);
  });

  it('probes again when the losses that ended a probe were none, with the bounds there were before', () => {
    const it = cruising();
    it.enter('UP');
    it.flow.losses = new RandomLosses(0.1, 1);
    it.enter('DOWN');
    it.flow.losses = new RandomLosses(0, 1);
    const { window } = it.bbr;
    it.bbr.onSpuriousCongestion();
    expect(it.state).toBe('REFILL');
    expect(it.bbr.model.inflightLongterm).toBe(Infinity);
    expect(it.bbr.model.bwShortterm).toBe(Infinity);
    expect(it.bbr.window).toBeGreaterThanOrEqual(window);
  });

  it('does not leave the probe for the round-trip time when losses turn out to be none', () => {
    const it = cruising();
    it.enter('PROBE_RTT', 15_000);
    it.bbr.onSpuriousCongestion();
    expect(it.state).toBe('PROBE_RTT');
  });
});
