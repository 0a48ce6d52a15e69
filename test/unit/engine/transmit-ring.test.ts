import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TransmitRing } from '../../../lib/engine/transmit-ring.js';

const ADDRESS = new Uint8Array(22);

class Output {
  readonly receiveBufferOctets = 0;
  readonly sendBufferOctets = 0;
  readonly held: { bytes: Uint8Array; begin: number; end: number; mark: number }[] = [];
  constructor(readonly synchronous: boolean) {}
  send(_address: Uint8Array, bytes: Uint8Array, begin: number, end: number): boolean {
    this.held.push({ bytes, begin, end, mark: bytes[begin]! });
    return this.synchronous;
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

describe('transmit ring', () => {
  it('refuses what does not fit, and takes it when the output has let go', () => {
    const ring = new TransmitRing(100);
    const output = new Output(false);
    ring.push(ADDRESS, ring.reserve(60), 60);
    expect(ring.reserve(41)).toBe(-1);
    expect(ring.isRoomy).toBe(false);
    expect(ring.flush(output)).toBe(60);
    expect(ring.reserve(41)).toBe(-1);
    ring.release(1);
    expect(ring.isRoomy).toBe(true);
    expect(ring.reserve(100)).toBe(0);
  });

  it('is free after a flush to an output that sends at once', () => {
    const ring = new TransmitRing(100);
    ring.push(ADDRESS, ring.reserve(100), 100);
    ring.flush(new Output(true));
    expect(ring.reserve(100)).toBe(0);
  });

  it('takes a bounded number of datagrams', () => {
    const ring = new TransmitRing(1_000_000);
    let taken = 0;
    for (let at = ring.reserve(1); at >= 0; at = ring.reserve(1), taken++) ring.push(ADDRESS, at, 1);
    expect(taken).toBe(2048);
  });

  it('never releases what was not sent', () => {
    const ring = new TransmitRing(100);
    ring.push(ADDRESS, ring.reserve(60), 60);
    ring.release(5);
    expect(ring.reserve(60)).toBe(-1);
    expect(ring.waiting).toBe(1);
  });

  it('never overwrites octets that the output still reads, and keeps their order', () => {
    const step = fc.oneof(
      fc.record({ push: fc.integer({ min: 1, max: 40 }) }),
      fc.record({ flush: fc.constant(true) }),
      fc.record({ release: fc.integer({ min: 1, max: 4 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const ring = new TransmitRing(128);
        const output = new Output(false);
        let mark = 0;
        for (const action of steps) {
          if ('push' in action) {
            const at = ring.reserve(action.push);
            if (at < 0) continue;
            mark = (mark + 1) & 0xff;
            ring.octets.fill(mark, at, at + action.push);
            ring.push(ADDRESS, at, action.push);
          } else if ('flush' in action) {
            ring.flush(output);
          } else {
            ring.release(Math.min(action.release, output.held.length));
            output.held.splice(0, action.release);
          }
          for (const { bytes, begin, end, mark: written } of output.held) {
            for (let i = begin; i < end; i++) expect(bytes[i]).toBe(written);
          }
          for (let i = 1; i < output.held.length; i++) {
            expect(output.held[i]!.mark).toBe((output.held[i - 1]!.mark + 1) & 0xff);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
