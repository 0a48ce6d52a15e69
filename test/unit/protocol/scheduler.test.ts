import { describe, expect, it } from 'vitest';
import { Scheduler } from '../../../lib/protocol/scheduler.js';
import { DEFAULT_SESSION_LIMITS } from '../../../lib/protocol/session-config.js';
import { Stream, type StreamHost } from '../../../lib/protocol/stream.js';

function streamsOf(scheduler: Scheduler, ...weights: number[]): Stream[] {
  const host = { limits: DEFAULT_SESSION_LIMITS, live: true } as StreamHost;
  return weights.map((weight, index) => {
    const stream = new Stream(index + 1, host, 0, 0);
    scheduler.setWeight(stream, weight);
    scheduler.add(stream);
    return stream;
  });
}

/** Octets each stream got after `rounds` packets of 1,000 octets. */
function run(scheduler: Scheduler, streams: readonly Stream[], rounds: number): number[] {
  const got = streams.map(() => 0);
  for (let i = 0; i < rounds; i++) {
    const stream = scheduler.next()!;
    scheduler.charge(stream, 1_000);
    got[stream.id - 1]! += 1_000;
  }
  return got;
}

describe('scheduler', () => {
  it('serves equal weights equally', () => {
    const scheduler = new Scheduler();
    const got = run(scheduler, streamsOf(scheduler, 16, 16, 16), 3_000);
    for (const octets of got) expect(Math.abs(octets - 1_000_000)).toBeLessThan(40_000);
  });

  it('serves in proportion to the weights', () => {
    const scheduler = new Scheduler();
    const got = run(scheduler, streamsOf(scheduler, 16, 32, 64), 70_000);
    expect(got[1]! / got[0]!).toBeCloseTo(2, 1);
    expect(got[2]! / got[0]!).toBeCloseTo(4, 1);
  });

  it('gives the lowest weight a sixteenth of what the highest gets', () => {
    const scheduler = new Scheduler();
    const got = run(scheduler, streamsOf(scheduler, 1, 256), 34_000);
    expect(got[1]! / got[0]!).toBeGreaterThan(15);
    expect(got[1]! / got[0]!).toBeLessThan(17);
  });

  it('raises the lowest again when the highest leaves', () => {
    const scheduler = new Scheduler();
    const streams = streamsOf(scheduler, 1, 4, 256);
    scheduler.remove(streams[2]!);
    const got = run(scheduler, streams, 50_000);
    expect(got[1]! / got[0]!).toBeCloseTo(4, 1);
    expect(got[2]).toBe(0);
  });

  it('does not make a stream pay for what it sent alone', () => {
    const scheduler = new Scheduler();
    const [first, second] = streamsOf(scheduler, 16, 16) as [Stream, Stream];
    scheduler.remove(second);
    for (let i = 0; i < 1_000; i++) scheduler.charge(scheduler.next()!, 1_000_000);
    scheduler.add(second);
    const got = run(scheduler, [first, second], 400);
    expect(Math.abs(got[0]! - got[1]!)).toBeLessThan(20_000);
  });

  it('sets blocked streams aside and takes them back', () => {
    const scheduler = new Scheduler();
    const streams = streamsOf(scheduler, 16, 16, 16);
    scheduler.block(streams[0]!);
    scheduler.block(streams[2]!);
    expect(scheduler.count).toBe(1);
    expect(scheduler.next()).toBe(streams[1]);
    scheduler.remove(streams[0]!);
    expect(scheduler.hasBlocked).toBe(true);
    scheduler.unblockAll();
    expect(scheduler.hasBlocked).toBe(false);
    expect(scheduler.count).toBe(2);
    for (const stream of streams) scheduler.remove(stream);
    expect(scheduler.next()).toBeUndefined();
  });

  it('keeps its books over any order of calls', () => {
    const scheduler = new Scheduler();
    const streams = streamsOf(scheduler, 1, 16, 30, 256, 5);
    let state = 1;
    for (let i = 0; i < 5_000; i++) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      const stream = streams[(state >>> 8) % 5]!;
      const kind = (state >>> 16) % 5;
      if (kind === 0) scheduler.add(stream);
      else if (kind === 1) scheduler.remove(stream);
      else if (kind === 2) scheduler.block(stream);
      else if (kind === 3) scheduler.setWeight(stream, 1 + ((state >>> 20) % 256));
      else scheduler.unblockAll();
      expect(scheduler.count).toBe(streams.filter(({ place }) => place === 1).length);
      const next = scheduler.next();
      if (next !== undefined) {
        expect(next.place).toBe(1);
        scheduler.charge(next, 1_000);
      }
    }
  });
});
