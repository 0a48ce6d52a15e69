import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CongestionController } from '../../../lib/protocol/congestion/controller.js';
import { Cubic } from '../../../lib/protocol/congestion/cubic.js';
import { NewReno } from '../../../lib/protocol/congestion/new-reno.js';
import { RttEstimator } from '../../../lib/protocol/rtt.js';

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('acked' as const),
      share: fc.double({ min: 0, max: 1.5, noNaN: true }),
      rtt: fc.double({ min: 0.01, max: 3000, noNaN: true }),
      wait: fc.double({ min: 0, max: 1e6, noNaN: true }),
      limited: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('event' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('persistent' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('spurious' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('size' as const), size: fc.integer({ min: 1200, max: 65_507 }) }),
  },
);

describe.each<[string, () => CongestionController]>([
  ['CUBIC', () => new Cubic(1200)],
  ['NewReno', () => new NewReno(1200)],
])('%s', (_, make) => {
  it('keeps its window sane whatever happens', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const controller = make();
        const rtt = new RttEstimator();
        let now = 0;
        let pn = 0;
        let size = 1200;
        for (const it of steps) {
          const before = controller.window;
          if (it.kind === 'acked') {
            now += it.wait;
            rtt.sample(it.rtt, 0);
            controller.onRttSample(rtt, pn++, pn + 10);
            const octets = Math.ceil(it.share * before);
            controller.onPacketsAcked(now, octets, rtt, it.limited);
            if (!it.limited) expect(controller.window).toBe(before);
            expect(controller.window).toBeGreaterThanOrEqual(before);
            // No faster than slow start, but that Reno's estimate may have run ahead by as much.
            expect(controller.window).toBeLessThanOrEqual(2 * before + 2 * octets + size);
          } else if (it.kind === 'event') {
            controller.onCongestionEvent(now);
            expect(controller.window).toBeLessThanOrEqual(Math.max(before, 2 * size));
            expect(controller.inSlowStart).toBe(false);
          } else if (it.kind === 'persistent') {
            controller.onPersistentCongestion(now);
            expect(controller.window).toBe(2 * size);
          } else if (it.kind === 'spurious') {
            controller.onSpuriousCongestion();
            expect(controller.window).toBeGreaterThanOrEqual(before);
          } else {
            size = it.size;
            controller.onPacketSize(size);
          }
          expect(Number.isInteger(controller.window)).toBe(true);
          expect(controller.window).toBeGreaterThanOrEqual(2 * size);
        }
      }),
      { numRuns: 300 },
    );
  });
});
