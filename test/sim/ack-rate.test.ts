import { describe, expect, it } from 'vitest';
import { ControlType, PacketFrame } from '../../lib/constants.js';
import { ALGORITHMS } from '../../lib/protocol/congestion/algorithms.js';
import { datagramSending } from '../../lib/protocol/datagram-sending.js';
import type { LossRecovery } from '../../lib/protocol/loss-recovery.js';
import type { SendingFactory } from '../../lib/protocol/sending.js';
import { encodeAckFrequency } from '../../lib/wire/packet-frames.js';
import { runScenario, type ScenarioOptions } from '../support/sim/congestion/scenario.js';
import { Hostile } from '../support/sim/hostile.js';
import type { LinkConditions } from '../support/sim/network.js';
import { CLIENT, MovingPair } from '../support/sim/moving-pair.js';
import { Pair } from '../support/sim/pair.js';
import { Transfers } from '../support/sim/transfer.js';

/** As ever, but the peer is left to acknowledge as it likes. */
const silent: SendingFactory = (config) => {
  const made = datagramSending(config);
  (made.recovery as LossRecovery).ackRate.onRound = () => {};
  return made;
};

/** 100 Mbit/s, 80 ms and a queue of as much. */
const LINK: LinkConditions = { latencyMs: 40, rate: 12_500, queue: 1_000_000 };
const WINDOWS = { initialMaxData: 32_000_000, initialMaxStreamData: 16_000_000 };

interface Outcome {
  readonly pair: Pair;
  /** Until everything came. */
  readonly ms: number;
  /** Packets of the receiver, nearly all of them ACKs. */
  readonly acks: number;
}

function transfer(
  sending: SendingFactory,
  octets: number,
  conditions: Partial<LinkConditions> = {},
  { congestion = 'cubic', seed = 1 }: { congestion?: keyof typeof ALGORITHMS; seed?: number } = {},
): Outcome {
  const pair = new Pair({
    seed,
    conditions: { ...LINK, ...conditions },
    client: { config: { sending, congestion: ALGORITHMS[congestion], handshakeRttMs: 80 } },
    server: { params: WINDOWS },
  });
  const transfers = new Transfers(pair.client, pair.server);
  const begin = pair.now;
  const stream = transfers.start(octets, seed);
  pair.runUntil(() => transfers.received(stream) === octets, 600_000);
  const ms = pair.now - begin;
  pair.runUntil(() => transfers.done, 600_000);
  return { pair, ms, acks: pair.server.session.stats().packetsSent };
}

describe('a sender that asks for fewer ACKs', () => {
  it.each(['cubic', 'newreno', 'bbr'] as const)('gets a small part of them with %s, and is as fast', (congestion) => {
    const before = transfer(silent, 20_000_000, {}, { congestion });
    const after = transfer(datagramSending, 20_000_000, {}, { congestion });
    expect(after.acks).toBeLessThan(before.acks / 2);
    expect(after.ms).toBeLessThan(1.02 * before.ms);
  });

  it.each([10_000, 100_000, 1_000_000, 4_000_000])('is as fast at the start: %d octets', (octets) => {
    const before = transfer(silent, octets);
    const after = transfer(datagramSending, octets);
    // A quarter of a round trip at most.
    expect(after.ms).toBeLessThan(before.ms + 20);
  });

  it.each([0.0001, 0.001, 0.01, 0.1])('is as fast where %d of the packets are lost', (loss) => {
    let [before, after] = [0, 0];
    for (let seed = 1; seed <= 5; seed++) {
      before += transfer(silent, 3_000_000, { loss }, { seed }).ms;
      after += transfer(datagramSending, 3_000_000, { loss }, { seed }).ms;
    }
    expect(after).toBeLessThan(1.05 * before);
  });

  it('notices the loss of the last packets as early', () => {
    const ends = [silent, datagramSending].map((sending) => {
      const pair = new Pair({
        conditions: LINK,
        client: { config: { sending, handshakeRttMs: 80 } },
        server: { params: WINDOWS },
      });
      const transfers = new Transfers(pair.client, pair.server);
      const stream = transfers.start(4_000_000, 1);
      let lost = 0;
      // Of the last 20 packets, ten are lost once.
      pair.there.filter = () => transfers.received(stream) < 3_960_000 || lost++ >= 10;
      pair.runUntil(() => transfers.done, 60_000);
      return pair.now;
    });
    // Half a round trip at most.
    expect(ends[1]!).toBeLessThan(ends[0]! + 40);
  });

  it('asks a few times only, and not for what is near by or little', () => {
    let asked = 0;
    const counting: SendingFactory = (config) => {
      const made = datagramSending(config);
      const { ackRate } = made.recovery as LossRecovery;
      const { encode } = ackRate;
      ackRate.encode = (...args) => (asked++, encode.apply(ackRate, args));
      return made;
    };
    transfer(counting, 20_000_000);
    expect(asked).toBeGreaterThan(1);
    expect(asked).toBeLessThan(20);
    asked = 0;
    transfer(counting, 20_000_000, { latencyMs: 1, queue: 100_000 });
    transfer(counting, 1_000_000, { rate: 500, queue: 40_000 });
    expect(asked).toBe(0);
  });

  it('leaves it to the peer again when the rate falls, and on another path', () => {
    for (const move of [false, true]) {
      const config = { handshakeRttMs: 80 };
      const pair = new MovingPair({ conditions: LINK, server: { config }, client: { params: WINDOWS } });
      const asked: number[] = [];
      spy(pair, asked);
      const transfers = new Transfers(pair.server, pair.client);
      transfers.start(10_000_000, 1);
      pair.run(1_200);
      expect(asked.at(-1)).toBeGreaterThan(3);
      if (move) {
        pair.clientAddress = CLIENT + 16;
        pair.runUntil(() => pair.serverPaths.changes.length > 0, 10_000);
        pair.run(100);
        expect(asked).toContain(1);
      }
      pair.runUntil(() => transfers.done, 60_000);
      for (let i = 0; i < 5; i++) {
        transfers.start(2_000, i);
        pair.run(200);
      }
      expect(asked.at(-1)).toBe(1);
    }
  });

  it('keeps its share of a gigabit link, with a fraction of the ACKs', () => {
    const link: ScenarioOptions = { bitsPerSecond: 1e9, rttMs: 50, queueBdp: 1, seconds: 10, algorithms: [] };
    for (const name of ['cubic', 'bbr'] as const) {
      const [plain, asking] = [false, true].map((asks) =>
        runScenario({ ...link, asks, algorithms: [ALGORITHMS[name]] }),
      );
      expect(asking!.shares[0]! / plain!.shares[0]!).toBeGreaterThan(0.99);
      expect(asking!.flows[0]!.acksSent).toBeLessThan(plain!.flows[0]!.acksSent / 3);
    }
  });
});

