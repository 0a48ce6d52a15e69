import type { Random } from '../../ports/random.js';
import type { BbrModel } from './bbr-model.js';
import { BbrState, isProbeBw, LEAST_PACKETS, LOSS_THRESHOLD } from './bbr-state.js';
import type { DeliveryRate } from './delivery-rate.js';
import type { FullPipe } from './full-pipe.js';

/** Factor of the volume after too many losses, at least. */
const BETA = 0.7;
/** Time between two probes: uniformly from this, ms, to a second more. */
const WAIT_MS = 2_000;
const WAIT_SPAN_MS = 1_000;
/** Round trips between two probes, at most: so that probing is no harder on others than Reno is. */
const MAX_ROUNDS = 63;

/** What the ACKs that arrive tell about probing. */
const Acks = { INIT: 0, REFILLING: 1, STARTING: 2, FEEDBACK: 3, STOPPING: 4 } as const;
type Acks = (typeof Acks)[keyof typeof Acks];

/** What sending is bounded by at present. Octets. */
export interface SendingBounds {
  readonly inFlight: number;
  readonly window: number;
  /** The window was used up in this round trip or the last. */
  readonly isWindowLimited: boolean;
  /** What keeps the path busy at its full rate. */
  readonly full: number;
}

/**
 * The cycle in which BBR probes for bandwidth (draft-ietf-ccwg-bbr, "ProbeBW"): down, cruise, refill, up; and the
 * long-term bound of what may be in flight, which comes of it. Methods that give a state say which one follows.
 */
export class BbrCycle {
  packetSize: number;
  readonly #model: BbrModel;
  readonly #rate: DeliveryRate;
  readonly #pipe: FullPipe;
  readonly #random: Random;
  #acks: Acks = Acks.INIT;
  /** Samples come from packets that were sent while probing. */
  #isProbeSample = false;
  #rounds = 0;
  #wait = 0;
  #beganAt = 0;
  #upAcked = 0;
  #upAckedPerPacket = Infinity;
  #upRounds = 0;
  /** The last probe lost too much; the last one was therefore ended early. */
  #wasTooHigh = false;
  #wasCautious = false;

  constructor(model: BbrModel, rate: DeliveryRate, pipe: FullPipe, packetSize: number, random: Random) {
    this.#model = model;
    this.#rate = rate;
    this.#pipe = pipe;
    this.packetSize = packetSize;
    this.#random = random;
  }

  /** Losses tell how much in flight is too much. */
  get isProbeSample(): boolean {
    return this.#isProbeSample;
  }

  /** The ACK shows more losses than are put up with, since its packet was sent. */
  get isInflightTooHigh(): boolean {
    return this.#rate.sampleLost > this.#rate.inFlight * LOSS_THRESHOLD;
  }

