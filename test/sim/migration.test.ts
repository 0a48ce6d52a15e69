import { describe, expect, it } from 'vitest';
import { PACKET_OVERHEAD, PacketFrame } from '../../lib/constants.js';
import { ALGORITHMS } from '../../lib/protocol/congestion/algorithms.js';
import { CLIENT, MovingPair, SERVER } from '../support/sim/moving-pair.js';
import { forEachSeed } from '../support/sim/seeds.js';
import { watchStall } from '../support/sim/stall.js';
import { Transfers } from '../support/sim/transfer.js';

const OTHER_PORT = CLIENT + 1;
const OTHER_HOST = CLIENT + 16 * 3;
const ATTACKER = CLIENT + 16 * 5;
const RTT = 20;
/** A link on which a transfer of some megabytes lasts some seconds. */
const LINK = { latencyMs: RTT / 2, rate: 1_000, queue: 60_000 };

describe('a session whose peer changes its address', () => {
  it.each([
    ['port', OTHER_PORT, 'upload'],
    ['port', OTHER_PORT, 'download'],
    ['address', OTHER_HOST, 'upload'],
    ['address', OTHER_HOST, 'download'],
  ])(
    'goes on after a NAT rebinding of the %s (%i) in an %s, stalled for 2 RTT and 1 PTO at most',
    (_, address, way) => {
      const pair = new MovingPair({ conditions: LINK });
      const transfers =
        way === 'upload' ? new Transfers(pair.client, pair.server) : new Transfers(pair.server, pair.client);
      const stream = transfers.start(2_000_000, 1);
      pair.run(700);
      const received = (): number => transfers.received(stream);
      const stall = watchStall(pair, received);
      const pto = Math.max(pair.client.session.stats().rttMs, pair.server.session.stats().rttMs) * 3 + 25;
      const rtt = pair.client.session.stats().rttMs;
      pair.clientAddress = address;
      pair.runUntil(() => transfers.done, 60_000);
      expect(pair.serverPaths.changes).toEqual([address]);
      expect(pair.server.session.stats().pathChanges).toBe(1);
      expect(stall()).toBeLessThanOrEqual(2 * Math.max(rtt, RTT) + pto);
    },
  );

  it.each(['cubic', 'bbr'] as const)(
    'keeps the window of %s when only the port changed, and starts anew at another address',
    (name) => {
      const windows = [OTHER_PORT, OTHER_HOST].map((address) => {
        const config = { congestion: ALGORITHMS[name] };
        const pair = new MovingPair({ conditions: { latencyMs: 10 }, server: { config } });
        const transfers = new Transfers(pair.server, pair.client);
        transfers.start(20_000_000, 1);
        pair.run(300);
        const before = pair.server.session.stats().congestionWindow;
        pair.clientAddress = address;
        pair.runUntil(() => pair.serverPaths.changes.length > 0, 10_000);
        const after = pair.server.session.stats().congestionWindow;
        return after / before;
      });
      expect(windows[0]).toBeGreaterThan(0.4);
      expect(windows[1]).toBeLessThan(0.1);
    },
  );

  it('stays where it is when an attacker forwards its packets from an address of his own', () => {
    const pair = new MovingPair({ conditions: LINK });
    const transfers = new Transfers(pair.client, pair.server);
    transfers.start(1_000_000, 1);
    const challenged = new Set<number>();
    pair.tapThere = (datagram) => {
      // He is faster than the client: the original comes second, and is dropped as repeated.
      pair.toServer(datagram, ATTACKER);
      return true;
    };
    pair.tapBack = (datagram, destination) => {
      if (isChallenge(datagram)) challenged.add(destination);
      return false;
    };
    pair.run(200);
    pair.tapThere = () => false;
    pair.runUntil(() => transfers.done, 60_000);
    expect([...challenged].sort()).toEqual([CLIENT, ATTACKER]);
    expect(pair.serverPaths.changes).toEqual([]);
  });

  it('comes back when the attacker also forwarded the challenge', () => {
    const pair = new MovingPair({ conditions: LINK });
    const transfers = new Transfers(pair.client, pair.server);
    transfers.start(2_000_000, 1);
    pair.tapThere = (datagram) => {
      pair.toServer(datagram, ATTACKER);
      return true;
    };
    pair.tapBack = (datagram, destination) => {
      if (destination === ATTACKER) pair.toClient(datagram);
      return destination === ATTACKER;
    };
    pair.runUntil(() => pair.serverPaths.changes.length > 0, 10_000);
    pair.tapThere = () => false;
    pair.runUntil(() => transfers.done, 60_000);
    expect(pair.serverPaths.changes).toEqual([ATTACKER, CLIENT]);
  });

  it('sends at most three times what came from an address that does not answer', () => {
    const pair = new MovingPair({ conditions: { latencyMs: 10 } });
    pair.run(500);
    let came = 0;
    let went = 0;
    pair.tapThere = (datagram) => {
      came += datagram.length;
      pair.toServer(datagram, ATTACKER);
      return true;
    };
    pair.tapBack = (datagram, destination) => {
      if (destination === ATTACKER) went += datagram.length;
      return false;
    };
    pair.client.session.ping(pair.now);
    pair.run(5_000);
    expect(came).toBeGreaterThan(0);
    expect(went).toBeGreaterThan(0);
    expect(went).toBeLessThanOrEqual(3 * came);
    expect(pair.serverPaths.kept.size).toBe(0);
  });

  it('keeps a bounded number of paths whatever the ports its packets come from', () => {
    const pair = new MovingPair({ conditions: { latencyMs: 10 } });
    const transfers = new Transfers(pair.client, pair.server);
    transfers.start(3_000_000, 1);
    let port = 0;
    pair.tapThere = (datagram) => {
      pair.toServer(datagram, 64 + (port++ % 150));
      return true;
    };
    pair.run(3_000);
    expect(pair.serverPaths.peak).toBeLessThanOrEqual(5);
    pair.tapThere = () => false;
    pair.runUntil(() => transfers.done, 60_000);
    pair.client.session.close(pair.now, 0, '');
    pair.run(5_000);
    expect(pair.serverPaths.kept.size).toBe(0);
  });

  it('does not move for packets that only ask about a path or answer', () => {
    const pair = new MovingPair({ conditions: { latencyMs: 10 } });
    pair.run(500);
    // The client answers a challenge of the server from elsewhere: that packet is a probe.
    pair.tapThere = (datagram, source) => {
      pair.toServer(datagram, isProbe(datagram) ? OTHER_HOST : source);
      return true;
    };
    pair.tapBack = () => false;
    pair.clientAddress = OTHER_PORT;
    pair.client.session.ping(pair.now);
    pair.run(5_000);
    expect(pair.serverPaths.changes).toEqual([OTHER_PORT]);
  });

  it('tries the other address that the peer named when nothing comes back any more', () => {
    const pair = new MovingPair({ conditions: { latencyMs: 10 } });
    const transfers = new Transfers(pair.client, pair.server);
    transfers.start(3_000_000, 1);
    pair.run(100);
    pair.clientPaths.alternative = SERVER + 16;
    pair.serverAddress = SERVER + 16;
    pair.runUntil(() => transfers.done, 60_000);
    expect(pair.clientPaths.changes).toEqual([SERVER + 16]);
  });

  it('delivers every octet whenever it moves, and whatever is lost', () => {
    forEachSeed(40, (seed) => {
      const pair = new MovingPair({ seed, conditions: { latencyMs: 10, jitterMs: 5, loss: 0.05, reorder: 0.05 } });
      const there = new Transfers(pair.client, pair.server);
      const back = new Transfers(pair.server, pair.client);
      there.start(400_000, seed);
      back.start(400_000, seed);
      for (let i = 1; i <= 5; i++) {
        pair.time.after(pair.random.integer(1, 400 * i), () => {
          pair.clientAddress = 64 + pair.random.integer(0, 100);
        });
      }
      pair.runUntil(() => there.done && back.done, 120_000);
    });
  });
});

function isChallenge(datagram: Uint8Array): boolean {
  return datagram[PACKET_OVERHEAD] === PacketFrame.CONTROL && datagram[PACKET_OVERHEAD + 1] === 0x0a;
}

function isProbe(datagram: Uint8Array): boolean {
  const type = datagram[PACKET_OVERHEAD + 1];
  return datagram[PACKET_OVERHEAD] === PacketFrame.CONTROL && (type === 0x0a || type === 0x0b);
}
