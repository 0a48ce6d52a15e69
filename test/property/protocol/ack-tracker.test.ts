import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AckTracker } from '../../../lib/protocol/ack-tracker.js';
import { ReceivedRanges } from '../../../lib/protocol/received-ranges.js';

describe('ACK tracker', () => {
  it('holds the ranges that a set of numbers has, newest first', () => {
    const numbers = fc.uniqueArray(fc.nat({ max: 150 }), { maxLength: 120 });
    fc.assert(
      fc.property(numbers, fc.array(fc.nat({ max: 150 }), { maxLength: 4 }), (arrivals, told) => {
        const acks = new AckTracker(25, new ReceivedRanges());
        const model = new Set<number>();
        let largest = -1;
        arrivals.forEach((pn, i) => {
          acks.onReceived(pn, 1, i % 3 > 0, i);
          model.add(pn);
          largest = Math.max(largest, pn);
          const at = told[i % 30];
          if (at === undefined || at > largest) return;
          acks.onAckOfAckReceived(at);
          for (const other of model) if (other <= at && other !== largest) model.delete(other);
        });
        const seen: number[] = [];
        for (let i = 0; i < acks.received.count; i++) {
          const lo = acks.received.pairs[i * 2]!;
          const hi = acks.received.pairs[i * 2 + 1]!;
          expect(lo).toBeLessThanOrEqual(hi);
          if (i > 0) expect(hi).toBeLessThan(acks.received.pairs[i * 2 - 2]! - 1);
          for (let pn = hi; pn >= lo; pn--) seen.push(pn);
        }
        const expected = [...model].sort((a, b) => b - a);
        // Beyond 64 ranges the oldest are dropped.
        if (acks.received.count < 64) expect(seen).toEqual(expected);
        else expect(expected.slice(0, seen.length)).toEqual(seen);
      }),
    );
  });
});
