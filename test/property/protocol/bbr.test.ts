import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CloseCode } from '../../../lib/constants.js';
import { ALGORITHMS } from '../../../lib/protocol/congestion/algorithms.js';
import { Bbr } from '../../../lib/protocol/congestion/bbr.js';
import type { CongestionAlgorithm } from '../../../lib/protocol/congestion/controller.js';
import { Pacer } from '../../../lib/protocol/pacer.js';
import { SimRandom } from '../../support/sim/random.js';
import { PATH, RecoveryHarness, SIZE } from '../../support/recovery-harness.js';

const ms = fc.double({ min: 0, max: 300, noNaN: true });
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('send' as const), count: fc.integer({ min: 1, max: 200 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('fill' as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('ack' as const),
      wait: fc.oneof(ms, fc.constant(0), fc.double({ min: 0, max: 1e7, noNaN: true })),
      // Distances backwards from the newest number: gap, length, gap, length ...
      gaps: fc.array(fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 400 })), { minLength: 1, maxLength: 8 }),
      ce: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('timeout' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('idle' as const), wait: ms }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('size' as const), size: fc.integer({ min: 1200, max: 65_507 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('path' as const),
      path: fc.nat({ max: 2 }),
      restart: fc.boolean(),
      gone: fc.boolean(),
    }),
  },
);

/** Keeps hold of the controllers that are made. */
function watched(seed: number): { algorithm: CongestionAlgorithm; current: () => Bbr } {
  let bbr: Bbr | undefined;
  const random = new SimRandom(seed);
  return { algorithm: (packetSize) => (bbr = new Bbr(packetSize, random)), current: () => bbr! };
}

