import { describe, expect, it } from 'vitest';
import { CarriedPair, NEXT_WEB_SOCKET, WEB_SOCKET } from '../support/sim/carried-pair.js';
import { SERVER } from '../support/sim/moving-pair.js';
import { forEachSeed } from '../support/sim/seeds.js';
import { watchStall } from '../support/sim/stall.js';
import { Transfers } from '../support/sim/transfer.js';

const RTT = 20;
const LINK = { latencyMs: RTT / 2, rate: 1_000, queue: 60_000 };
const CONNECTION = { latencyMs: RTT / 2, rate: 1_000 };
/** What a move may cost: 2 RTT and a second. */
const STALL = 2 * RTT + 1_000;

function transferring(
  pair: CarriedPair,
  way: string,
  octets = 2_000_000,
): [transfers: Transfers, received: () => number] {
  const transfers = way === 'up' ? new Transfers(pair.client, pair.server) : new Transfers(pair.server, pair.client);
  const stream = transfers.start(octets, 1);
  return [transfers, () => transfers.received(stream)];
}

describe('a session over WebSocket', () => {
  it.each(['up', 'down'])('moves to UDP as soon as that works, in mid-transfer (%s)', (way) => {
    const pair = new CarriedPair({ begin: 'websocket', conditions: LINK, connection: CONNECTION });
    pair.udpWorks = false;
    pair.clientPaths.alternative = SERVER;
    const [transfers, received] = transferring(pair, way, 6_000_000);
    pair.run(1_500);
    expect(pair.client.session.stats().packetSize).toBe(65_507);
    expect(pair.clientPaths.wishes).toEqual(['better']);
    expect(pair.paths).toEqual([0, 0]);
    pair.udpWorks = true;
    const stall = watchStall(pair, received);
    pair.runUntil(() => transfers.done, 60_000);
    expect(pair.clientPaths.changes).toEqual([SERVER]);
    expect(pair.serverPaths.changes).toHaveLength(1);
    for (const { session } of [pair.client, pair.server]) {
      expect(session.stats().packetSize).toBe(1_200);
      expect(session.stats().congestionWindow).toBeLessThan(Number.MAX_SAFE_INTEGER);
    }
    expect(stall()).toBeLessThanOrEqual(STALL);
  });

  it('looks for UDP after a second, then ever less often, and at once when the peer names an address', () => {
    const pair = new CarriedPair({ begin: 'websocket', client: { config: { keepAliveMs: 10_000 } } });
    pair.run(70_000);
    expect(pair.clientPaths.wishes).toEqual(Array(7).fill('better'));
    pair.client.session.paths.lookSoon(pair.now);
    pair.run(1);
    expect(pair.clientPaths.wishes).toHaveLength(8);
  });

  it('goes on over UDP when its WebSocket breaks, with nothing lost or doubled', () => {
    const pair = new CarriedPair({ begin: 'websocket', conditions: LINK, connection: CONNECTION });
    const [transfers, received] = transferring(pair, 'up');
    pair.run(300);
    pair.clientPaths.alternative = SERVER;
    pair.serverPaths.alternative = 'later';
    const stall = watchStall(pair, received);
    expect(pair.break()).toEqual([true, true]);
    pair.runUntil(() => transfers.done, 60_000);
    expect(pair.clientPaths.changes).toEqual([SERVER]);
    expect(stall()).toBeLessThanOrEqual(STALL);
    expect(pair.clientPaths.kept.has(WEB_SOCKET)).toBe(false);
  });

  it('goes on over another WebSocket, opened in place of the one that broke', () => {
    const pair = new CarriedPair({ begin: 'websocket', connection: CONNECTION });
    pair.udpWorks = false;
    const [transfers] = transferring(pair, 'down');
    pair.run(300);
    pair.clientPaths.alternative = pair.serverPaths.alternative = 'later';
    expect(pair.break()).toEqual([true, true]);
    expect([pair.client.session.paths.isLost, pair.server.session.paths.isLost]).toEqual([true, true]);
    pair.run(3 * RTT);
    pair.connect(NEXT_WEB_SOCKET);
    pair.runUntil(() => transfers.done, 60_000);
    expect(pair.clientPaths.changes).toEqual([NEXT_WEB_SOCKET]);
    expect(pair.client.session.stats().packetSize).toBe(65_507);
    expect([pair.clientPaths.stranded, pair.serverPaths.stranded]).toEqual([false, false]);
  });

  it('is lost at once if there is nothing to hope for, else after five seconds', () => {
    const pair = new CarriedPair({ begin: 'websocket' });
    pair.run(300);
    pair.serverPaths.alternative = 'later';
    expect(pair.break()).toEqual([false, true]);
    pair.run(4_900);
    expect(pair.serverPaths.stranded).toBe(false);
    pair.run(200);
    expect(pair.serverPaths.stranded).toBe(true);
  });

  it('tells of messages that no longer fit a packet as lost', () => {
    const pair = new CarriedPair({ begin: 'websocket' });
    pair.run(300);
    pair.clientPaths.alternative = SERVER;
    pair.break();
    const ids = [60_000, 1_000, 1_300].map((size) => pair.client.session.sendMessage(1, new Uint8Array(size)));
    pair.run(5_000);
    expect(ids.map((id) => pair.client.app.fates.get(id))).toEqual(['lost', 'acked', 'lost']);
    expect(pair.server.app.messages.map(({ octets }) => octets.length)).toEqual([1_000]);
    expect(() => pair.client.session.sendMessage(1, new Uint8Array(1_300))).toThrow('1167');
  });
});

