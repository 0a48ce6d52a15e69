import { describe, expect, it } from 'vitest';
import { ControlType } from '../../lib/constants.js';
import { ALGORITHMS } from '../../lib/protocol/congestion/algorithms.js';
import { encodeAck } from '../../lib/wire/packet-frames.js';
import { Hostile } from '../support/sim/hostile.js';
import { CLIENT, MovingPair, SERVER } from '../support/sim/moving-pair.js';
import type { LinkConditions } from '../support/sim/network.js';
import { Pair } from '../support/sim/pair.js';
import { ECN_AT, PlainCarrier } from '../support/sim/plain-carrier.js';
import { Transfers } from '../support/sim/transfer.js';

/** What the way to the server does to the ECN bits of a datagram, `ms` after the begin; -1: drops it. */
type Meddle = (ecn: number, number: number, ms: number) => number;

interface Options {
  readonly conditions?: Partial<LinkConditions>;
  readonly congestion?: keyof typeof ALGORITHMS;
  readonly meddle?: Meddle;
  readonly blind?: boolean;
  readonly octets?: number;
  readonly seed?: number;
  /** Of the client; true by default. */
  readonly ecn?: boolean;
}

/** A client that uses ECN sends so many octets; everything has to arrive. */
function transfer(options: Options): { pair: Pair; ms: number } {
  const { conditions, congestion = 'cubic', meddle, blind = false, octets = 1_000_000, seed = 1, ecn = true } = options;
  let begin: number | undefined;
  let number = 0;
  const carrier = new PlainCarrier();
  carrier.blind = blind;
  const config = { congestion: ALGORITHMS[congestion], ecn, handshakeRttMs: 50 };
  const pair = new Pair({
    seed,
    conditions: { latencyMs: 25, rate: 1250, ...conditions },
    client: { config },
    server: { config: { ecn: true }, carrier },
    filter: (datagram, now) => {
      begin ??= now;
      const bits = meddle?.(datagram[ECN_AT]!, number++, now - begin) ?? datagram[ECN_AT]!;
      if (bits < 0) return false;
      datagram[ECN_AT] = bits;
      return true;
    },
  });
  const transfers = new Transfers(pair.client, pair.server);
  transfers.start(octets, seed);
  pair.runUntil(() => transfers.done, 60_000);
  return { pair, ms: pair.now - begin! };
}

describe('ECN', () => {
  it('is used in both directions where the path carries marks', () => {
    const { pair } = transfer({ conditions: { queue: 1_000_000 } });
    for (const { session } of [pair.client, pair.server]) {
      expect(session.stats()).toMatchObject({ ecn: 'capable', ceMarks: 0 });
    }
  });

  it.each(['cubic', 'newreno', 'bbr'] as const)('keeps the queue of a router short without losses, with %s', (name) => {
    const rate = { rate: 1250, queue: 200_000 };
    const octets = 10_000_000;
    const marked = transfer({ conditions: { ...rate, markAbove: 40_000 }, congestion: name, octets });
    const { ecn, ceMarks, packetsLost } = marked.pair.client.session.stats();
    expect(ecn).toBe('capable');
    expect(ceMarks).toBe(marked.pair.there.stats.marked);
    expect(ceMarks).toBeGreaterThan(0);
    expect(packetsLost).toBe(0);
    // At least four fifths of what the link carries.
    expect(marked.ms).toBeLessThan(octets / 1250 / 0.8);
  });

  it('counts a congestion event once a round trip, however many packets of it are marked', () => {
    // All are marked for one round trip in the midst of the transfer.
    const { pair } = transfer({ meddle: (ecn, _, now) => (ecn === 2 && now > 300 && now < 350 ? 3 : ecn) });
    const { ceMarks, congestionWindow } = pair.client.session.stats();
    expect(ceMarks).toBeGreaterThan(20);
    expect(congestionWindow).toBeGreaterThan(30_000);
  });

  it.each<[string, Meddle]>([
    ['bleaches marks', () => 0],
    ['bleaches marks from some time on', (ecn, number) => (number > 200 ? 0 : ecn)],
    ['remarks ECT(0) as ECT(1)', (ecn) => (ecn === 2 ? 1 : ecn)],
    ['bleaches every other mark', (ecn, number) => (number % 2 === 0 ? 0 : ecn)],
    ['drops packets that are marked', (ecn) => (ecn === 0 ? 0 : -1)],
  ])('fails on a path that %s, and everything arrives', (_, meddle) => {
    const { pair } = transfer({ meddle });
    expect(pair.client.session.stats().ecn).toBe('failed');
    // The way back does nothing to marks.
    expect(pair.server.session.stats().ecn).not.toBe('failed');
  });

  it('fails when the peer cannot read marks', () => {
    const { pair } = transfer({ blind: true });
    expect(pair.client.session.stats().ecn).toBe('failed');
  });

  it('costs on a path that drops marked packets what the loss of the first window costs, and no more', () => {
    let lost = 0;
    const { ms } = transfer({ meddle: (ecn) => (ecn === 0 ? 0 : (lost++, -1)) });
    expect(lost).toBeLessThanOrEqual(12);
    const unmarked = transfer({ ecn: false, meddle: (_, number) => (number < lost ? -1 : 0) });
    expect(ms).toBe(unmarked.ms);
  });

  it('is given up on a route that begins to drop marked packets in mid-transfer, and the transfer goes on', () => {
    const { pair, ms } = transfer({
      octets: 3_000_000,
      meddle: (ecn, _, now) => (ecn !== 0 && now > 1_000 ? -1 : ecn),
    });
    expect(pair.client.session.stats().ecn).toBe('failed');
    expect(ms).toBeLessThan(10_000);
  });

  it('survives random loss, duplication, reordering and darkness', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const meddle: Meddle = (ecn, _, ms) => (ms > 400 && ms < 1_600 ? -1 : ecn);
      const conditions = { loss: 0.02, duplicate: 0.02, reorder: 0.05 };
      const { pair } = transfer({ seed, conditions, meddle, octets: 2_000_000 });
      expect(pair.client.session.stats(), `seed ${seed}`).toMatchObject({ ecn: 'capable', ceMarks: 0 });
    }
  });

  it.each([
    ['port', CLIENT + 1],
    ['address', CLIENT + 16],
  ])('goes on at another %s of the peer, and is tested anew where the path may be another', (_, address) => {
    const side = { config: { ecn: true } };
    const pair = new MovingPair({ conditions: { latencyMs: 10, rate: 1_000 }, client: side, server: side });
    const transfers = new Transfers(pair.server, pair.client);
    transfers.start(1_500_000, 1);
    pair.run(400);
    expect(pair.server.session.stats().ecn).toBe('capable');
    pair.clientAddress = address;
    const states = new Set<string>();
    pair.runUntil(() => {
      if (pair.serverPaths.changes.length > 0) states.add(pair.server.session.stats().ecn);
      return transfers.done;
    }, 60_000);
    expect(pair.serverPaths.changes).toEqual([address]);
    expect([...states][0]).toBe(address === CLIENT + 1 ? 'capable' : 'testing');
    expect([...states].at(-1)).toBe('capable');
    expect(states).not.toContain('failed');
  });

  it('is not used on connections', () => {
    const connection = { packetSize: 1_200, congestion: ALGORITHMS.cubic };
    const side = { config: { ecn: true, connection } };
    const pair = new MovingPair({ connections: [SERVER, CLIENT], client: side, server: side });
    const transfers = new Transfers(pair.client, pair.server);
    transfers.start(100_000, 1);
    pair.runUntil(() => transfers.done);
    expect(pair.client.session.stats().ecn).toBe('unavailable');
  });

  it('is not used unless both the socket and the path can carry marks', () => {
    const pair = new Pair({ server: { config: { ecn: true } } });
    const seen = new Set<number>();
    pair.there.filter = (datagram) => (seen.add(datagram[ECN_AT]!), true);
    const transfers = new Transfers(pair.client, pair.server);
    transfers.start(100_000, 1);
    pair.runUntil(() => transfers.done);
    expect(pair.client.session.stats()).toMatchObject({ ecn: 'unavailable', ceMarks: 0 });
    expect([...seen]).toEqual([0]);
  });
});