describe('BBR below loss recovery', () => {
  it('keeps window and rate sane whatever is acknowledged, lost, late, or moved', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), fc.nat(), (steps, seed) => {
        const { algorithm, current } = watched(seed);
        const h = new RecoveryHarness({ congestion: algorithm, random: new SimRandom(seed) });
        const { recovery, numbers } = h;
        const pacer = new Pacer(recovery, 0);
        const profile = { packetSize: SIZE, congestion: algorithm };
        let now = 0;
        let sent = 0;
        let size = SIZE;
        /** The window may grow by what is acknowledged, and not more. */
        let most = 10 * SIZE;
        const send = (most: number): void => {
          const count = numbers.run(most);
          h.sendRun(now, count);
          pacer.onSent(now, count * SIZE);
          sent += count * SIZE;
        };
        for (const it of steps) {
          if (it.kind === 'send') send(it.count);
          else if (it.kind === 'fill') {
            for (let i = 0; i < 100 && recovery.canSend(SIZE); i++) send(Math.floor(recovery.room / SIZE));
          } else if (it.kind === 'ack') {
            now += it.wait;
            const ranges: [number, number][] = [];
            let hi = numbers.next - 1;
            for (const [gap, length] of it.gaps) {
              hi -= gap;
              if (hi < 0) break;
              ranges.push([Math.max(0, hi - length), hi]);
              hi -= length + 2;
            }
            const flat = new Float64Array(ranges.flat());
            if (ranges.length === 0 || numbers.acknowledgesSkipped(flat, ranges.length)) continue;
            const before = recovery.bytesInFlight;
            const code = recovery.onAckReceived(now, flat[1]!, 5, flat, ranges.length, it.ce, 3, 0, it.ce ? 1 : 0);
            expect(code).toBe(CloseCode.NONE);
            most += before - recovery.bytesInFlight;
          } else if (it.kind === 'timeout') {
            const at = recovery.timeout();
            if (at === Infinity) continue;
            now = Math.max(now, at);
            recovery.onTimeout(now);
          } else if (it.kind === 'idle') {
            now += it.wait;
            recovery.onAppLimited();
          } else if (it.kind === 'size') {
            size = Math.max(size, it.size);
            recovery.onPacketSize(it.size);
          } else {
            recovery.onPathChanged(PATH + it.path, it.restart ? profile : undefined, it.gone, now);
          }
          const window = recovery.congestionWindow;
          expect(Number.isSafeInteger(window)).toBe(true);
          expect(window).toBeGreaterThanOrEqual(2 * recovery.packetSize);
          expect(window).toBeLessThanOrEqual(most + 4 * size);
          const rate = recovery.pacingRate;
          expect(rate).toBeGreaterThanOrEqual(0);
          // No more than 2.77 times what could be delivered: all that was ever sent, within the clock's grain.
          expect(rate).toBeLessThanOrEqual((2.77 * (sent + 20 * size)) / 0.001);
          expect(pacer.delay(now, SIZE)).toBeLessThan(1e9);
          const { bdp, maxBw, minRtt, inflightLongterm, inflightShortterm, bwShortterm } = current().model;
          expect(bdp).toBeTypeOf('function');
          for (const it of [maxBw, minRtt, inflightLongterm, inflightShortterm, bwShortterm]) {
            expect(it).toBeGreaterThanOrEqual(0);
          }
        }
      }),
      { numRuns: 400 },
    );
  });

  it('never stalls: with all that is sent acknowledged in the end, there is always room and a time to send', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.nat(), (lossPercent, seed) => {
        const random = new SimRandom(seed);
        const h = new RecoveryHarness({ congestion: ALGORITHMS.bbr, random });
        const { recovery, numbers } = h;
        const pacer = new Pacer(recovery, 0);
        let now = 0;
        let arrived = 0;
        for (let round = 0; round < 150; round++) {
          // A round trip in which everything that may go goes, and some of it is lost.
          const wait = pacer.delay(now, SIZE);
          expect(wait).toBeLessThan(5_000);
          now += Math.max(wait, 20);
          const first = numbers.next;
          if (recovery.timeout() < Infinity && recovery.room < SIZE) now = Math.max(now, recovery.timeout());
          if (recovery.timeout() <= now) recovery.onTimeout(now);
          while (recovery.probesToSend > 0) h.send(now);
          let count = 0;
          while (recovery.canSend(SIZE) && count < 500 && pacer.budget(now) >= SIZE) {
            h.send(now);
            pacer.onSent(now, SIZE);
            count++;
          }
          now += 20;
          const ranges: [number, number][] = [];
          for (let pn = numbers.next - 1; pn >= first; pn--) {
            if (numbers.wasSkipped(pn) || random.chance(lossPercent / 100)) continue;
            arrived++;
            if (ranges.length > 0 && ranges.at(-1)![0] === pn + 1) ranges.at(-1)![0] = pn;
            else ranges.push([pn, pn]);
          }
          if (ranges.length > 0) h.ack(now, ...ranges);
        }
        expect(arrived).toBeGreaterThan(60);
      }),
      { numRuns: 60 },
    );
  });
});

describe.each(['cubic', 'newreno', 'bbr'] as const)(
  'a peer that acknowledges what it has not received (%s)',
  (name) => {
    it('is found out before the window is beyond what it acknowledged', () => {
      fc.assert(
        fc.property(fc.nat(), fc.double({ min: 0.01, max: 5, noNaN: true }), (seed, rtt) => {
          const h = new RecoveryHarness({ congestion: ALGORITHMS[name], random: new SimRandom(seed) });
          const { recovery, numbers } = h;
          let now = 0;
          let acked = 0;
          let code: number = CloseCode.NONE;
          while (code === CloseCode.NONE) {
            now += rtt;
            const first = numbers.next;
            const count = numbers.run(Math.min(64, Math.floor(recovery.room / SIZE)));
            h.sendRun(now, count);
            // It guesses what else was sent, so as to seem near and fast.
            code = h.ack(now + rtt / 2, [0, first + count - 1]);
            acked += count * SIZE;
            expect(recovery.congestionWindow).toBeLessThanOrEqual(acked + 14 * SIZE);
            expect(acked).toBeLessThan(2 * 4353 * SIZE);
          }
          expect(code).toBe(CloseCode.PROTOCOL);
        }),
        { numRuns: 30 },
      );
    });
  },
);
