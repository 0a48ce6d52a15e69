import type { CryptoProvider, KeyPair } from '../../lib/ports/crypto.js';
import { HandshakeInitiator, type InitiatorConfig } from '../../lib/protocol/handshake/handshake-initiator.js';
import {
  HandshakeResponder,
  type HelloOutcome,
  type ResponderConfig,
} from '../../lib/protocol/handshake/handshake-responder.js';
import type { HandshakeResult } from '../../lib/protocol/handshake/handshake-result.js';
import { HelloClock } from '../../lib/protocol/handshake/hello-clock.js';
import { findSeed } from '../../lib/protocol/handshake/macs.js';
import { deriveSeedKeys, type SeedKeys } from '../../lib/protocol/handshake/seed-keys.js';
import { preferredSuites } from '../../lib/protocol/handshake/suites.js';
import { nodeKeyPair } from '../../lib/stc/node-identity.js';
import { encodeAddress } from '../../lib/wire/address.js';
import { DEFAULT_TRANSPORT_PARAMS, handshakeParts } from '../../lib/wire/handshake-messages.js';
import { provider } from './crypto-providers.js';

export const SHARED_SEED = new Uint8Array(32).fill(0x11);
export const ADDRESS: Uint8Array = encodeAddress('192.0.2.1', 4433)!;
/** 2026, in microseconds since the epoch. */
export const EPOCH = 1_780_000_000_000_000;

/** The two clocks that a handshake is given. */
export class VirtualClock {
  now = 1000;
  /** By which the wall clock is off. */
  skewMicros = 0;

  get wall(): number {
    return EPOCH + Math.round(this.now * 1000) + this.skewMicros;
  }
}

/** A node as far as handshakes go, without socket and sessions. */
export class Party {
  readonly clock: VirtualClock;
  readonly crypto: CryptoProvider;
  readonly staticKeys: KeyPair;
  readonly seeds: readonly SeedKeys[];
  readonly helloClock = new HelloClock();
  readonly discarded: Uint8Array[] = [];
  responder!: HandshakeResponder;
  readonly #config: Partial<ResponderConfig>;

  constructor(
    clock: VirtualClock,
    identity: number,
    options: Partial<ResponderConfig> & { sharedSeeds?: readonly Uint8Array[] } = {},
  ) {
    const { sharedSeeds = [SHARED_SEED], ...config } = options;
    this.clock = clock;
    this.crypto = options.crypto ?? provider;
    this.staticKeys = nodeKeyPair(this.crypto, new Uint8Array(32).fill(identity));
    this.seeds = sharedSeeds.map((seed) => deriveSeedKeys(this.crypto, seed));
    this.#config = config;
    this.restart();
  }

  get nodeId(): Uint8Array {
    return this.staticKeys.publicKey;
  }

  /** Forgets all that a process forgets. */
  restart(): void {
    this.responder = new HandshakeResponder({
      crypto: this.crypto,
      seeds: this.seeds,
      staticKeys: this.staticKeys,
      params: DEFAULT_TRANSPORT_PARAMS,
      suites: preferredSuites(this.crypto),
      isSessionIdTaken: () => false,
      onDiscard: (id) => this.discarded.push(id),
      ...this.#config,
    });
  }

  dial(options: Partial<InitiatorConfig> = {}): HandshakeInitiator {
    const initiator = new HandshakeInitiator({
      crypto: this.crypto,
      seed: this.seeds[0]!,
      staticKeys: this.staticKeys,
      params: DEFAULT_TRANSPORT_PARAMS,
      suites: preferredSuites(this.crypto),
      helloClock: this.helloClock,
      random: { u32: () => 2 ** 31 },
      isSessionIdTaken: () => false,
      ...options,
    });
    initiator.start(this.clock.now);
    return initiator;
  }

  /** The HELLO of an initiator that is due now. */
  hello(initiator = this.dial()): Uint8Array {
    return initiator.pollTransmit(this.clock.now, this.clock.wall)!.datagram;
  }

  /** Takes a datagram in as an engine would give it: HELLOs only, and only if their mac1 fits. */
  receive(datagram: Uint8Array, address: Uint8Array = ADDRESS): Answered | undefined {
    const parts = handshakeParts(datagram, 0, datagram.length);
    const seed = parts === undefined || parts.mac2.length === 0 ? -1 : findSeed(this.crypto, this.seeds, parts);
    if (seed < 0) return undefined;
    // In the middle of a larger array, as in the slab of an engine.
    const slab = new Uint8Array(datagram.length + 20);
    slab.set(datagram, 10);
    const end = 10 + datagram.length;
    const outcome = this.responder.handleHello(slab, 10, end, seed, address, this.clock.now, this.clock.wall);
    return outcome === undefined ? undefined : { ...outcome, opened: outcome.open?.() };
  }
}

/** An outcome whose half-open session, if it makes one, is made. */
export interface Answered extends HelloOutcome {
  readonly opened: HandshakeResult | undefined;
}

/** Takes an answer in. */
export function answer(initiator: HandshakeInitiator, datagram: Uint8Array, now: number): HandshakeResult | undefined {
  const slab = new Uint8Array(datagram.length + 20);
  slab.set(datagram, 10);
  return initiator.handleAnswer(slab, 10, 10 + datagram.length, now);
}
