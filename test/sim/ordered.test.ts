import { describe, expect, it } from 'vitest';
import { unlimited } from '../../lib/protocol/congestion/unlimited.js';
import { orderedSending } from '../../lib/protocol/ordered-sending.js';
import type { LinkConditions } from '../support/sim/network.js';
import { Pair } from '../support/sim/pair.js';
import { forEachSeed } from '../support/sim/seeds.js';
import { Transfers } from '../support/sim/transfer.js';

/** A page (the initiator) and a node, over a WebSocket: both send the largest packets, and TCP holds them back. */
function overWebSocket(seed: number, conditions: LinkConditions): Pair {
  const config = { congestion: unlimited, initialPacketSize: 65_507 };
  return new Pair({
    seed,
    conditions,
    client: { config: { ...config, sending: orderedSending } },
    server: { config },
  });
}

describe('a session that stays on a connection', () => {
  it('carries streams both ways, and sends nothing twice', () => {
    const pair = overWebSocket(1, { latencyMs: 20, rate: 10_000 });
    const there = new Transfers(pair.client, pair.server);
    const back = new Transfers(pair.server, pair.client);
    for (let i = 0; i < 8; i++) {
      there.start(400_000 + i, i);
      back.start(300_000 + i, i);
    }
    there.start(0, 9);
    pair.runUntil(() => there.done && back.done, 60_000);
    const { packetsLost, streamOctetsRetransmitted, bytesInFlight, rttMs } = pair.client.session.stats();
    expect({ packetsLost, streamOctetsRetransmitted, bytesInFlight }).toEqual({
      packetsLost: 0,
      streamOctetsRetransmitted: 0,
      bytesInFlight: 0,
    });
    expect(rttMs).toBeGreaterThan(40);
    expect(pair.server.session.stats().packetsLost).toBe(0);
  });

  it('goes on where the network stalls, asking once in a while', () => {
    const dark = (now: number): boolean => now > 100 && now < 20_000;
    const pair = overWebSocket(2, { latencyMs: 20 });
    const there = new Transfers(pair.client, pair.server);
    there.start(5_000_000, 1);
    // What TCP was given in the dark comes later, all of it and in order.
    const held: Uint8Array[] = [];
    pair.there.filter = (datagram, now) => {
      if (dark(now)) held.push(datagram.slice());
      return !dark(now);
    };
    pair.time.at(20_000, () => {
      for (const datagram of held) pair.there.send(datagram);
    });
    pair.runUntil(() => there.done, 60_000);
    const { packetsLost, packetsSent } = pair.client.session.stats();
    expect(packetsLost).toBe(0);
    // The largest packets of the transfer, one probe for each doubling of the probe timeout, and acknowledgements.
    expect(packetsSent).toBeLessThan(5_000_000 / 65_000 + 60);
  });

  it('sends again what the other side dropped, the last packet as well, whatever it was', () => {
    forEachSeed(40, (seed) => {
      const pair = overWebSocket(seed, { latencyMs: 10, loss: 0.1 });
      pair.client.session.sendMessage(3, Uint8Array.of(1, 2, 3));
      const there = new Transfers(pair.client, pair.server);
      const back = new Transfers(pair.server, pair.client);
      for (let i = 0; i < 5; i++) {
        there.start(pair.random.integer(0, 500_000), i);
        back.start(pair.random.integer(0, 500_000), i);
      }
      pair.runUntil(() => there.done && back.done && pair.client.session.isDrained, 120_000);
      expect([...pair.client.app.fates.values()]).toEqual([pair.server.app.messages.length > 0 ? 'acked' : 'lost']);
    });
  });
});
