import { describe, expect, it } from 'vitest';
import { AckTracker } from '../../../lib/protocol/ack-tracker.js';
import { ReceivedRanges } from '../../../lib/protocol/received-ranges.js';

function ranges(acks: AckTracker): number[][] {
  return Array.from({ length: acks.received.count }, (_, i) => [
    acks.received.pairs[i * 2]!,
    acks.received.pairs[i * 2 + 1]!,
  ]);
}

/** A tracker past the first 16 packets, with all of them acknowledged. */
function settled(): AckTracker {
  const acks = new AckTracker(25, new ReceivedRanges());
  acks.onReceived(0, 16, true, 0);
  acks.onAckSent(false);
  return acks;
}

describe('ACK tracker', () => {
  it('acknowledges each of the first 16 packets at once', () => {
    const acks = new AckTracker(25, new ReceivedRanges());
    for (let pn = 0; pn < 16; pn++) {
      acks.onReceived(pn, 1, true, pn);
      expect(acks.shouldAckNow(pn)).toBe(true);
      acks.onAckSent(false);
      expect(acks.shouldAckNow(pn)).toBe(false);
    }
    acks.onReceived(16, 1, true, 16);
    expect(acks.shouldAckNow(16)).toBe(false);
  });

  it('acknowledges a lone packet within max_ack_delay', () => {
    const acks = settled();
    acks.onReceived(16, 1, true, 100);
    acks.onBatchEnd();
    expect(acks.hasUnacked).toBe(true);
    expect(acks.ackDeadline).toBe(124);
    expect(acks.shouldAckNow(123.9)).toBe(false);
    expect(acks.shouldAckNow(124)).toBe(true);
    expect(acks.ackDelay(124)).toBe(24);
  });

  it('acknowledges at the end of a batch once two packets wait', () => {
    const acks = settled();
    acks.onReceived(16, 1, true, 100);
    acks.onBatchEnd();
    acks.onReceived(17, 1, true, 101);
    expect(acks.shouldAckNow(101)).toBe(false);
    acks.onBatchEnd();
    expect(acks.ackDeadline).toBe(-Infinity);
    expect(acks.shouldAckNow(101)).toBe(true);
  });

  it('acknowledges once per batch, however many packets it holds', () => {
    const acks = settled();
    acks.onReceived(16, 64, true, 100);
    acks.onReceived(80, 64, true, 100);
    acks.onBatchEnd();
    expect(acks.shouldAckNow(100)).toBe(true);
    acks.onAckSent(false);
    expect(acks.hasUnacked).toBe(false);
    expect(acks.ackDeadline).toBe(Infinity);
    expect(ranges(acks)).toEqual([[0, 143]]);
  });

  it.each([
    ['a gap', (acks: AckTracker) => acks.onReceived(17, 1, true, 100)],
    ['congestion experienced', (acks: AckTracker) => acks.onReceived(16, 1, true, 100, 3)],
    [
      'a demand',
      (acks: AckTracker) => {
        acks.hurry();
        acks.onReceived(16, 1, true, 100);
      },
    ],
    [
      'reordering',
      (acks: AckTracker) => {
        acks.onReceived(17, 1, true, 100);
        acks.onAckSent(false);
        acks.onReceived(16, 1, true, 100);
      },
    ],
  ])('acknowledges at once on %s', (_, act) => {
    const acks = settled();
    act(acks);
    expect(acks.shouldAckNow(100)).toBe(true);
  });

  it('never acknowledges packets that do not ask for it by themselves', () => {
    const acks = settled();
    acks.onReceived(20, 5, false, 100);
    acks.onReceived(17, 1, false, 100, 3);
    acks.onBatchEnd();
    expect(acks.hasUnacked).toBe(false);
    expect(acks.ackDeadline).toBe(Infinity);
    expect(ranges(acks)[0]).toEqual([20, 24]);
  });

  it('follows ACK_FREQUENCY, but not an older one, nor beyond its own promise', () => {
    const acks = settled();
    acks.onAckFrequency(1, 9, 10);
    acks.onAckFrequency(0, 0, 500);
    acks.onReceived(16, 9, true, 100);
    acks.onBatchEnd();
    expect(acks.ackDeadline).toBe(109);
    acks.onReceived(25, 1, true, 100);
    acks.onBatchEnd();
    expect(acks.shouldAckNow(100)).toBe(true);
    acks.onAckSent(false);
    acks.onAckFrequency(2, 1, 500);
    acks.onReceived(26, 1, true, 200);
    expect(acks.ackDeadline).toBe(224);
  });

  it('joins what closes a gap', () => {
    const acks = new AckTracker(25, new ReceivedRanges());
    for (const pn of [0, 2, 4, 6]) acks.onReceived(pn, 1, true, 0);
    expect(ranges(acks)).toEqual([
      [6, 6],
      [4, 4],
      [2, 2],
      [0, 0],
    ]);
    acks.onReceived(3, 1, true, 0);
    expect(ranges(acks)).toEqual([
      [6, 6],
      [2, 4],
      [0, 0],
    ]);
    acks.onReceived(1, 1, true, 0);
    acks.onReceived(5, 1, true, 0);
    expect(ranges(acks)).toEqual([[0, 6]]);
  });

  it('keeps 64 ranges and drops the oldest', () => {
    const acks = new AckTracker(25, new ReceivedRanges());
    for (let i = 0; i < 100; i++) acks.onReceived(i * 2, 1, true, 0);
    expect(acks.received.count).toBe(64);
    expect(ranges(acks)[0]).toEqual([198, 198]);
    expect(ranges(acks)[63]).toEqual([72, 72]);
    acks.onReceived(9, 1, true, 0);
    expect(acks.received.count).toBe(64);
    expect(ranges(acks)[63]).toEqual([72, 72]);
  });

  it('drops what an acknowledged ACK has told, but for the largest number', () => {
    const acks = new AckTracker(25, new ReceivedRanges());
    acks.onReceived(0, 5, true, 0);
    acks.onReceived(6, 4, true, 0);
    acks.onAckOfAckReceived(7);
    expect(ranges(acks)).toEqual([[8, 9]]);
    acks.onAckOfAckReceived(9);
    expect(ranges(acks)).toEqual([[9, 9]]);
    acks.onReceived(10, 1, true, 0);
    expect(ranges(acks)).toEqual([[9, 10]]);
    acks.onReceived(5, 1, true, 0);
    expect(ranges(acks)).toEqual([
      [9, 10],
      [5, 5],
    ]);
  });

  it('measures the ACK delay from the arrival of the largest number', () => {
    const acks = settled();
    acks.onReceived(17, 1, true, 100);
    acks.onReceived(16, 1, true, 110);
    expect(acks.largest).toBe(17);
    expect(acks.ackDelay(112)).toBe(12);
  });

  it('counts ECN marks', () => {
    const acks = new AckTracker(25, new ReceivedRanges());
    expect(acks.received.hasEcn).toBe(false);
    acks.onReceived(0, 3, true, 0, 2);
    acks.onReceived(3, 2, true, 0, 1);
    acks.onReceived(5, 1, true, 0, 3);
    acks.onReceived(6, 7, true, 0, 0);
    expect([acks.received.hasEcn, acks.received.ect0, acks.received.ect1, acks.received.ce]).toEqual([true, 3, 2, 1]);
  });

  it('asks for a PING after many ACKs of many ranges that nothing acknowledged', () => {
    const acks = new AckTracker(25, new ReceivedRanges());
    for (let i = 0; i < 40; i++) {
      acks.onReceived(i * 2, 1, true, 0);
      expect(acks.wantsPing).toBe(i >= 32);
      acks.onAckSent(false);
    }
    acks.onAckSent(true);
    expect(acks.wantsPing).toBe(false);
  });
});
