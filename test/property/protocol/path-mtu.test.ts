import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PathMtu } from '../../../lib/protocol/path-mtu.js';

const MAX = 65_507;

/** What may happen while a search is on; `carried` is a path that changes. */
type Event =
  | { readonly kind: 'poll'; readonly window: number }
  /** The probe that is out arrives if the path carries it and `isLucky`; else it is lost. */
  | { readonly kind: 'answer'; readonly isLucky: boolean }
  | { readonly kind: 'path'; readonly carried: number }
  | { readonly kind: 'fall'; readonly why: 'black-hole' | 'silence' }
  | { readonly kind: 'refuse'; readonly octets: number }
  | { readonly kind: 'wait'; readonly ms: number };

const size = fc.oneof(fc.integer({ min: 1200, max: MAX }), fc.constantFrom(1200, 1232, 1392, 1472, 8972, 65_488, MAX));
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('poll' as const),
      window: fc.oneof(fc.constant(1e9), fc.integer({ min: 2_400, max: 500_000 })),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('answer' as const), isLucky: fc.constantFrom(true, true, true, false) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('path' as const), carried: size }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('fall' as const), why: fc.constantFrom('black-hole', 'silence') }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('refuse' as const), octets: size }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 100, 10_000, 700_000) }),
  },
);

describe('search for the path MTU under any row of events', () => {
  it('uses no size but 1,200 octets, the first one and those that an acknowledged probe had', () => {
    fc.assert(
      fc.property(size, size, size, fc.array(event, { maxLength: 300 }), (initial, max, first, events) => {
        const mtu = new PathMtu(initial, max);
        const confirmed = new Set([1200, initial]);
        let carried = first;
        let now = 0;
        for (const it of events) {
          if (it.kind === 'poll') {
            const wasOut = mtu.probe > 0;
            const probe = mtu.next(now, it.window);
            if (probe > 0) {
              expect(wasOut).toBe(false);
              expect(probe).toBeGreaterThan(mtu.size);
              expect(probe).toBeLessThanOrEqual(Math.max(initial, max));
              expect(4 * probe).toBeLessThanOrEqual(it.window);
              mtu.onProbeSent(probe);
            }
          } else if (it.kind === 'answer') {
            if (mtu.probe === 0) continue;
            if (it.isLucky && mtu.probe <= carried) {
              confirmed.add(mtu.probe);
              mtu.onProbeAcked();
            } else mtu.onProbeLost();
          } else if (it.kind === 'path') carried = it.carried;
          else if (it.kind === 'fall') mtu.fall(now, it.why);
          else if (it.kind === 'refuse') mtu.onRefused(now, it.octets);
          else now += it.ms;
          expect(confirmed).toContain(mtu.size);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('ends after few probes, whatever was lost before and is lost meanwhile, at what the path carries', () => {
    fc.assert(
      fc.property(
        size,
        size,
        size,
        fc.array(event, { maxLength: 50 }),
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        fc.constantFrom(0, 0.05, 0.5),
        (initial, max, carried, events, luck, loss) => {
          fc.pre(initial <= carried);
          const mtu = new PathMtu(initial, max);
          let now = 0;
          for (const it of events) {
            if (it.kind === 'poll') {
              const probe = mtu.next(now, it.window);
              if (probe > 0) mtu.onProbeSent(probe);
            } else if (it.kind === 'answer' && mtu.probe > 0) mtu.onProbeLost();
            else if (it.kind === 'fall') mtu.fall(now, it.why);
            else if (it.kind === 'wait') now += it.ms;
          }
          if (mtu.probe > 0) mtu.onProbeLost();
          // The search at hand comes to its end, and another one follows, behind all pauses.
          const failed = new Map<number, number>();
          for (let round = 0; round < 2; round++) {
            now += 1e6;
            failed.clear();
            let probes = 0;
            for (let probe = mtu.next(now, 1e9); probe > 0; probe = mtu.next(now, 1e9)) {
              expect(++probes).toBeLessThanOrEqual(100);
              mtu.onProbeSent(probe);
              if (probe <= carried && luck.next().value! >= loss) mtu.onProbeAcked();
              else {
                failed.set(probe, (failed.get(probe) ?? 0) + 1);
                mtu.onProbeLost();
              }
            }
          }
          expect(mtu.state).toBe('complete');
          const most = Math.min(carried, Math.max(initial, max));
          const isUnlucky = [...failed].some(([octets, times]) => octets <= carried && times >= 3);
          expect(mtu.size).toBeLessThanOrEqual(most);
          if (!isUnlucky) expect(most - mtu.size).toBeLessThanOrEqual(most / 64);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