describe('a peer that lies about ECN marks', () => {
  /** A session with its initial window in flight, all of it marked; the peer acknowledges it with these counts. */
  function acknowledged(ect0: number, ect1: number, ce: number): Hostile {
    const peer = new Hostile({ config: { ecn: true } });
    peer.control(ControlType.PING, [1, 2, 3, 4, 5, 6, 7, 8]);
    peer.stream(1, 0, 10);
    peer.app.opened[0]!.write(new Uint8Array(5_000));
    peer.poll();
    const last = Math.max(...peer.sink.sent.map(({ pn }) => pn));
    peer.inject(peer.encode((out, at) => encodeAck(0, Float64Array.of(0, last), 1, true, ect0, ect1, ce, out, at)));
    return peer;
  }

  it.each([
    ['many more CE marks than packets', [0, 0, 1_000_000]],
    ['the largest numbers there are', [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]],
    ['no marks at all', [0, 0, 0]],
    ['marks that were never sent', [0, 5, 0]],
  ] as const)('with %s makes the session go on without them, and does not slow it down', (_, [ect0, ect1, ce]) => {
    const peer = acknowledged(ect0, ect1, ce);
    const before = peer.session.stats();
    expect(before).toMatchObject({ state: 'open', ecn: 'failed', ceMarks: 0 });
    expect(before.congestionWindow).toBeGreaterThanOrEqual(12_000);
    expect(peer.closedWith).toBeUndefined();
  });

  it('with as many CE marks as packets slows down what is sent to it, but never below the smallest window', () => {
    const peer = new Hostile({ config: { ecn: true } });
    peer.stream(1, 0, 10);
    let ce = 0;
    let last = -1;
    for (let round = 0; round < 200; round++) {
      peer.credit(0, 1e9).credit(1, 1e9);
      peer.app.opened[0]!.write(new Uint8Array(1_000));
      peer.poll();
      const sent = Math.max(...peer.sink.sent.map(({ pn }) => pn));
      ce += sent - last;
      last = sent;
      peer.now += 10;
      // Numbers are skipped: no more marks than packets.
      const counted = Math.min(ce, new Set(peer.sink.sent.map(({ pn }) => pn)).size);
      peer.inject(peer.encode((out, at) => encodeAck(0, Float64Array.of(last, last), 1, true, 0, 0, counted, out, at)));
    }
    expect(peer.session.stats().congestionWindow).toBeGreaterThanOrEqual(2_400);
    expect(peer.closedWith).toBeUndefined();
  });
});
