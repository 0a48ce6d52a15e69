import { describe, expect, it } from 'vitest';
import { CloseCode } from '../../../lib/constants.js';
import { ALGORITHMS } from '../../../lib/protocol/congestion/algorithms.js';
import { SentFrame } from '../../../lib/protocol/sent-packets.js';
import { PATH, PAYLOAD, RecoveryHarness, SIZE } from '../../support/recovery-harness.js';

describe('acknowledgement', () => {
  it('tells what became of the frames and frees the window', () => {
    const h = new RecoveryHarness();
    h.send(0, 3);
    expect(h.recovery.bytesInFlight).toBe(3 * SIZE);
    expect(h.ack(50, [0, 1])).toBe(CloseCode.NONE);
    expect(h.ackedCredits).toEqual([0, 1]);
    expect(h.recovery.bytesInFlight).toBe(SIZE);
    expect(h.recovery.rtt.latest).toBe(50);
    h.ack(60, [0, 2]);
    expect(h.ackedCredits).toEqual([0, 1, 2]);
    expect(h.recovery.unsettled).toBe(0);
  });

  it('tells a run as one frame, with STREAM_END only where it was sent', () => {
    const h = new RecoveryHarness();
    h.sendRun(0, 10, true);
    h.ack(10, [0, 3]);
    h.ack(11, [0, 9]);
    const end = 9 * PAYLOAD + 1;
    expect(h.acked).toEqual([
      [SentFrame.STREAM, 1, 0, 4 * PAYLOAD * 2],
      [SentFrame.STREAM, 1, 4 * PAYLOAD, (end - 4 * PAYLOAD) * 2 + 1],
    ]);
    expect(h.recovery.bytesInFlight).toBe(0);
  });

  it('tells a run in stretches where ranges have gaps', () => {
    const h = new RecoveryHarness();
    h.sendRun(0, 10);
    h.ack(10, [7, 8], [4, 5]);
    expect(h.acked).toEqual([
      [SentFrame.STREAM, 1, 4 * PAYLOAD, 2 * PAYLOAD * 2],
      [SentFrame.STREAM, 1, 7 * PAYLOAD, 2 * PAYLOAD * 2],
    ]);
    expect(h.lost).toEqual([[SentFrame.STREAM, 1, 0, 4 * PAYLOAD * 2]]);
  });

  it('tells every frame of a packet', () => {
    const h = new RecoveryHarness();
    h.send(0);
    h.recovery.addFrame(SentFrame.ACK, 41, 0, 0);
    h.recovery.addFrame(SentFrame.MESSAGE, 5, 0, 0);
    h.ack(10, [0, 0]);
    expect(h.acked.map(([kind]) => kind).sort()).toEqual([SentFrame.ACK, SentFrame.MESSAGE, SentFrame.FLOW_CREDIT]);
  });

  it('of a number that was not sent is a breach of the protocol', () => {
    const h = new RecoveryHarness();
    h.send(0, 3);
    expect(h.ack(1, [0, 3])).toBe(CloseCode.PROTOCOL);
    expect(h.ack(1, [0, 2 ** 53 - 1])).toBe(CloseCode.PROTOCOL);
    expect(h.acked).toEqual([]);
  });

  it('of a skipped number is a breach of the protocol, also long after its neighbours', () => {
    const h = new RecoveryHarness();
    h.sendRun(0, 4096);
    const first = h.sendRun(0, 100);
    expect(first).toBe(4097);
    h.ack(1, [0, 4095]);
    h.ack(1, [4097, 4196], [0, 4095]);
    expect(h.ack(2, [0, 4196])).toBe(CloseCode.PROTOCOL);
    expect(h.ack(2, [4096, 4196], [0, 4095])).toBe(CloseCode.PROTOCOL);
  });

  it('twice changes nothing', () => {
    const h = new RecoveryHarness();
    h.send(0, 5);
    h.ack(10, [0, 3]);
    const window = h.recovery.congestionWindow;
    h.ack(20, [0, 3]);
    h.ack(30, [1, 2]);
    expect(h.ackedCredits).toEqual([0, 1, 2, 3]);
    expect(h.recovery.congestionWindow).toBe(window);
    expect(h.recovery.rtt.latest).toBe(10);
  });

  it('believes in no longer ACK delay than the peer promised', () => {
    const h = new RecoveryHarness({ handshakeRttMs: 10 });
    h.send(0);
    h.recovery.onAckReceived(110, 0, 1e9, new Float64Array([0, 0]), 1, false, 0, 0, 0);
    expect(h.recovery.rtt.smoothed).toBeCloseTo(0.875 * 10 + 0.125 * (110 - 25));
  });

  it('gives no RTT sample unless the largest number is new and something asked for the ACK', () => {
    const h = new RecoveryHarness({ handshakeRttMs: 10 });
    h.send(0, 3);
    h.ack(20, [2, 2]);
    h.ack(500, [0, 2]);
    expect(h.recovery.rtt.latest).toBe(20);
    h.sendAck(600);
    h.ack(700, [0, 3]);
    expect(h.recovery.rtt.latest).toBe(20);
  });
});

