import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Assembler } from '../../../lib/protocol/assembler.js';

const SIZE = 20_000;

class Collector {
  readonly octets: number[] = [];
  onOctets(bytes: Uint8Array, begin: number, end: number): void {
    for (let at = begin; at < end; at++) this.octets.push(bytes[at]!);
  }
}

describe('assembler', () => {
  it('gives every octet once and in order, the one that came first', () => {
    const piece = fc.record({
      offset: fc.oneof(fc.integer({ min: 0, max: SIZE - 1 }), fc.integer({ min: 0, max: 40 })),
      length: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 9_000 })),
      value: fc.integer({ min: 1, max: 255 }),
    });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const assembler = new Assembler();
        const collector = new Collector();
        const model = new Uint8Array(SIZE);
        for (const { offset, length, value } of pieces) {
          const end = Math.min(SIZE, offset + length);
          for (let at = offset; at < end; at++) if (model[at] === 0) model[at] = value;
          // The piece lies somewhere in a larger buffer, as in a slab.
          const bytes = new Uint8Array(end - offset + 7).fill(value);
          bytes.fill(0, 0, 3);
          bytes.fill(0, 3 + end - offset);
          assembler.push(offset, bytes, 3, 3 + end - offset, collector);
          bytes.fill(0);
          const gap = model.indexOf(0);
          const reached = gap < 0 ? SIZE : gap;
          expect(assembler.base).toBe(reached);
          expect(assembler.stored).toBe(model.subarray(reached).filter((octet) => octet !== 0).length);
        }
        expect(collector.octets).toEqual([...model.subarray(0, assembler.base)]);
      }),
      { numRuns: 200 },
    );
  });

  it('stands a sink that clears it in the middle of a delivery', () => {
    const assembler = new Assembler();
    let calls = 0;
    const sink = {
      onOctets(): void {
        calls++;
        assembler.clear();
      },
    };
    assembler.push(5_000, new Uint8Array(5_000).fill(1), 0, 5_000, sink);
    assembler.push(100, new Uint8Array(100).fill(1), 0, 100, sink);
    assembler.push(0, new Uint8Array(20_000).fill(1), 0, 20_000, sink);
    expect(calls).toBeGreaterThan(0);
    expect(assembler.stored).toBe(0);
    expect(assembler.gaps).toBe(0);
  });

  it('holds octets beyond 2^32', () => {
    const assembler = new Assembler();
    const collector = new Collector();
    assembler.push(2 ** 40, Uint8Array.of(1, 2, 3), 0, 3, collector);
    assembler.push(2 ** 40 + 4, Uint8Array.of(5), 0, 1, collector);
    expect(assembler.gaps).toBe(2);
    expect(assembler.stored).toBe(4);
    expect(collector.octets).toEqual([]);
  });
});
