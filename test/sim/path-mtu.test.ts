import { handleRefusedSize } from '../../lib/protocol/datagram-rows.js';
import { describe, expect, it } from 'vitest';
import { CloseCode } from '../../lib/constants.js';
import { ALGORITHMS } from '../../lib/protocol/congestion/algorithms.js';
import { Suite } from '../../lib/ports/crypto.js';
import { sessionKeys } from '../support/engine-harness.js';
import { skipReason } from '../support/native-endpoint.js';
import { bareNativeEngine, EngineCarrier } from '../support/sim/engine-carrier.js';
import { Hostile } from '../support/sim/hostile.js';
import { CLIENT, MovingPair, SERVER } from '../support/sim/moving-pair.js';
import { MtuPair, SEARCH } from '../support/sim/mtu-pair.js';
import { Pair } from '../support/sim/pair.js';
import { forEachSeed } from '../support/sim/seeds.js';
import { Transfers } from '../support/sim/transfer.js';

const OTHER_HOST = CLIENT + 16 * 3;
/** A link on which a transfer of some megabytes lasts some seconds. */
const LINK = { latencyMs: 10, rate: 2_000, queue: 200_000 };

describe('a path of', () => {
  it.each([
    [1200, 1200],
    [1400, 1392],
    [1472, 1472],
    [9000, 8972],
    [65_507, 65_507],
  ])('%d octets: packets become as large as %d, and everything arrives', (mtu, found) => {
    for (const latencyMs of [0.05, 20]) {
      const pair = new MtuPair(mtu, { conditions: { latencyMs } });
      const transfers = new Transfers(pair.client, pair.server);
      transfers.start(20_000_000, 1);
      pair.runUntil(() => transfers.done);
      // What the first transfer had no time for.
      const more = new Transfers(pair.client, pair.server);
      for (let i = 0; pair.stats.packetSizeState === 'searching' && i < 50; i++) {
        more.start(2_000_000, i + 2);
        pair.runUntil(() => more.done);
      }
      expect(pair.stats).toMatchObject({
        packetSize: found,
        packetSizeState: 'complete',
        packetSizeLimit: 65_507,
        packetSizeReductions: 0,
        packetSizeReduction: 'none',
        // Probes lost are nobody's loss.
        packetsLost: 0,
        streamOctetsRetransmitted: 0,
      });
      expect(pair.largestData).toBe(found);
      expect(pair.stats.mtuProbesSent).toBe(pair.probes.length);
      expect(pair.stats.mtuProbesLost).toBe(pair.probes.filter((size) => size > mtu).length);
      expect(pair.stats.mtuProbesSent).toBeLessThanOrEqual(40);
    }
  });
});