describe('loss detection', () => {
  it('declares a packet lost once the third after it is acknowledged', () => {
    const h = new RecoveryHarness();
    h.send(0, 5);
    h.ack(10, [1, 2]);
    expect(h.lost).toEqual([]);
    h.ack(10, [1, 3]);
    expect(h.lostCredits).toEqual([0]);
    expect(h.recovery.packetsLost).toBe(1);
    expect(h.recovery.bytesInFlight).toBe(SIZE);
  });

  it('declares a packet lost when one sent after it was acknowledged and 9/8 of the RTT passed', () => {
    const h = new RecoveryHarness({ handshakeRttMs: 80 });
    h.send(0, 2);
    h.ack(80, [1, 1]);
    expect(h.lost).toEqual([]);
    expect(h.recovery.timeout()).toBeCloseTo(90);
    h.recovery.onTimeout(89);
    expect(h.lost).toEqual([]);
    h.recovery.onTimeout(h.recovery.timeout());
    expect(h.lostCredits).toEqual([0]);
    expect(h.recovery.unsettled).toBe(0);
  });

  it('waits for nothing after the last packet was told lost', () => {
    const h = new RecoveryHarness({ handshakeRttMs: 80 });
    h.send(0, 4);
    h.ack(80, [1, 3]);
    expect(h.lostCredits).toEqual([0]);
    expect(h.recovery.timeout()).toBe(Infinity);
  });

  it('takes an ACK of a lost packet as harmless', () => {
    const h = new RecoveryHarness();
    h.send(0, 5);
    h.ack(10, [1, 4]);
    h.ack(20, [0, 4]);
    expect(h.ackedCredits).toEqual([1, 2, 3, 4]);
    expect(h.recovery.spuriousLosses).toBe(1);
    expect(h.recovery.bytesInFlight).toBe(0);
    h.ack(30, [0, 4]);
    expect(h.recovery.spuriousLosses).toBe(1);
  });

  it('takes a congestion event back when all its losses turn out to be none', () => {
    const h = new RecoveryHarness();
    h.send(0, 10);
    h.ack(10, [2, 9]);
    expect(h.recovery.congestionWindow).toBe(5 * SIZE);
    h.ack(11, [1, 9]);
    expect(h.recovery.congestionWindow).toBe(5 * SIZE);
    h.ack(12, [0, 9]);
    expect(h.recovery.congestionWindow).toBe(10 * SIZE);
    expect(h.recovery.ssthresh).toBe(Infinity);
  });

  it('compares only packets of the same path', () => {
    const h = new RecoveryHarness({ handshakeRttMs: 20 });
    h.send(0, 1, PATH + 1, SentFrame.PATH);
    h.send(0, 10);
    h.ack(20, [1, 10]);
    expect(h.lost).toEqual([]);
    expect(h.recovery.bytesInFlight).toBe(0);
    h.recovery.onTimeout(h.recovery.timeout());
    expect(h.lost).toEqual([[SentFrame.PATH, 0, 0, 0]]);
    expect(h.recovery.congestionWindow).toBeGreaterThanOrEqual(10 * SIZE);
    expect(h.recovery.unsettled).toBe(0);
  });

  it('lets packets that only acknowledge come and go without an answer', () => {
    const h = new RecoveryHarness();
    for (let i = 0; i < 10_000; i++) h.sendAck(i);
    expect(h.recovery.bytesInFlight).toBe(0);
    const pn = h.send(10_000);
    h.ack(10_010, [pn - 1, pn]);
    expect(h.acked.map(([kind, a]) => [kind, a])).toEqual([
      [SentFrame.ACK, pn - 1],
      [SentFrame.FLOW_CREDIT, 0],
    ]);
  });

  it('takes the loss of a PMTU probe as no sign of congestion', () => {
    const h = new RecoveryHarness();
    h.send(0, 1, PATH, SentFrame.MTU_PROBE);
    h.send(0, 5);
    h.ack(10, [1, 5]);
    expect(h.lost).toEqual([[SentFrame.MTU_PROBE, 0, 0, 0]]);
    expect(h.recovery.packetsLost).toBe(0);
    expect(h.recovery.ssthresh).toBe(Infinity);
  });
});

