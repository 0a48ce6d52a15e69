import { createHash } from 'node:crypto';
import { Suite } from '../../../lib/ports/crypto.js';
import { KEM_CIPHERTEXT, KEM_PUBLIC_KEY, type KemAnswer } from '../../../lib/ports/kem.js';
import type { PhaseKeys } from '../../../lib/ports/packet-engine.js';
import type { RotationHost } from '../../../lib/ports/rotation-host.js';
import { deriveSessionKeys } from '../../../lib/protocol/key-schedule.js';
import { DEFAULT_ROTATION_POLICY, type RotationPolicy } from '../../../lib/protocol/rotation-policy.js';
import type { SessionLimits } from '../../../lib/protocol/session.js';
import * as mlKem from '../../../lib/stc/noble-ml-kem.js';
import { testCrypto } from '../engine-harness.js';
import type { Endpoint } from './endpoint.js';
import { EngineCarrier } from './engine-carrier.js';
import type { LinkConditions } from './network.js';
import { Pair } from './pair.js';
import type { Recorder } from './recorder.js';

/** ML-KEM that answers at once; times are added by whoever asks. */
export interface InstantKem {
  generate(): KemAnswer;
  encapsulate(publicKey: Uint8Array): KemAnswer;
  decapsulate(privateKey: unknown, ciphertext: Uint8Array): KemAnswer;
}

export const realKem: InstantKem = mlKem;

/** As quick as can be, for simulations in which the order of things is what counts. */
export function quickKem(seed: number): InstantKem {
  let made = 0;
  const fill = (length: number): Uint8Array => {
    const octets = new Uint8Array(length);
    octets.set(createHash('sha256').update(`${seed} ${made++}`).digest());
    return octets;
  };
  const secretOf = (publicKey: Uint8Array, ciphertext: Uint8Array): Uint8Array =>
    new Uint8Array(createHash('sha256').update(publicKey).update(ciphertext).digest());
  return {
    generate: () => {
      const publicKey = fill(KEM_PUBLIC_KEY);
      return { kind: 'generated', publicKey, privateKey: publicKey.slice() };
    },
    encapsulate: (publicKey) => {
      const ciphertext = fill(KEM_CIPHERTEXT);
      return { kind: 'encapsulated', ciphertext, secret: secretOf(publicKey, ciphertext) };
    },
    decapsulate: (privateKey, ciphertext) => ({
      kind: 'decapsulated',
      secret: secretOf(privateKey as Uint8Array, ciphertext),
    }),
  };
}

/** What a driver does for the rotation of a session's keys. */
export class SimRotation implements RotationHost {
  endpoint!: Endpoint<Recorder>;
  readonly rotated: number[] = [];
  readonly failures: string[] = [];
  dropped = 0;
  /** Phase after which keys were dropped last. */
  droppedAt = 0;
  /** How long ML-KEM takes, ms. */
  kemMs = 2;
  readonly carrier: EngineCarrier;
  readonly #kem: InstantKem;

  constructor(carrier: EngineCarrier, kem: InstantKem) {
    this.carrier = carrier;
    this.#kem = kem;
  }

  generate(question: number): void {
    this.#later(question, () => this.#kem.generate());
  }

  encapsulate(question: number, publicKey: Uint8Array): void {
    this.#later(question, () => this.#kem.encapsulate(publicKey));
  }

  decapsulate(question: number, privateKey: unknown, ciphertext: Uint8Array): void {
    this.#later(question, () => this.#kem.decapsulate(privateKey, ciphertext));
  }

  installNextKeys(send: PhaseKeys, receive: PhaseKeys): void {
    if (!this.carrier.installNextKeys(send, receive)) throw new Error('the keys before were not in use yet');
  }

  switchSendKeys(): void {
    this.carrier.switchSendKeys();
  }

  dropOldKeys(): void {
    this.dropped++;
    this.droppedAt = this.endpoint.session.stats().keyVersion;
    this.carrier.dropOldKeys();
  }

  onKeysRotated(phase: number): void {
    this.rotated.push(phase);
  }

  onRotationFailed(why: string): void {
    this.failures.push(why);
  }

  #later(question: number, compute: () => KemAnswer): void {
    const { time } = this;
    time.after(this.kemMs, () => {
      this.endpoint.session.handleKemAnswer(time.now, question, compute());
      this.endpoint.pump();
    });
  }

  time!: Pair['time'];
}

export interface RotatingOptions {
  readonly seed?: number;
  readonly conditions?: LinkConditions;
  readonly suite?: Suite;
  readonly policy?: Partial<RotationPolicy>;
  readonly limits?: Partial<SessionLimits>;
  readonly kem?: (seed: number) => InstantKem;
}

/** Two sessions on packet engines that change their keys. */
export class RotatingPair {
  readonly pair: Pair;
  readonly client: SimRotation;
  readonly server: SimRotation;

  constructor({
    seed = 1,
    conditions,
    suite = Suite.AES_256_GCM,
    policy,
    limits,
    kem = quickKem,
  }: RotatingOptions = {}) {
    const sessionId = Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1);
    const make = (role: 'initiator' | 'responder') => {
      const sessionKey = new Uint8Array(32).fill(seed);
      const keys = deriveSessionKeys(testCrypto, { role, sessionId, sessionKey, suite });
      const host = new SimRotation(new EngineCarrier(keys), kem(role === 'initiator' ? 2 * seed : 2 * seed + 1));
      const rotation = {
        crypto: testCrypto,
        sessionKey,
        policy: { ...DEFAULT_ROTATION_POLICY, ...policy },
        owner: { rotation: host },
      };
      return {
        host,
        side: { carrier: host.carrier, params: { idleTimeoutMs: 0 }, limits, config: { rotation, suite } },
      };
    };
    const client = make('initiator');
    const server = make('responder');
    this.client = client.host;
    this.server = server.host;
    this.pair = new Pair({
      seed,
      ...(conditions === undefined ? {} : { conditions }),
      client: client.side as never,
      server: server.side as never,
    });
    this.client.endpoint = this.pair.client;
    this.server.endpoint = this.pair.server;
    this.client.time = this.server.time = this.pair.time;
  }

  /** Both sides have the same keys, nothing is under way, and the old ones are gone. */
  get atRest(): boolean {
    const [a, b] = [this.pair.client.session.stats(), this.pair.server.session.stats()];
    return (
      a.keyVersion === b.keyVersion &&
      this.client.rotated.length === a.keyVersion &&
      this.server.rotated.length === b.keyVersion &&
      this.client.droppedAt === a.keyVersion &&
      this.server.droppedAt === b.keyVersion
    );
  }
}