describe('the search', () => {
  it.skipIf(skipReason !== undefined)('ends alike on both packet engines, whichever talks to which', () => {
    for (const engines of ['js js', 'native js', 'js native', 'native native']) {
      const [clientKeys, serverKeys] = sessionKeys(1, Suite.AES_256_GCM);
      const make = (engine: string | undefined) => (engine === 'native' ? bareNativeEngine : undefined);
      const [one, other] = engines.split(' ');
      const pair = new Pair({
        conditions: { latencyMs: 1, mtu: 65_507 },
        client: { carrier: new EngineCarrier(clientKeys, make(one)), config: SEARCH },
        server: { carrier: new EngineCarrier(serverKeys, make(other)), config: SEARCH },
      });
      const there = new Transfers(pair.client, pair.server);
      const back = new Transfers(pair.server, pair.client);
      there.start(6_000_000, 1);
      back.start(6_000_000, 2);
      pair.runUntil(() => there.done && back.done);
      for (const { session } of [pair.client, pair.server]) {
        expect(session.stats()).toMatchObject({ packetSize: 65_507, mtuProbesSent: 3, packetsLost: 0 });
      }
    }
  });

  it('that loses every probe costs the transfer nothing', () => {
    const times = [1200, 65_507].map((maxPacketSize) => {
      const pair = new MtuPair(65_507, { conditions: LINK, client: { config: { maxPacketSize } } });
      pair.losesProbe = () => true;
      const transfers = new Transfers(pair.client, pair.server);
      transfers.start(10_000_000, 1);
      pair.runUntil(() => transfers.done);
      expect(pair.stats).toMatchObject({ packetSize: 1200, packetSizeReductions: 0 });
      expect(pair.largestData).toBe(1200);
      return { now: pair.now, probes: pair.probes.length };
    });
    expect(times[0]!.probes).toBe(0);
    expect(times[1]!.probes).toBeGreaterThan(10);
    expect(times[1]!.now / times[0]!.now).toBeLessThan(1.02);
  });

  it.each(['newreno', 'bbr'] as const)('works alike under %s, through a shrinking of the path, too', (name) => {
    const pair = new MtuPair(8972, {
      conditions: LINK,
      client: { config: { congestion: ALGORITHMS[name] } },
    });
    const transfers = new Transfers(pair.client, pair.server);
    transfers.start(8_000_000, 1);
    pair.runUntil(() => pair.stats.packetSize === 8972);
    pair.run(500);
    pair.mtu = 1400;
    pair.runUntil(() => transfers.done);
    expect(pair.stats).toMatchObject({ packetSize: 1392, packetSizeReduction: 'black-hole' });
    expect(pair.unconfirmed).toBe(0);
  });

  it('uses no size that no probe has confirmed, whatever is lost, late or overtaken', () => {
    forEachSeed(20, (seed) => {
      const mtu = [1232, 1400, 1472, 8972, 65_507][seed % 5]!;
      const pair = new MtuPair(mtu, {
        seed,
        conditions: { latencyMs: 5, jitterMs: 20, loss: 0.05, reorder: 0.1, reorderMs: 40, duplicate: 0.05 },
      });
      const transfers = new Transfers(pair.client, pair.server);
      transfers.start(1_000_000, seed);
      pair.runUntil(() => transfers.done);
      expect(pair.unconfirmed).toBe(0);
      expect(pair.largestData).toBeLessThanOrEqual(mtu);
      expect(pair.stats.packetSize).toBeLessThanOrEqual(mtu);
    });
  });

  it('does not take place in sessions that send little, and wakes nobody', () => {
    const pair = new MtuPair(65_507, { client: { config: { keepAliveMs: 10_000 } } });
    const transfers = new Transfers(pair.client, pair.server);
    transfers.start(20_000, 1);
    pair.runUntil(() => transfers.done);
    pair.run(3_600_000);
    expect(pair.stats).toMatchObject({ packetSizeState: 'base', packetSize: 1200, mtuProbesSent: 0 });
    const quiet = new MtuPair(65_507, {
      client: { params: { idleTimeoutMs: 0 } },
      server: { params: { idleTimeoutMs: 0 } },
    });
    quiet.run(10_000);
    expect(quiet.client.session.pollTimeout()).toBe(Infinity);
  });

  it('finds out ten minutes later that the path carries more', () => {
    const pair = new MtuPair(1472, { conditions: { latencyMs: 5 }, server: { params: { maxStreams: 1_000 } } });
    const transfers = new Transfers(pair.client, pair.server);
    const use = (ms: number): void => {
      for (const until = pair.now + ms; pair.now < until;) {
        transfers.start(200_000, 1);
        pair.runUntil(() => transfers.done);
        pair.run(5_000);
      }
    };
    use(60_000);
    expect(pair.stats).toMatchObject({ packetSize: 1472, packetSizeState: 'complete' });
    const { mtuProbesSent } = pair.stats;
    pair.mtu = 8972;
    use(500_000);
    expect(pair.stats.mtuProbesSent).toBe(mtuProbesSent);
    use(100_000);
    expect(pair.stats.packetSize).toBe(8972);
  });

  it('goes no further than the peer receives', () => {
    const pair = new MtuPair(65_507, { server: { params: { maxUdpPayload: 2_000 } } });
    const transfers = new Transfers(pair.client, pair.server);
    transfers.start(5_000_000, 1);
    pair.runUntil(() => transfers.done);
    expect(Math.max(...pair.probes)).toBe(2_000);
    expect(pair.stats).toMatchObject({ packetSize: 2_000, packetSizeLimit: 2_000, packetSizeState: 'complete' });
  });

  it('passes over what the operating system refuses, without waiting for losses', () => {
    const pair = new MtuPair(1472, { conditions: { latencyMs: 10 } });
    const refused: number[] = [];
    pair.losesProbe = (size) => {
      if (size <= 1472) return false;
      refused.push(size);
      return true;
    };
    const filter = pair.there.filter!;
    pair.there.filter = (datagram, now) => {
      const before = refused.length;
      const passes = filter(datagram, now);
      const size = pair.probes.at(-1)!;
      if (!passes && size > 1472 && refused.length >= before) {
        pair.time.at(now, () => {
          handleRefusedSize(pair.client.session, now, 0, size);
          pair.client.pump();
        });
      }
      return passes;
    };
    const transfers = new Transfers(pair.client, pair.server);
    transfers.start(2_000_000, 1);
    pair.runUntil(() => pair.stats.packetSizeState === 'complete');
    expect(pair.stats).toMatchObject({ packetSize: 1472, packetSizeReductions: 0 });
    // One look at each size, all in the round trip after the first answer.
    expect(new Set(pair.probes).size).toBe(pair.probes.length);
    pair.runUntil(() => transfers.done);
    expect(pair.stats.packetsLost).toBe(0);
  });

  it('lets messages grow with the packets, and gives those up that fit no more', () => {
    const pair = new MtuPair(8972, { conditions: { latencyMs: 5 } });
    const transfers = new Transfers(pair.client, pair.server);
    const { session } = pair.client;
    expect(session.maxMessageOctets(0)).toBeLessThan(1_200);
    transfers.start(3_000_000, 1);
    pair.runUntil(() => pair.stats.packetSize === 8972);
    expect(session.maxMessageOctets(0)).toBeGreaterThan(8_900);
    const sent = session.sendMessage(0, new Uint8Array(8_000).fill(7));
    pair.runUntil(() => pair.client.app.fates.has(sent));
    expect(pair.client.app.fates.get(sent)).toBe('acked');
    expect(pair.server.app.messages[0]!.octets.length).toBe(8_000);
    const waiting = session.sendMessage(0, new Uint8Array(8_000));
    handleRefusedSize(session, pair.now, 0, 8_972);
    pair.pump();
    expect(pair.client.app.fates.get(waiting)).toBe('lost');
    expect(session.maxMessageOctets(0)).toBeLessThan(1_200);
    pair.runUntil(() => transfers.done);
  });
});

