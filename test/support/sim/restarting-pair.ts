import { announceResetToken } from '../../../lib/protocol/announcements.js';
import { StatelessResets } from '../../../lib/api/stateless-resets.js';
import { sessionKeys, testCrypto } from '../engine-harness.js';
import type { Endpoint } from './endpoint.js';
import { EngineCarrier } from './engine-carrier.js';
import type { LinkConditions } from './network.js';
import { Pair } from './pair.js';
import type { Recorder } from './recorder.js';

export type Side = 'client' | 'server';

/** Two sessions on packet engines, each side of which may be started anew: it then remembers its secrets, and nothing else. */
export class RestartingPair {
  readonly pair: Pair;
  /** When a side learned that the other one was started anew. */
  readonly noticed: Partial<Record<Side, number>> = {};
  /** Each side would know a reset of the other one's. */
  isArmed = false;
  readonly #carriers: Record<Side, EngineCarrier>;
  readonly #keys = { client: new Uint8Array(32).fill(1), server: new Uint8Array(32).fill(2) };

  constructor(seed: number, conditions: LinkConditions) {
    const [clientKeys, serverKeys] = sessionKeys(seed);
    const { sessionId } = clientKeys;
    const carriers = { client: new EngineCarrier(clientKeys), server: new EngineCarrier(serverKeys) };
    this.#carriers = carriers;
    const token = (side: Side): Uint8Array => new StatelessResets(testCrypto, this.#keys[side]).token(sessionId);
    const params = { idleTimeoutMs: 0 };
    this.pair = new Pair({
      seed,
      conditions,
      client: { carrier: carriers.client, params, config: { announcements: [announceResetToken(token('client'))] } },
      server: { carrier: carriers.server, params },
    });
    // The client has the server's from HELLO_RESP; its own goes to the server in a frame of the session.
    carriers.client.setResetToken(token('server'));
    this.pair.server.app.onToken = (octets) => {
      carriers.server.setResetToken(octets);
      this.isArmed = true;
    };
    for (const side of ['client', 'server'] as const) {
      carriers[side].onReset = (now) => {
        this.noticed[side] ??= now;
        this.pair[side].session.destroy();
      };
    }
  }

  endpoint(side: Side): Endpoint<Recorder> {
    return this.pair[side];
  }

  /** The process of a side is killed without a word, and started anew. */
  restart(side: Side): void {
    this.pair[side].session.destroy();
    this.#carriers[side].restart(this.#keys[side]);
  }

  stop(): void {
    for (const carrier of Object.values(this.#carriers)) carrier.stop();
  }
}
