import { describe, expect, it } from 'vitest';
import { DEFAULT_SESSION_LIMITS } from '../../../lib/protocol/session-config.js';
import { ChurnBudget, StreamLookup, StreamTable } from '../../../lib/protocol/stream-table.js';
import { Stream, type StreamHost } from '../../../lib/protocol/stream.js';

const host = { limits: DEFAULT_SESSION_LIMITS, live: true } as StreamHost;

function table(peerLimit: number, ownLimit = 10, churn = new ChurnBudget(1_000, 100, 0)): StreamTable {
  return new StreamTable(true, ownLimit, peerLimit, churn);
}

function open(streams: StreamTable, id: number): Stream {
  expect(streams.lookup(id)).toBe(StreamLookup.NEW);
  const stream = new Stream(id, host, 0, 0);
  streams.add(stream);
  return stream;
}

describe('stream table', () => {
  it('numbers own streams and stops at the limit', () => {
    const streams = table(10, 2);
    expect([streams.nextOwnId(), streams.nextOwnId(), streams.nextOwnId()]).toEqual([1, 3, 0]);
    expect(streams.raiseOwnLimit(2)).toBe(false);
    expect(streams.raiseOwnLimit(3)).toBe(true);
    expect(streams.nextOwnId()).toBe(5);
  });

  it('opens lower ids by implication, without memory for each', () => {
    const streams = table(1_000_000);
    open(streams, 2_000_000);
    expect(streams.size).toBe(1);
    expect(streams.peerOpened).toBe(1_000_000);
    open(streams, 2);
    open(streams, 1_000_002);
    expect(streams.lookup(2)).toBe(StreamLookup.OPEN);
  });

  it('tells what is over, never opened, and beyond the limit', () => {
    const streams = table(5);
    streams.remove(open(streams, 2), false, 0);
    expect(streams.lookup(2)).toBe(StreamLookup.OVER);
    expect(streams.lookup(1)).toBe(StreamLookup.UNOPENED);
    expect(streams.lookup(12)).toBe(StreamLookup.OVER_LIMIT);
    expect(streams.lookup(0xfffffffe)).toBe(StreamLookup.OVER_LIMIT);
    expect(streams.lookup(10)).toBe(StreamLookup.NEW);
  });

  it('gives credit for new streams only for those cleaned up', () => {
    const streams = table(4);
    const opened = [2, 4, 6, 8].map((id) => open(streams, id));
    expect(streams.renewPeerLimit(0)).toBe(false);
    streams.remove(opened[2]!, false, 0);
    expect(streams.renewPeerLimit(0)).toBe(true);
    expect(streams.peerLimit).toBe(5);
    expect(streams.lookup(10)).toBe(StreamLookup.NEW);
    expect(streams.lookup(12)).toBe(StreamLookup.OVER_LIMIT);
  });

  it('withholds credit from a peer that resets without end, and gives it back at a rate', () => {
    const churn = new ChurnBudget(10, 100, 0);
    const streams = table(4, 0, churn);
    let id = 2;
    let opened = 0;
    while (streams.lookup(id) === StreamLookup.NEW) {
      const stream = new Stream(id, host, 0, 0);
      streams.add(stream);
      streams.remove(stream, true, 0);
      streams.renewPeerLimit(0);
      id += 2;
      opened++;
    }
    expect(opened).toBe(14);
    const deadline = churn.deadline;
    expect(deadline).toBeCloseTo(10, 6);
    expect(streams.renewPeerLimit(deadline + 0.001)).toBe(true);
    expect(streams.peerLimit).toBe(15);
    streams.renewPeerLimit(1_000);
    expect(streams.peerLimit).toBe(18);
    expect(churn.deadline).toBe(Infinity);
  });
});