describe('a path whose MTU shrinks to 1,200 octets in the middle of a transfer', () => {
  it.each([1392, 1472, 8972, 65_507])(
    'carries on within 3 PTO, by small probes, from packets of %d octets',
    (before) => {
      for (const latencyMs of [1, 25, 100]) {
        const pair = new MtuPair(before, { conditions: { latencyMs, rate: 2_000, queue: 400_000 } });
        const transfers = new Transfers(pair.client, pair.server);
        const stream = transfers.start(12_000_000, 1);
        const pto = (): number => pair.stats.rttMs + Math.max(4 * pair.stats.rttVarMs, 1) + 25;
        pair.runUntil(() => pair.stats.packetSize === before);
        pair.run(1_000);
        const ptoBefore = pto();
        pair.mtu = 1200;
        const shrunk = pair.now;
        pair.runUntil(() => pair.stats.packetSize === 1200);
        const received = transfers.received(stream);
        pair.largestData = 0;
        pair.runUntil(() => transfers.received(stream) > received, 10_000);
        // What was on its way arrives for another round trip.
        expect(pair.now - shrunk).toBeLessThanOrEqual(3 * Math.max(ptoBefore, pto()) + pair.stats.rttMs);
        expect(pair.stats).toMatchObject({ packetSizeReductions: 1, packetSizeReduction: 'black-hole', state: 'open' });
        pair.runUntil(() => transfers.done);
        expect(pair.largestData).toBeLessThanOrEqual(1200);
        expect(pair.stats).toMatchObject({ packetSize: 1200, packetSizeReductions: 1 });
      }
    },
  );

  it('and back again: the size from before is found within a round trip or two', () => {
    const pair = new MtuPair(8972, { conditions: LINK });
    const transfers = new Transfers(pair.client, pair.server);
    transfers.start(20_000_000, 1);
    pair.runUntil(() => pair.stats.packetSize === 8972);
    pair.mtu = 1200;
    pair.runUntil(() => pair.stats.packetSize === 1200);
    pair.mtu = 8972;
    const back = pair.now;
    pair.runUntil(() => pair.stats.packetSize === 8972);
    expect(pair.now - back).toBeLessThanOrEqual(4 * pair.stats.rttMs + 25);
    pair.runUntil(() => transfers.done);
  });

  it.each([1392, 1472])('or to %d: finds that', (after) => {
    const pair = new MtuPair(9000, { conditions: LINK });
    const transfers = new Transfers(pair.client, pair.server);
    transfers.start(40_000_000, 1);
    pair.runUntil(() => pair.stats.packetSize === 8972);
    pair.mtu = after;
    pair.runUntil(() => pair.stats.packetSize === after);
    pair.runUntil(() => transfers.done);
    expect(pair.stats.packetSize).toBe(after);
  });

  it('is noticed as well by one who sends now and then a packet that is smaller than a full one', () => {
    const pair = new MtuPair(8972, { conditions: { latencyMs: 10 } });
    const transfers = new Transfers(pair.client, pair.server);
    transfers.start(2_000_000, 1);
    pair.runUntil(() => transfers.done);
    expect(pair.stats.packetSize).toBe(8972);
    pair.mtu = 1200;
    for (let i = 0; i < 6; i++) {
      transfers.start(3_000, i);
      pair.runUntil(() => transfers.done, 10_000);
      pair.run(500);
    }
    expect(pair.stats).toMatchObject({ packetSize: 1200, packetSizeReduction: 'black-hole' });
  });

  it('is noticed where no search is allowed, too', () => {
    const pair = new MtuPair(1472, {
      conditions: LINK,
      client: { config: { initialPacketSize: 1400, maxPacketSize: 1400 } },
    });
    const transfers = new Transfers(pair.client, pair.server);
    transfers.start(5_000_000, 1);
    pair.run(500);
    expect(pair.stats).toMatchObject({ packetSize: 1400, packetSizeState: 'complete', mtuProbesSent: 0 });
    pair.mtu = 1200;
    pair.runUntil(() => transfers.done);
    expect(pair.stats).toMatchObject({ packetSize: 1200, packetSizeReduction: 'black-hole' });
  });

  it('goes on through darkness: the size falls to 1,200 octets, and comes back with the light', () => {
    const pair = new MtuPair(8972, { conditions: LINK });
    const transfers = new Transfers(pair.client, pair.server);
    transfers.start(20_000_000, 1);
    pair.runUntil(() => pair.stats.packetSize === 8972);
    for (let i = 0; i < 5; i++) {
      pair.mtu = 0;
      pair.run(2_000);
      expect(pair.stats).toMatchObject({ packetSize: 1200, packetSizeReduction: 'silence' });
      pair.mtu = 8972;
      const light = pair.now;
      pair.runUntil(() => pair.stats.packetSize === 8972);
      expect(pair.now - light).toBeLessThanOrEqual(1_000 + 6 * pair.stats.rttMs);
    }
    pair.runUntil(() => transfers.done);
  });

  it('is told apart from congestion, whatever the network drops', () => {
    forEachSeed(10, (seed) => {
      const pair = new MtuPair(1472, { seed, conditions: { latencyMs: 20, rate: 1_000, queue: 30_000, loss: 0.02 } });
      const transfers = new Transfers(pair.client, pair.server);
      for (let i = 0; i < 20; i++) {
        transfers.start(200_000, seed + i);
        pair.runUntil(() => transfers.done);
      }
      expect(pair.stats.packetsLost).toBeGreaterThan(20);
      expect(pair.stats).toMatchObject({ packetSize: 1472, packetSizeReductions: 0 });
    });
  });
});