  /** Takes the sample of an ACK. */
  update(state: BbrState, now: number, bounds: SendingBounds): BbrState {
    if (this.#model.roundStart) this.#rounds++;
    if (!this.#pipe.wasFull) return state;
    if (this.#endRound(state)) return this.startRefill();
    this.#adaptLongterm(state, bounds);
    switch (state) {
      case BbrState.DOWN:
      case BbrState.CRUISE:
        if (this.#isTimeToProbe(now, bounds.window)) return this.startRefill();
        return this.#isTimeToCruise(bounds) ? BbrState.CRUISE : state;
      case BbrState.REFILL:
        if (!this.#model.roundStart) return state;
        this.#isProbeSample = true;
        return this.#startUp(bounds.window);
      case BbrState.UP:
        if (!this.#isTimeToGoDown(bounds)) return state;
        this.#wasTooHigh = false;
        return this.startDown(now);
      case BbrState.STARTUP:
      case BbrState.DRAIN:
      case BbrState.PROBE_RTT:
        return state;
    }
  }

  /** Packets were lost that were sent while probing: `inFlight` octets are too many. */
  onTooHigh(state: BbrState, now: number, inFlight: number, isAppLimited: boolean, window: number): BbrState {
    const model = this.#model;
    this.#wasTooHigh = true;
    // Once per probe.
    this.#isProbeSample = false;
    if (!isAppLimited) model.inflightLongterm = Math.max(inFlight, this.#target(window) * BETA);
    return state === BbrState.UP ? this.startDown(now) : state;
  }

  startDown(now: number): BbrState {
    const random = this.#random.u32();
    this.#model.resetCongestionSignals();
    this.#upAckedPerPacket = Infinity;
    this.#rounds = random & 1;
    this.#wait = WAIT_MS + ((random >>> 1) % WAIT_SPAN_MS);
    this.#beganAt = now;
    this.stop();
    return BbrState.DOWN;
  }

  startRefill(): BbrState {
    this.#model.resetShortterm();
    this.#upRounds = this.#upAcked = 0;
    this.#wasCautious = false;
    this.#acks = Acks.REFILLING;
    this.#model.startRound();
    return BbrState.REFILL;
  }

  /** Probing is over; ACKs of what it sent are still to come. */
  stop(): void {
    this.#acks = Acks.STOPPING;
    this.#model.startRound();
  }

  #startUp(window: number): BbrState {
    this.#acks = Acks.STARTING;
    this.#model.startRound();
    this.#pipe.reset(this.#rate.rate);
    this.#steepen(window);
    return BbrState.UP;
  }

  /** True if a cautious probe went well: a real one follows. */
  #endRound(state: BbrState): boolean {
    const model = this.#model;
    if (!model.roundStart) return false;
    if (this.#acks === Acks.STARTING) this.#acks = Acks.FEEDBACK;
    if (this.#acks !== Acks.STOPPING) return false;
    this.#isProbeSample = false;
    this.#acks = Acks.INIT;
    if (!isProbeBw(state)) return false;
    if (!this.#rate.isAppLimited) model.advanceMaxBw();
    return this.#wasCautious && !this.#wasTooHigh;
  }

  #adaptLongterm(state: BbrState, bounds: SendingBounds): void {
    const model = this.#model;
    if (this.isInflightTooHigh || model.inflightLongterm === Infinity) return;
    // So much was in flight, and went well.
    model.inflightLongterm = Math.max(model.inflightLongterm, this.#rate.inFlight);
    if (state === BbrState.UP && bounds.isWindowLimited && bounds.window >= model.inflightLongterm) {
      this.#raiseLongterm(bounds.window);
    }
  }

  /** The bound rises by 1, 2, 4, 8 packets in the round trips of a probe. */
  #raiseLongterm(window: number): void {
    const model = this.#model;
    this.#upAcked += this.#rate.newlyAcked;
    const packets = Math.floor(this.#upAcked / this.#upAckedPerPacket);
    if (packets > 0) {
      this.#upAcked -= packets * this.#upAckedPerPacket;
      model.inflightLongterm += packets * this.packetSize;
    }
    if (model.roundStart) this.#steepen(window);
  }

  #steepen(window: number): void {
    this.#upAckedPerPacket = Math.max(window / 2 ** this.#upRounds, this.packetSize);
    this.#upRounds = Math.min(this.#upRounds + 1, 30);
  }

  #target(window: number): number {
    return Math.min(this.#model.bdp(this.#model.bw), window);
  }

  #isTimeToProbe(now: number, window: number): boolean {
    if (now > this.#beganAt + this.#wait) return true;
    return this.#rounds >= Math.min(this.#target(window) / this.packetSize, MAX_ROUNDS);
  }

  #isTimeToCruise({ inFlight, full }: SendingBounds): boolean {
    const least = LEAST_PACKETS * this.packetSize;
    return inFlight <= Math.min(this.#model.inflightWithHeadroom(this.packetSize, least), full);
  }

  #isTimeToGoDown({ inFlight, isWindowLimited, window }: SendingBounds): boolean {
    const bound = this.#model.inflightLongterm;
    // Before the ACK as much was in flight as whole packets fit the bound.
    const most = inFlight + this.#rate.newlyAcked + this.packetSize;
    if (this.#wasTooHigh && most > bound) return (this.#wasCautious = true);
    // What the bound lets through says nothing about the path.
    if (isWindowLimited && window >= bound) this.#pipe.reset(this.#rate.rate);
    else if (this.#pipe.isFull) return true;
    return false;
  }
}
