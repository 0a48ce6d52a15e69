import { describe, expect, it } from 'vitest';
import { Suite } from '../../lib/ports/crypto.js';
import { sessionKeys } from '../support/engine-harness.js';
import { EngineCarrier } from '../support/sim/engine-carrier.js';
import { Pair } from '../support/sim/pair.js';
import { forEachSeed } from '../support/sim/seeds.js';
import { Transfers } from '../support/sim/transfer.js';

describe('sessions through the packet engine, over a bad network', () => {
  for (const [name, suite] of Object.entries(Suite)) {
    it(`deliver exactly what was written, sealed with ${name}`, () => {
      forEachSeed(5, (seed) => {
        const [clientKeys, serverKeys] = sessionKeys(seed, suite);
        const client = new EngineCarrier(clientKeys);
        const server = new EngineCarrier(serverKeys);
        const pair = new Pair({
          seed,
          conditions: { latencyMs: 150, loss: 0.2, reorder: 0.02, duplicate: 0.02, corrupt: 0.02 },
          client: { carrier: client, params: { idleTimeoutMs: 0 } },
          server: { carrier: server, params: { idleTimeoutMs: 0 } },
        });
        const there = new Transfers(pair.client, pair.server);
        const back = new Transfers(pair.server, pair.client);
        for (let i = 0; i < 3; i++) {
          there.start(200_000, seed + i);
          back.start(200_000, seed + 10 + i);
        }
        pair.runUntil(() => there.done && back.done, 3_600_000);
        const { stats } = server;
        expect(stats.packetsOpened).toBe(pair.server.session.stats().packetsReceived);
        expect(stats.datagramsReceived - stats.packetsOpened).toBe(
          stats.droppedReplays +
            stats.droppedForgeries +
            stats.droppedMalformed +
            stats.droppedUnknownSession +
            stats.droppedNoKey +
            stats.droppedStrangers,
        );
        expect(stats.droppedReplays).toBeGreaterThan(0);
        expect(stats.droppedForgeries).toBeGreaterThan(0);
      });
    });
  }
});