describe('probe timeout', () => {
  it('comes one PTO after the last ack-eliciting packet and asks for two probes of the oldest data', () => {
    const h = new RecoveryHarness({ handshakeRttMs: 100 });
    h.sendRun(0, 5);
    h.send(3);
    h.sendAck(50);
    expect(h.recovery.timeout()).toBe(3 + 100 + 200 + 25);
    h.recovery.onTimeout(327);
    expect(h.recovery.probesToSend).toBe(0);
    h.recovery.onTimeout(328);
    expect(h.recovery.probesToSend).toBe(2);
    expect(h.recovery.ptoCount).toBe(1);
    expect(h.lost).toEqual([
      [SentFrame.STREAM, 1, 0, PAYLOAD * 2],
      [SentFrame.STREAM, 1, PAYLOAD, PAYLOAD * 2],
    ]);
    expect(h.recovery.packetsLost).toBe(0);
    expect(h.recovery.timeout()).toBe(328 + 650);
    h.send(330, 2);
    expect(h.recovery.probesToSend).toBe(0);
    expect(h.recovery.timeout()).toBe(330 + 650);
  });

  it('backs off up to one second', () => {
    const h = new RecoveryHarness({ handshakeRttMs: 100 });
    h.send(0);
    const waits: number[] = [];
    for (let now = 0; waits.length < 40;) {
      const at = h.recovery.timeout();
      waits.push(at - now);
      now = at;
      h.recovery.onTimeout(now);
    }
    expect(waits.slice(0, 4)).toEqual([325, 650, 1000, 1000]);
    expect(waits[39]).toBe(1000);
  });

  it('does not repeat messages, and tells nothing twice', () => {
    const h = new RecoveryHarness({ handshakeRttMs: 100 });
    h.send(0, 1, PATH, SentFrame.MESSAGE);
    h.send(0, 1);
    h.recovery.onTimeout(h.recovery.timeout());
    expect(h.lost).toEqual([[SentFrame.FLOW_CREDIT, 0, 1, 0]]);
    h.recovery.onTimeout(h.recovery.timeout());
    expect(h.lost).toHaveLength(1);
    h.send(900, 5);
    h.ack(1000, [2, 6]);
    expect(h.lost).toEqual([
      [SentFrame.FLOW_CREDIT, 0, 1, 0],
      [SentFrame.MESSAGE, 0, 0, 0],
    ]);
  });

  it('tells the ACK of a packet whose content was probed', () => {
    const h = new RecoveryHarness({ handshakeRttMs: 100 });
    h.sendRun(0, 2);
    h.recovery.onTimeout(h.recovery.timeout());
    h.ack(400, [0, 1]);
    expect(h.acked).toEqual([[SentFrame.STREAM, 1, 0, (PAYLOAD + 1) * 2]]);
    expect(h.recovery.ptoCount).toBe(0);
    expect(h.recovery.probesToSend).toBe(0);
    expect(h.recovery.bytesInFlight).toBe(0);
  });
});

