import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REFERENCE_OCTETS, SendBuffer } from '../../../lib/protocol/send-buffer.js';

interface Flight {
  readonly begin: number;
  readonly end: number;
  readonly fin: boolean;
}

describe('send buffer', () => {
  it('sends exactly what was written until all is acknowledged, whatever is lost', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('write' as const), n: fc.oneof(fc.nat(40), fc.nat(3_000), fc.nat(40_000)) }),
      fc.record({ kind: fc.constant('send' as const), n: fc.integer({ min: 1, max: 3_000 }) }),
      fc.record({ kind: fc.constant('ack' as const), n: fc.nat() }),
      fc.record({ kind: fc.constant('lose' as const), n: fc.nat() }),
      fc.record({ kind: fc.constant('finish' as const), n: fc.nat() }),
      fc.record({ kind: fc.constant('probe' as const), n: fc.integer({ min: 1, max: 1_200 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), fc.nat(), (steps, salt) => {
        const buffer = new SendBuffer();
        const written: Uint8Array[] = [];
        let length = 0;
        const flights: Flight[] = [];
        const received = new Map<number, number>();
        const all = (): Uint8Array => {
          const joined = new Uint8Array(length);
          let at = 0;
          for (const chunk of written) {
            joined.set(chunk, at);
            at += chunk.length;
          }
          return joined;
        };
        const send = (max: number): void => {
          const begin = buffer.pickBegin;
          const end = Math.min(buffer.pickEnd, begin + max);
          const fin = buffer.pickFin && end === buffer.pickEnd;
          if (end > begin) {
            // Both ways of reading must give the same.
            const copied = new Uint8Array(end - begin);
            buffer.copy(begin, end - begin, copied, 0);
            for (let at = begin; at < end;) {
              buffer.locate(at);
              const take = Math.min(end - at, buffer.chunkEnd - buffer.chunkBegin);
              const piece = buffer.chunk.subarray(buffer.chunkBegin, buffer.chunkBegin + take);
              expect(copied.subarray(at - begin, at - begin + take)).toEqual(new Uint8Array(piece));
              at += take;
            }
            for (let i = 0; i < copied.length; i++) {
              const before = received.get(begin + i);
              if (before !== undefined) expect(copied[i]).toBe(before);
              received.set(begin + i, copied[i]!);
            }
          }
          buffer.onSent(begin, end, fin);
          flights.push({ begin, end, fin });
        };
        for (const { kind, n } of steps) {
          if (kind === 'finish') {
            if (n % 4 === 0) buffer.finish();
          } else if (kind === 'write') {
            if (buffer.finished) continue;
            const chunk = Uint8Array.from({ length: n }, (_, i) => (i * 7 + length * 13 + salt) & 0xff);
            written.push(chunk.slice());
            buffer.append(chunk);
            // A copied chunk may be changed at once.
            if (n < REFERENCE_OCTETS) chunk.fill(0);
            length += n;
          } else if (kind === 'send') {
            if (buffer.pick(Infinity)) send(n);
          } else if (kind === 'probe') {
            if (buffer.pickOldest()) send(n);
          } else if (flights.length > 0) {
            const { begin, end, fin } = flights.splice(n % flights.length, 1)[0]!;
            if (kind === 'ack') buffer.onAcked(begin, end, fin);
            else buffer.onLost(begin, end, fin);
          }
          expect(buffer.unsent).toBeGreaterThanOrEqual(0);
          expect(buffer.unacked).toBeGreaterThanOrEqual(0);
        }
        buffer.finish();
        for (let round = 0; !buffer.done; round++) {
          expect(round).toBeLessThan(10_000);
          if (buffer.pick(Infinity)) send(10_000);
          const flight = flights.shift();
          if (flight !== undefined) buffer.onAcked(flight.begin, flight.end, flight.fin);
        }
        expect(Uint8Array.from({ length }, (_, i) => received.get(i)!)).toEqual(all());
        expect(buffer.unsent + buffer.unacked).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('stays below the credit', () => {
    const buffer = new SendBuffer();
    buffer.append(new Uint8Array(100));
    expect(buffer.sendable(0)).toBe(false);
    expect(buffer.pick(0)).toBe(false);
    expect(buffer.pick(40)).toBe(true);
    expect([buffer.pickBegin, buffer.pickEnd, buffer.pickFin]).toEqual([0, 40, false]);
    buffer.onSent(0, 40, false);
    expect(buffer.sendable(40)).toBe(false);
    buffer.onLost(0, 40, false);
    expect(buffer.sendable(40)).toBe(true);
  });

  it('sends the end of an empty stream, and again if it is lost', () => {
    const buffer = new SendBuffer();
    expect(buffer.pick(0)).toBe(false);
    buffer.finish();
    expect(buffer.pick(0)).toBe(true);
    expect([buffer.pickBegin, buffer.pickEnd, buffer.pickFin]).toEqual([0, 0, true]);
    buffer.onSent(0, 0, true);
    expect(buffer.pick(0)).toBe(false);
    buffer.onLost(0, 0, true);
    expect(buffer.pick(0)).toBe(true);
    buffer.onSent(0, 0, true);
    buffer.onAcked(0, 0, true);
    expect(buffer.done).toBe(true);
  });

  it('takes an acknowledgement of the end alone before that of the octets', () => {
    const buffer = new SendBuffer();
    buffer.append(new Uint8Array(10));
    buffer.onSent(0, 10, false);
    buffer.finish();
    buffer.onSent(10, 10, true);
    buffer.onAcked(10, 10, true);
    expect(buffer.done).toBe(false);
    expect(buffer.pickOldest()).toBe(true);
    expect([buffer.pickBegin, buffer.pickEnd, buffer.pickFin]).toEqual([0, 10, true]);
    buffer.onAcked(0, 10, false);
    expect(buffer.done).toBe(true);
  });

  it('forgets everything on clear and keeps the offset reached', () => {
    const buffer = new SendBuffer();
    buffer.append(new Uint8Array(50_000));
    buffer.append(new Uint8Array(10));
    buffer.onSent(0, 1_000, false);
    buffer.clear();
    expect(buffer.next).toBe(1_000);
    expect(buffer.unsent + buffer.unacked).toBe(0);
    expect(buffer.pick(Infinity)).toBe(false);
    expect(buffer.pickOldest()).toBe(false);
  });
});
