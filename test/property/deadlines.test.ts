import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Deadlines, type Deadline } from '../../lib/protocol/deadlines.js';

describe('Deadlines', () => {
  it('gives the earliest of any set that moves about, as a sorted list does', () => {
    const step = fc.tuple(fc.nat(9), fc.oneof(fc.nat(50), fc.constant(Infinity)), fc.boolean());
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const items: Deadline[] = Array.from({ length: 10 }, () => ({ deadline: Infinity, heapIndex: -1 }));
        const heap = new Deadlines<Deadline>();
        const model = new Map<Deadline, number>();
        for (const [index, at, pop] of steps) {
          const item = items[index]!;
          heap.set(item, at);
          if (at === Infinity) model.delete(item);
          else model.set(item, at);
          const earliest = Math.min(Infinity, ...model.values());
          expect(heap.next).toBe(earliest);
          if (!pop) continue;
          expect(heap.popDue(earliest - 1)).toBeUndefined();
          if (earliest === Infinity) continue;
          const due = heap.popDue(earliest)!;
          expect(model.get(due)).toBe(earliest);
          model.delete(due);
          expect(due.heapIndex).toBe(-1);
        }
      }),
    );
  });
});