describe('a session that moves', () => {
  it('begins at 1,200 octets on another path, and finds what that one carries', () => {
    const pair = new MovingPair({
      conditions: { ...LINK, mtu: 8_972 },
      client: { config: SEARCH },
      server: { config: SEARCH },
    });
    const transfers = new Transfers(pair.server, pair.client);
    transfers.start(20_000_000, 1);
    const { session } = pair.server;
    pair.runUntil(() => session.stats().packetSize > 8_900);
    pair.back.conditions = { ...LINK, mtu: 1_400 };
    pair.clientAddress = OTHER_HOST;
    pair.runUntil(() => session.stats().pathChanges === 1);
    expect(session.stats()).toMatchObject({ packetSize: 1200, packetSizeState: 'base', packetSizeReductions: 0 });
    pair.runUntil(() => session.stats().packetSize > 1_370);
    expect(session.stats().packetSizeReductions).toBe(0);
    pair.runUntil(() => transfers.done);
  });

  it('does not search where sizes cannot be tried, nor on connections', () => {
    const WEB_SOCKET = SERVER + 1;
    for (const kind of ['fragments', 'connection']) {
      const pair = new MovingPair({
        ...(kind === 'connection' ? { connections: [WEB_SOCKET], server0: WEB_SOCKET } : {}),
        client: { config: { ...SEARCH, ...(kind === 'connection' ? { initialPacketSize: 1_400 } : {}) } },
      });
      pair.clientPaths.probeLimits.set(SERVER, 0);
      if (kind === 'connection') pair.serverAddress = WEB_SOCKET;
      const { session } = pair.client;
      // The first path is looked at when the session is made; moving there and back asks again.
      const transfers = new Transfers(pair.client, pair.server);
      transfers.start(2_000_000, 1);
      pair.runUntil(() => transfers.done);
      if (kind === 'connection') expect(session.stats()).toMatchObject({ packetSizeState: 'fixed', packetSize: 1_400 });
      expect(session.stats().packetSizeReductions).toBe(0);
    }
  });
});