describe('a peer that asks for ACKs', () => {
  const ask = (peer: Hostile, sequence: number, threshold: number, delayUs: number): Hostile =>
    peer.inject(peer.encode((out, at) => encodeAckFrequency(sequence, threshold, delayUs, out, at)));

  it('after more packets than there are gets them within max_ack_delay', () => {
    const peer = new Hostile();
    for (let i = 0; i < 20; i++) peer.ping(i);
    peer.poll();
    ask(peer, 0, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    peer.poll();
    peer.wait(30);
    peer.sink.sent.length = 0;
    for (let i = 0; i < 1_000; i++) peer.inject(Uint8Array.of(0x80, 0));
    peer.poll();
    expect(peer.sink.sent.filter(({ name }) => name === 'ACK')).toEqual([]);
    peer.wait(25);
    expect(peer.sink.sent.filter(({ name }) => name === 'ACK')).toHaveLength(1);
    expect(peer.closedWith).toBeUndefined();
  });

  it('is told of a gap at once, and again by the third packet behind it, whatever it asked for', () => {
    const peer = new Hostile();
    for (let i = 0; i < 20; i++) peer.ping(i);
    ask(peer, 0, 1_000, 25_000);
    peer.poll();
    const told: boolean[] = [];
    for (const skip of [0, 2, 0, 0, 0, 0]) {
      peer.sink.sent.length = 0;
      peer.pn += skip;
      peer.inject(Uint8Array.of(0x80, 0));
      peer.poll();
      told.push(peer.sink.sent.some(({ name }) => name === 'ACK'));
    }
    expect(told).toEqual([false, true, false, true, false, false]);
  });

  it('again and again makes nothing grow', () => {
    const peer = new Hostile();
    for (let i = 0; i < 10_000; i++) ask(peer, i, i, i);
    peer.poll();
    expect(peer.sink.packets).toBeLessThan(5);
    expect(peer.closedWith).toBeUndefined();
  });
});

/** Thresholds that the client of a pair is asked for, as they come. */
function spy(pair: MovingPair, asked: number[]): void {
  const { handleFrames } = pair.client.session;
  pair.client.session.handleFrames = (now, path, marks, pn, rest, bytes, begin, length) => {
    for (let at = begin; at < begin + length; at++) {
      // The only frame of its kind in the packets of these tests that is not a stream's.
      if (bytes[at] !== PacketFrame.CONTROL || bytes[at + 1] !== ControlType.ACK_FREQUENCY) continue;
      asked.push(bytes[at + 3]!);
      break;
    }
    handleFrames.call(pair.client.session, now, path, marks, pn, rest, bytes, begin, length);
  };
}
