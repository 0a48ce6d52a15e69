import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RangeSet } from '../../../lib/protocol/range-set.js';

const SPACE = 64;

function rangesOf(set: RangeSet): number[][] {
  return Array.from({ length: set.count }, (_, i) => [set.lo(i), set.hi(i)]);
}

function rangesOfModel(model: readonly boolean[]): number[][] {
  const ranges: number[][] = [];
  for (let at = 0; at < SPACE; at++) {
    if (!model[at]) continue;
    const last = ranges[ranges.length - 1];
    if (last !== undefined && last[1] === at) last[1] = at + 1;
    else ranges.push([at, at + 1]);
  }
  return ranges;
}

describe('range set', () => {
  it('does what a set of single numbers does', () => {
    const step = fc.record({
      kind: fc.constantFrom('add', 'remove', 'removeBelow'),
      lo: fc.integer({ min: 0, max: SPACE }),
      length: fc.integer({ min: 0, max: 20 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const set = new RangeSet();
        const model = Array.from({ length: SPACE }, () => false);
        for (const { kind, lo, length } of steps) {
          const hi = Math.min(SPACE, lo + length);
          const [from, until, value] =
            kind === 'add' ? [lo, hi, true] : kind === 'remove' ? [lo, hi, false] : [0, lo, false];
          let changed = 0;
          for (let at = from; at < until; at++) {
            if (model[at] !== value) changed++;
            model[at] = value;
          }
          const told = kind === 'add' ? set.add(lo, hi) : kind === 'remove' ? set.remove(lo, hi) : set.removeBelow(lo);
          expect(told).toBe(changed);
          expect(rangesOf(set)).toEqual(rangesOfModel(model));
          expect(set.size).toBe(model.filter(Boolean).length);
        }
        for (let at = 0; at < SPACE; at++) {
          expect(contains(set, at)).toBe(model[at]);
          const end = Math.min(SPACE, at + 5);
          expect(covers(set, at, end)).toBe(model.slice(at, end).every(Boolean));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('holds offsets beyond 2^32 exactly', () => {
    const set = new RangeSet();
    const far = Number.MAX_SAFE_INTEGER - 10;
    set.add(far, far + 4);
    set.add(far + 5, far + 10);
    set.add(far + 4, far + 5);
    expect(rangesOf(set)).toEqual([[far, far + 10]]);
  });
});

function contains(set: RangeSet, at: number): boolean {
  return covers(set, at, at + 1);
}

/** All of [lo, hi) is in the set. */
function covers(set: RangeSet, lo: number, hi: number): boolean {
  if (lo >= hi) return true;
  const index = set.firstEnding(hi);
  return index < set.count && set.lo(index) <= lo;
}