describe('congestion', () => {
  it('answers all losses of one round trip once', () => {
    const h = new RecoveryHarness();
    h.send(0, 10);
    h.ack(10, [4, 9]);
    expect(h.recovery.congestionWindow).toBe(5 * SIZE);
    h.send(11, 5);
    h.ack(12, [7, 9]);
    h.send(20, 1);
    h.ack(21, [13, 15]);
    expect(h.lostCredits).toEqual([0, 1, 2, 3, 10, 11, 12]);
    expect(h.recovery.congestionWindow).toBe(2.5 * SIZE);
  });

  it('does not grow for packets sent before the event', () => {
    const h = new RecoveryHarness();
    h.send(0, 10);
    h.ack(10, [1, 3]);
    const window = h.recovery.congestionWindow;
    h.ack(11, [4, 9], [1, 3]);
    expect(h.recovery.congestionWindow).toBe(window);
  });

  it('does not grow while the application uses little of the window', () => {
    const h = new RecoveryHarness();
    for (let now = 0; now < 1000; now += 10) {
      const pn = h.send(now, 2);
      h.ack(now + 5, [0, pn + 1]);
    }
    expect(h.recovery.congestionWindow).toBe(10 * SIZE);
  });

  it('doubles in a round trip of slow start, whether ACKs come one by one or at once', () => {
    for (const batch of [1, 5, 10]) {
      const h = new RecoveryHarness();
      h.send(0, 10);
      for (let pn = 0; pn < 10; pn += batch) h.ack(10, [0, pn + batch - 1]);
      expect(h.recovery.congestionWindow).toBe(20 * SIZE);
    }
  });

  it('falls to two packets when nothing came through for long', () => {
    const h = new RecoveryHarness({ handshakeRttMs: 100 });
    h.send(0, 10);
    while (h.recovery.timeout() < 5000) {
      const now = h.recovery.timeout();
      h.recovery.onTimeout(now);
      while (h.recovery.probesToSend > 0) h.send(now);
    }
    const pn = h.send(5000, 4);
    h.ack(5100, [pn, pn + 3]);
    expect(h.recovery.congestionWindow).toBe(2 * SIZE);
    expect(h.recovery.rtt.min).toBe(100);
    expect(h.recovery.bytesInFlight).toBe(0);
  });

  it('is not persistent if something between the losses was acknowledged', () => {
    const h = new RecoveryHarness({ handshakeRttMs: 100 });
    h.send(0, 1);
    h.send(1000, 1);
    h.send(2000, 4);
    h.ack(2100, [5, 5], [1, 1]);
    h.recovery.onTimeout(h.recovery.timeout());
    expect(h.recovery.packetsLost).toBe(4);
    expect(h.recovery.congestionWindow).toBe(5 * SIZE);
  });

  it('is not persistent before the first RTT sample', () => {
    const h = new RecoveryHarness();
    h.send(0, 1);
    h.send(60_000, 4);
    h.ack(60_100, [4, 4]);
    expect(h.recovery.packetsLost).toBe(2);
    expect(h.recovery.congestionWindow).toBe(5 * SIZE);
  });

  it('answers ECN marks as a loss, and without validation not at all', () => {
    let h = new RecoveryHarness();
    const ack = (now: number, pn: number, ect0: number, ce: number): number =>
      h.recovery.onAckReceived(now, pn, 0, new Float64Array([0, pn]), 1, true, ect0, 0, ce);
    h.send(0, 1);
    ack(10, 0, 0, 1);
    expect(h.recovery.ssthresh).toBe(Infinity);
    h = new RecoveryHarness({ ecn: true });
    h.send(0, 1);
    ack(10, 0, 0, 0);
    expect(h.recovery.ecn.decide()).toBe(true);
    h.send(20, 4);
    ack(30, 4, 3, 1);
    expect(h.recovery.congestionWindow).toBe(5 * SIZE);
    expect(h.recovery.packetsLost).toBe(0);
    expect(h.recovery.ecn.state).toBe('capable');
    expect(h.recovery.ecn.decide()).toBe(true);
    h.send(40, 2);
    ack(50, 6, 3, 1);
    expect(h.recovery.ecn.state).toBe('failed');
    expect(h.recovery.ecn.decide()).toBe(false);
  });
});

const PROFILE = { packetSize: SIZE, congestion: ALGORITHMS.newreno };