describe('a session over UDP', () => {
  it.each(['up', 'down'])(
    'falls back to a WebSocket when its path dies, and comes back when it lives again (%s)',
    (way) => {
      const pair = new CarriedPair({ begin: 'udp', conditions: LINK, connection: CONNECTION });
      pair.open.clear();
      const [transfers, received] = transferring(pair, way, 8_000_000);
      pair.run(500);
      const stall = watchStall(pair, received);
      pair.clientPaths.alternative = 'later';
      pair.udpWorks = false;
      pair.runUntil(() => pair.clientPaths.wishes.length > 0, 2_000);
      // Opening it takes as long as a handshake of TCP and an upgrade.
      pair.time.after(2 * RTT, () => pair.connect());
      pair.runUntil(() => pair.serverPaths.changes.length > 0, 2_000);
      expect(pair.clientPaths.wishes).toEqual(['silent']);
      expect(pair.clientPaths.changes).toEqual([WEB_SOCKET]);
      expect(pair.client.session.stats().packetSize).toBe(65_507);
      pair.run(500);
      expect(stall()).toBeLessThanOrEqual(STALL);
      pair.udpWorks = true;
      pair.clientPaths.alternative = SERVER;
      pair.runUntil(() => transfers.done, 60_000);
      expect(pair.clientPaths.changes).toEqual([WEB_SOCKET, SERVER]);
      expect(stall()).toBeLessThanOrEqual(STALL);
    },
  );

  it('goes back to the WebSocket that it came from without asking for one', () => {
    const pair = new CarriedPair({ begin: 'websocket', conditions: LINK, connection: CONNECTION });
    pair.clientPaths.alternative = SERVER;
    const [transfers] = transferring(pair, 'up', 4_000_000);
    pair.runUntil(() => pair.serverPaths.changes.length > 0, 5_000);
    pair.udpWorks = false;
    pair.runUntil(() => transfers.done, 60_000);
    expect(pair.clientPaths.changes).toEqual([SERVER, WEB_SOCKET]);
    expect(pair.clientPaths.wishes).not.toContain('silent');
  });
});

describe('both ways of carrying a session', () => {
  it('deliver every octet once whenever they fail and come back', () => {
    forEachSeed(40, (seed) => {
      const lossy = { latencyMs: 10, jitterMs: 5, loss: 0.03, reorder: 0.03 };
      const begin = seed % 2 === 0 ? 'udp' : 'websocket';
      const pair = new CarriedPair({ seed, begin, conditions: lossy, connection: { latencyMs: 10, rate: 500 } });
      pair.clientPaths.alternative = SERVER;
      pair.serverPaths.alternative = 'later';
      const there = new Transfers(pair.client, pair.server);
      const back = new Transfers(pair.server, pair.client);
      there.start(600_000, seed);
      back.start(600_000, seed);
      const sent: number[] = [];
      for (let i = 1; i <= 20; i++) {
        pair.time.after(100 * i, () => {
          sent.push(i);
          pair.client.session.sendMessage(i, new Uint8Array(100 + i));
        });
      }
      for (let i = 1; i <= 6; i++) {
        pair.time.after(pair.random.integer(1, 500 * i), () => {
          const failing = pair.random.integer(0, 2);
          if (failing === 0) pair.udpWorks = !pair.udpWorks;
          else if (pair.open.has(WEB_SOCKET) && pair.udpWorks) pair.break();
          else pair.connect();
        });
      }
      pair.time.after(4_000, () => {
        pair.udpWorks = true;
      });
      pair.runUntil(() => there.done && back.done, 120_000);
      const tags = pair.server.app.messages.map(({ tag }) => tag);
      expect(new Set(tags).size, `seed ${seed}`).toBe(tags.length);
    });
  });
});
