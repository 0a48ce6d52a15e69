import { ALGORITHMS } from '../../../lib/protocol/congestion/algorithms.js';
import { datagramSending } from '../../../lib/protocol/datagram-sending.js';
import { Suite } from '../../../lib/ports/crypto.js';
import { DEFAULT_SESSION_LIMITS, type SessionConfig, type SessionLimits } from '../../../lib/protocol/session.js';
import type { Carrier } from './carrier.js';
import { Endpoint } from './endpoint.js';
import { Link, type LinkConditions } from './network.js';
import { DEFAULT_TRANSPORT_PARAMS, type TransportParams } from '../../../lib/wire/handshake-messages.js';
import { PlainCarrier } from './plain-carrier.js';
import { SimRandom } from './random.js';
import { Recorder } from './recorder.js';
import { VirtualTime } from './virtual-time.js';

/** What one side of a pair is made with. */
export interface SideOptions {
  readonly params?: Partial<TransportParams>;
  readonly limits?: Partial<SessionLimits>;
  readonly config?: Partial<Omit<SessionConfig, 'role' | 'localParams' | 'peerParams' | 'limits' | 'observer' | 'now'>>;
  readonly carrier?: Carrier;
}

export interface PairOptions {
  readonly seed?: number;
  /** Both directions, unless `back` is given. */
  readonly conditions?: LinkConditions;
  /** From the responder to the initiator. */
  readonly back?: LinkConditions;
  /** Of the link to the responder, from the first datagram on. */
  readonly filter?: Link['filter'];
  readonly client?: SideOptions;
  readonly server?: SideOptions;
}

/** Two sessions of one handshake and the network between them. */
export class Pair {
  readonly seed: number;
  readonly time = new VirtualTime();
  readonly random: SimRandom;
  readonly client: Endpoint<Recorder>;
  readonly server: Endpoint<Recorder>;
  readonly there: Link;
  readonly back: Link;

  constructor(options: PairOptions = {}) {
    const { seed = 1, conditions = { latencyMs: 10 }, client = {}, server = {} } = options;
    this.seed = seed;
    this.random = new SimRandom(seed);
    const clientParams = { ...DEFAULT_TRANSPORT_PARAMS, ...client.params };
    const serverParams = { ...DEFAULT_TRANSPORT_PARAMS, ...server.params };
    const make = (role: 'initiator' | 'responder', side: SideOptions, mine: TransportParams, theirs: TransportParams) =>
      new Endpoint(this.time, side.carrier ?? new PlainCarrier(), new Recorder(), {
        role,
        localParams: mine,
        peerParams: theirs,
        suite: Suite.AES_256_GCM,
        initialPacketSize: 1200,
        congestion: ALGORITHMS.cubic,
        sending: datagramSending,
        random: new SimRandom(this.random.u32()),
        ...side.config,
        limits: { ...DEFAULT_SESSION_LIMITS, ...side.limits },
      });
    this.client = make('initiator', client, clientParams, serverParams);
    this.server = make('responder', server, serverParams, clientParams);
    this.there = new Link(this.time, this.random.u32(), conditions, this.server.receive);
    this.there.filter = options.filter;
    this.back = new Link(this.time, this.random.u32(), options.back ?? conditions, this.client.receive);
    this.client.send = (datagram) => this.there.send(datagram);
    this.server.send = (datagram) => this.back.send(datagram);
    this.pump();
  }

  get now(): number {
    return this.time.now;
  }

  /** Lets both sides send what the application's last calls made. */
  pump(): void {
    this.client.pump();
    this.server.pump();
  }

  /** Lets so many milliseconds pass. */
  run(ms: number): void {
    this.pump();
    this.time.runUntil(this.time.now + ms);
  }

  /** Runs until something is true; throws, with the seed, after `limitMs`. */
  runUntil(done: () => boolean, limitMs = 600_000): void {
    this.pump();
    const limit = this.time.now + limitMs;
    while (!done()) {
      if (this.time.step(limit)) continue;
      throw new Error(
        `seed ${this.seed}: not done after ${limitMs} ms; client ${JSON.stringify(this.client.session.stats())}, server ${JSON.stringify(this.server.session.stats())}`,
      );
    }
  }
}