describe('a hostile peer', () => {
  /** Sends so much that a search begins; the peer acknowledges what it likes. */
  function sender(maxUdpPayload: number): Hostile {
    const peer = new Hostile({
      role: 'initiator',
      config: SEARCH,
      peerParams: { maxUdpPayload, initialMaxData: 1e9, initialMaxStreamData: 1e9 },
    });
    peer.session.openStream()!.write(new Uint8Array(3_000_000));
    peer.poll();
    return peer;
  }

  it('that acknowledges probes it never got makes packets no larger than it said it can take', () => {
    const peer = sender(2_000);
    for (let i = 0; i < 200 && peer.closedWith === undefined; i++) {
      // Every number that was sent: it cannot know them all, but say it guessed well.
      peer.ackAll();
      peer.wait(20).poll();
    }
    expect(peer.closedWith).toBeUndefined();
    expect(peer.session.stats()).toMatchObject({ packetSize: 2_000, packetSizeState: 'complete' });
    expect(peer.session.stats().mtuProbesSent).toBeLessThanOrEqual(2);
  });

  it('that guesses the numbers of packets it never got is caught by those that were skipped', () => {
    const peer = sender(1_472);
    const [stream] = peer.session.streams();
    for (let i = 0; i < 2_000 && peer.closedWith === undefined; i++) {
      if (i % 50 === 49) stream!.write(new Uint8Array(1_000_000));
      if (peer.sink.largest >= 0) peer.ack(0, peer.sink.largest);
      peer.wait(20).poll();
    }
    expect(peer.closedWith).toBe(CloseCode.PROTOCOL);
  });

  it('that acknowledges small packets only is sent small packets only', () => {
    const peer = sender(65_507);
    for (let i = 0; i < 50; i++) {
      const probes = new Set(peer.sink.sent.filter(({ name }) => name === 'PADDING').map(({ pn }) => pn));
      const numbers = new Set(peer.sink.sent.map(({ pn }) => pn).filter((pn) => !probes.has(pn)));
      for (const pn of numbers) peer.ack(pn, pn);
      peer.wait(20).poll();
    }
    const stats = peer.session.stats();
    expect(stats).toMatchObject({ packetSize: 1200, packetsLost: 0 });
    expect(stats.mtuProbesSent).toBeLessThanOrEqual(40);
  });
});