describe('change of path', () => {
  it('starts anew and gives up what is in flight on the old one after a PTO', () => {
    const h = new RecoveryHarness({ handshakeRttMs: 20 });
    h.send(0, 10);
    h.ack(20, [0, 4]);
    expect(h.recovery.congestionWindow).toBe(15 * SIZE);
    h.recovery.onPathChanged(PATH + 1, PROFILE, false, 30);
    expect(h.recovery.bytesInFlight).toBe(0);
    expect(h.recovery.congestionWindow).toBe(10 * SIZE);
    expect(h.recovery.smoothedRtt).toBe(333);
    h.send(30, 4, PATH + 1);
    h.ack(60, [10, 13]);
    expect(h.lost).toEqual([]);
    expect(h.recovery.unsettled).toBeGreaterThan(0);
    h.recovery.onTimeout(h.recovery.timeout());
    expect(h.lostCredits).toEqual([5, 6, 7, 8, 9]);
    expect(h.recovery.unsettled).toBe(0);
    expect(h.recovery.ssthresh).toBe(Infinity);
  });

  it('learns nothing about the new path from ACKs of the old one', () => {
    const h = new RecoveryHarness({ handshakeRttMs: 20 });
    h.send(0, 10);
    h.recovery.onPathChanged(PATH + 1, PROFILE, false, 10);
    h.ack(20, [0, 9]);
    expect(h.ackedCredits).toHaveLength(10);
    expect(h.recovery.rtt.hasSample).toBe(false);
    expect(h.recovery.congestionWindow).toBe(10 * SIZE);
  });

  it('makes BBR begin anew, and late ACKs tell it no rate, even back on the old path', () => {
    const bbr = { packetSize: SIZE, congestion: ALGORITHMS.bbr };
    const h = new RecoveryHarness({ handshakeRttMs: 20, congestion: ALGORITHMS.bbr });
    for (let round = 0; round < 5; round++) {
      const first = h.send(round * 20, 10 * 2 ** round);
      h.ack(round * 20 + 20, [first, h.numbers.next - 1]);
    }
    expect(h.recovery.congestionWindow).toBe(320 * SIZE);
    expect(h.recovery.pacingRate).toBeGreaterThan((160 * SIZE) / 20);
    const late = h.send(100, 100);
    h.recovery.onPathChanged(PATH + 1, bbr, false, 101);
    expect(h.recovery.congestionWindow).toBe(10 * SIZE);
    expect(h.recovery.pacingRate).toBe(0);
    expect(h.recovery.packetSize).toBe(SIZE);
    h.recovery.onPathChanged(PATH, bbr, false, 102);
    h.ack(120, [late, late + 99]);
    expect(h.recovery.congestionWindow).toBe(10 * SIZE);
    const first = h.send(130, 10);
    h.ack(160, [first, first + 9]);
    expect(h.recovery.congestionWindow).toBe(20 * SIZE);
    // 2.77 times ten packets in a round trip: how long that is the late ACK did tell, for the path is the same.
    expect(h.recovery.pacingRate).toBeCloseTo((2.77 * 10 * SIZE) / 20);
  });

  it('gives up at once what is in flight on one that broke', () => {
    const h = new RecoveryHarness({ handshakeRttMs: 20 });
    h.send(0, 10);
    h.ack(20, [0, 4]);
    h.recovery.onPathChanged(PATH + 1, PROFILE, true, 21);
    expect(h.lostCredits).toEqual([5, 6, 7, 8, 9]);
    expect(h.recovery.unsettled).toBe(0);
    expect(h.recovery.congestionWindow).toBe(10 * SIZE);
  });

  it('keeps window and RTT where only the port changed', () => {
    const h = new RecoveryHarness({ handshakeRttMs: 20 });
    h.send(0, 10);
    h.ack(20, [0, 9]);
    h.recovery.onPathChanged(PATH + 1, undefined, false, 30);
    expect(h.recovery.congestionWindow).toBe(20 * SIZE);
    expect(h.recovery.smoothedRtt).toBeCloseTo(20);
  });
});

describe('memory', () => {
  it('grows with what is in flight and is given back a second after the last ACK', () => {
    const h = new RecoveryHarness({ handshakeRttMs: 20 });
    expect(h.recovery.timeout()).toBe(Infinity);
    h.sendRun(0, 4000);
    h.ack(20, [0, 3999]);
    expect(h.recovery.timeout()).toBe(1020);
    h.recovery.onTimeout(1020);
    expect(h.recovery.timeout()).toBe(Infinity);
    const pn = h.sendRun(2000, 50);
    h.ack(2020, [pn, pn + 49]);
    expect(h.recovery.bytesInFlight).toBe(0);
    expect(h.recovery.packetsLost).toBe(0);
  });
});
