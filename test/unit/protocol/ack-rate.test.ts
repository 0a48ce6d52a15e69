import { describe, expect, it } from 'vitest';
import { CloseCode, ControlType } from '../../../lib/constants.js';
import { AckRate } from '../../../lib/protocol/ack-rate.js';
import { FrameLog } from '../../../lib/protocol/frame-log.js';
import { RttEstimator } from '../../../lib/protocol/rtt.js';
import { type FrameVisitor, parsePacketFrames } from '../../../lib/wire/packet-frames.js';

const LOG = new FrameLog();

/** What the peer would read: sequence, threshold, microseconds. Undefined if nothing is to be sent. */
function taken(rate: AckRate): number[] | undefined {
  if (!rate.wanted) return undefined;
  const bytes = new Uint8Array(64);
  LOG.clear();
  const end = rate.encode(bytes, 0, LOG);
  let read: number[] = [];
  const visitor = { onAckFrequency: (...values: number[]) => ((read = values), CloseCode.NONE) };
  expect(parsePacketFrames(bytes, 0, end, visitor as unknown as FrameVisitor)).toBe(CloseCode.NONE);
  expect(bytes[1]).toBe(ControlType.ACK_FREQUENCY);
  expect(rate.wanted).toBe(false);
  return read;
}

describe('the rate of ACKs that is asked for', () => {
  it('is a part of what is in flight, and of the round trip', () => {
    const rate = new AckRate(25);
    rate.onRound(1_920, new RttEstimator(40), false);
    expect(taken(rate)).toEqual([1, 20, 6_000]);
  });

  it('is higher in slow start', () => {
    const rate = new AckRate(25);
    rate.onRound(2_560, new RttEstimator(40), true);
    expect(taken(rate)).toEqual([1, 10, 6_000]);
  });

  it('is left to the peer where little is in flight, near by, and before anything is known', () => {
    const rate = new AckRate(25);
    rate.onRound(300, new RttEstimator(40), false);
    rate.onRound(100_000, new RttEstimator(7.9), false);
    rate.onRound(100_000, new RttEstimator(), false);
    rate.onRound(0, new RttEstimator(1_000), false);
    expect(rate.wanted).toBe(false);
  });

  it('never has the peer wait longer than it may by its own promise', () => {
    for (const promise of [0, 1, 25, 1_000]) {
      const rate = new AckRate(promise);
      rate.onRound(10_000, new RttEstimator(800), false);
      expect(taken(rate)).toEqual([1, 104, 1000 * Math.min(promise, 101)]);
    }
  });

  it('is changed when it is off by a factor of two, and not before', () => {
    const rate = new AckRate(25);
    const rtt = new RttEstimator(40);
    rate.onRound(1_920, rtt, false);
    expect(taken(rate)![1]).toBe(20);
    for (const packets of [1_200, 3_600, 1_920]) rate.onRound(packets, rtt, false);
    expect(rate.wanted).toBe(false);
    rate.onRound(3_840, rtt, false);
    expect(taken(rate)).toEqual([2, 40, 6_000]);
    rate.onRound(1_920, rtt, false);
    expect(taken(rate)).toEqual([3, 20, 6_000]);
    rate.onRound(1_920, new RttEstimator(100), false);
    expect(taken(rate)).toEqual([4, 20, 13_500]);
  });

  it('goes back to the peer when less is in flight, and when the path is another', () => {
    const rate = new AckRate(25);
    rate.onRound(1_920, new RttEstimator(40), false);
    taken(rate);
    rate.onRound(20, new RttEstimator(40), false);
    expect(taken(rate)).toEqual([2, 1, 25_000]);
    rate.onRound(20, new RttEstimator(40), false);
    rate.onPath();
    expect(rate.wanted).toBe(false);
    rate.onRound(1_920, new RttEstimator(40), false);
    taken(rate);
    rate.onPath();
    expect(taken(rate)).toEqual([4, 1, 25_000]);
  });

  it('is asked for again when the frame is lost, unless another one followed', () => {
    const rate = new AckRate(25);
    rate.onRound(1_920, new RttEstimator(40), false);
    taken(rate);
    rate.onLost(1);
    expect(taken(rate)).toEqual([1, 20, 6_000]);
    rate.onRound(4_000, new RttEstimator(40), false);
    taken(rate);
    rate.onLost(1);
    expect(rate.wanted).toBe(false);
    rate.onLost(2);
    expect(taken(rate)![0]).toBe(2);
  });
});
