import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CloseCode } from '../../../lib/constants.js';
import { unlimited } from '../../../lib/protocol/congestion/unlimited.js';
import { OrderedRanges } from '../../../lib/protocol/ordered-ranges.js';
import { OrderedRecovery } from '../../../lib/protocol/ordered-recovery.js';
import { ReceivedRanges } from '../../../lib/protocol/received-ranges.js';
import { SimRandom } from '../../support/sim/random.js';

class Harness {
  readonly told: string[] = [];
  readonly recovery = new OrderedRecovery({
    now: 0,
    observer: {
      onFrameAcked: (kind, a, b, c) => this.told.push(`acked ${kind} ${a} ${b} ${c}`),
      onFrameLost: (kind, a, b, c) => this.told.push(`lost ${kind} ${a} ${b} ${c}`),
    },
    random: new SimRandom(1),
    congestion: unlimited,
    packetSize: 1_200,
    peerMaxAckDelayMs: 25,
    path: 0,
  });

  /** Sends a packet of so many frames, which its number names. */
  send(now: number, frames = 1, ackEliciting = true): number {
    const pn = this.recovery.next;
    this.recovery.take(1);
    this.recovery.onPacketSent(pn, now, 100, ackEliciting);
    for (let i = 0; i < frames; i++) this.recovery.addFrame(1, pn, i, 7);
    return pn;
  }

  ack(now: number, ...pairs: number[]): number {
    return this.recovery.onAckReceived(now, pairs[1]!, 0, Float64Array.from(pairs), pairs.length / 2);
  }
}

describe('recovery on a connection', () => {
  it('takes for lost what lies before an acknowledged packet and is not acknowledged itself', () => {
    const h = new Harness();
    for (let i = 0; i < 6; i++) h.send(i);
    expect(h.ack(50, 4, 4, 1, 2)).toBe(CloseCode.NONE);
    expect(h.told).toEqual(['lost 1 0 0 7', 'acked 1 1 0 7', 'acked 1 2 0 7', 'lost 1 3 0 7', 'acked 1 4 0 7']);
    expect(h.recovery).toMatchObject({ largestAcked: 4, packetsLost: 2, unsettled: 1, bytesInFlight: 100 });
    expect(h.recovery.rtt.latest).toBe(46);
    // An older ACK tells nothing new.
    expect(h.ack(60, 0, 2)).toBe(CloseCode.NONE);
    expect(h.told).toHaveLength(5);
  });

  it('refuses an ACK of what was not sent', () => {
    const h = new Harness();
    h.send(0);
    expect(h.ack(10, 0, 1)).toBe(CloseCode.PROTOCOL);
    expect(h.told).toEqual([]);
  });

  it('remembers no packet that asks for no acknowledgement', () => {
    const h = new Harness();
    for (let i = 0; i < 100; i++) h.send(0, 1, false);
    expect(h.recovery).toMatchObject({ unsettled: 0, bytesInFlight: 0 });
    expect(h.recovery.timeout()).toBe(Infinity);
    expect(h.ack(10, 0, 99)).toBe(CloseCode.NONE);
    expect(h.told).toEqual([]);
  });

  it('asks when nothing comes back, at longer and longer intervals, and tells nothing lost for it', () => {
    const h = new Harness();
    h.send(0);
    const times: number[] = [];
    for (let i = 0; i < 10; i++) {
      const at = h.recovery.timeout();
      times.push(at);
      h.recovery.onTimeout(at);
      expect(h.recovery.probesToSend).toBe(1);
      h.send(at);
      expect(h.recovery.probesToSend).toBe(0);
    }
    const gaps = times.map((at, i) => at - (times[i - 1] ?? 0));
    for (let i = 1; i < gaps.length; i++) expect(gaps[i]).toBe(Math.min(2 * gaps[i - 1]!, 60_000));
    expect(h.told).toEqual([]);
    expect(h.recovery.ptoCount).toBe(10);
    h.ack(times.at(-1)! + 5, 10, 10);
    expect(h.recovery).toMatchObject({ ptoCount: 0, packetsLost: 10, unsettled: 0 });
    expect(h.recovery.timeout()).toBe(Infinity);
  });

  it('tells the fate of every frame once, whatever is acknowledged when', () => {
    const step = fc.record({
      send: fc.integer({ min: 0, max: 40 }),
      frames: fc.integer({ min: 0, max: 3 }),
      arrives: fc.array(fc.boolean(), { minLength: 1, maxLength: 20 }),
      acks: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const h = new Harness();
        const received = new ReceivedRanges();
        const arrived = new Set<number>();
        const frames = new Map<number, number>();
        let last = -1;
        let now = 0;
        let turn = 0;
        for (const { send, frames: count, arrives, acks } of steps) {
          now += 10;
          for (let i = 0; i < send; i++) {
            const pn = h.send(now, count);
            frames.set(pn, count);
            if (!arrives[turn++ % arrives.length]!) continue;
            arrived.add(pn);
            received.add(pn, pn, 0);
            last = pn;
          }
          if (!acks || last < 0) continue;
          const { pairs, count: ranges } = received;
          expect(h.recovery.onAckReceived(now, last, 0, pairs, ranges)).toBe(CloseCode.NONE);
          const expected: string[] = [];
          for (let pn = 0; pn <= last; pn++) {
            for (let i = 0; i < frames.get(pn)!; i++)
              expected.push(`${arrived.has(pn) ? 'acked' : 'lost'} 1 ${pn} ${i} 7`);
          }
          // Of what was sent so long ago that the ACK does not tell any more, all was told before.
          if (ranges < 64) expect(h.told).toEqual(expected);
          else expect(h.told.length).toBe(expected.length);
          expect(h.recovery.unsettled).toBe(h.recovery.next - 1 - last);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('what came in over a connection', () => {
  it('is told as it is of packets in whatever order, but for the oldest gaps', () => {
    const run = fc.record({ gap: fc.integer({ min: 0, max: 3 }), length: fc.integer({ min: 1, max: 5 }) });
    fc.assert(
      fc.property(fc.array(run, { minLength: 1, maxLength: 40 }), (runs) => {
        const ordered = new OrderedRanges();
        const general = new ReceivedRanges();
        let next = 0;
        for (const { gap, length } of runs) {
          next += gap;
          ordered.add(next, next + length - 1);
          general.add(next, next + length - 1, 0);
          next += length;
          const count = Math.min(general.count, 16);
          expect(ordered.count).toBe(count);
          expect(ordered.pairs.subarray(0, 2 * count)).toEqual(general.pairs.subarray(0, 2 * count));
        }
      }),
    );
  });
});
