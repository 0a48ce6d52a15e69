import type { Random } from '../../ports/random.js';
import type { RttEstimator } from '../rtt.js';
import { BbrCycle } from './bbr-cycle.js';
import { BbrModel } from './bbr-model.js';
import { BbrState, isProbeBw, isProbing, LEAST_PACKETS, LOSS_THRESHOLD } from './bbr-state.js';
import { type CongestionController, initialWindow, minimumWindow, type PacketWatcher } from './controller.js';
import { DeliveryRate } from './delivery-rate.js';
import { FullPipe } from './full-pipe.js';

export { BbrState } from './bbr-state.js';

// By state: factors of the rate at which to send, and of what may be in flight for it.
const PACING_GAIN = [2.77, 0.5, 0.9, 1, 1, 1.25, 1];
const WINDOW_GAIN = [2, 2, 2, 2, 2, 2.25, 0.5];
/** Sends a little slower than the path delivers, so that queues shrink. */
const PACING_MARGIN = 0.99;
/** Gaps in one round trip from which on losses end Startup. */
const STARTUP_GAPS = 6;
/** Drain ends after so many round trips at the latest. */
const DRAIN_ROUNDS = 3;
/** What may be sent at once, ms: as the pacer does. */
const QUANTUM_MS = 1;
const PROBE_RTT_MS = 200;
/** Shortest round-trip time that the lowest rate is computed with, ms. */
const LEAST_RTT = 0.01;

/**
 * BBR version 3 (draft-ietf-ccwg-bbr): measures how much a path delivers and how long its round trip is, and sends as
 * much; losses count only if they are many, or if less is delivered. Octets, ms, octets per ms.
 */
export class Bbr implements CongestionController, PacketWatcher {
  readonly threshold = Infinity;
  readonly watcher: PacketWatcher = this;
  readonly #initialWindow: number;
  readonly #rate = new DeliveryRate();
  readonly #model: BbrModel;
  readonly #pipe: FullPipe;
  readonly #cycle: BbrCycle;
  readonly #bounds = { inFlight: 0, window: 0, isWindowLimited: false, full: 0 };
  #packetSize: number;
  #window: number;
  /** The window before losses, or before it was lowered to measure the round-trip time. */
  #priorWindow = 0;
  #pacingRate = 0;
  /** Never slower than this: what keeps any controller alive. */
  #leastRate = 0;
  #state: BbrState = BbrState.STARTUP;
  /** Of the ACK that is dealt with, -1 if it gave none. */
  #rttSample = -1;
  /** The last round trip in which the window was used up, -1 if none. */
  #limitedRound = -1;
  #idleRestart = false;

  #drainRound = 0;
  /** Gaps lost in the round trip, and the number behind the last one. */
  #gaps = 0;
  #gapEnd = -1;

  // Probing for the round-trip time.
  #probeRttEnd = 0;
  #probeRttRoundDone = false;
  #probeRttWindow: number;

  // What is taken back if the losses were none.
  #undoState: BbrState | -1 = -1;
  #undoBw = Infinity;
  #undoShortterm = Infinity;
  #undoLongterm = Infinity;

  constructor(packetSize: number, random: Random) {
    this.#packetSize = packetSize;
    this.#window = this.#initialWindow = this.#probeRttWindow = initialWindow(packetSize);
    this.#model = new BbrModel(this.#rate, this.#initialWindow);
    this.#pipe = new FullPipe(this.#model, this.#rate);
    this.#cycle = new BbrCycle(this.#model, this.#rate, this.#pipe, packetSize, random);
  }

  get window(): number {
    return Math.floor(this.#window);
  }

  get pacingRate(): number {
    return this.#pacingRate === 0 ? 0 : Math.max(this.#pacingRate, this.#leastRate);
  }

  get inSlowStart(): boolean {
    return this.#state === BbrState.STARTUP;
  }

  get state(): BbrState {
    return this.#state;
  }

  /** What it believes of the path; read-only. */
  get model(): Readonly<BbrModel> {
    return this.#model;
  }

  onRttSample(rtt: RttEstimator): void {
    this.#rttSample = rtt.latest;
    if (this.#pacingRate === 0) {
      const rate = this.#initialWindow / Math.max(rtt.smoothed, LEAST_RTT);
      this.#pacingRate = PACING_GAIN[BbrState.STARTUP]! * rate;
    }
  }

  /** Everything that grows, grows in `onAckEnd`. */
  onPacketsAcked(): void {}

  /** Losses were told one by one; a CE mark counts as one. */
  onCongestionEvent(): void {
    this.#noteLoss();
  }

  onSpuriousCongestion(): void {
    const model = this.#model;
    this.#window = Math.max(this.#window, this.#priorWindow);
    model.lossInRound = false;
    this.#pipe.reset(0);
    model.bwShortterm = Math.max(model.bwShortterm, this.#undoBw);
    model.inflightShortterm = Math.max(model.inflightShortterm, this.#undoShortterm);
    model.inflightLongterm = Math.max(model.inflightLongterm, this.#undoLongterm);
    const undo = this.#undoState;
    this.#undoState = -1;
    if (undo === BbrState.STARTUP) this.#pipe.wasFull = false;
    if (this.#state === BbrState.PROBE_RTT || this.#state === undo) return;
    if (undo === BbrState.STARTUP) this.#state = undo;
    else if (undo === BbrState.UP) this.#state = this.#cycle.startRefill();
  }

  onPersistentCongestion(): void {
    this.#saveState();
    this.#window = minimumWindow(this.#packetSize);
  }

  onPacketSize(size: number): void {
    this.#packetSize = this.#cycle.packetSize = size;
    this.#window = Math.max(this.#window, minimumWindow(size));
  }

  onSent(now: number, first: number, slot: number, octets: number, inFlight: number): void {
    if (inFlight <= octets && this.#rate.appLimited) this.#onRestartFromIdle(now);
    this.#rate.onSent(now, first, slot, octets, inFlight);
    if (inFlight + this.#packetSize > this.#window) this.#limitedRound = this.#model.roundCount;
  }

  onAcked(now: number, first: number, slot: number, octets: number, sentTime: number): void {
    this.#rate.onAcked(now, first, slot, octets, sentTime);
  }

  onLost(now: number, pn: number, count: number, first: number, slot: number, octets: number): void {
    const rate = this.#rate;
    if (!rate.onLost(first, slot, octets)) return;
    this.#noteLoss();
    if (pn !== this.#gapEnd) this.#gaps++;
    this.#gapEnd = pn + count;
    if (!this.#cycle.isProbeSample || rate.lossLost <= rate.lossInFlight * LOSS_THRESHOLD) return;
    // So much was in flight when the losses became too many, perhaps in the midst of these packets.
    const inFlightBefore = rate.lossInFlight - octets;
    const lostBefore = rate.lossLost - octets;
    const part = (LOSS_THRESHOLD * inFlightBefore - lostBefore) / (1 - LOSS_THRESHOLD);
    const state = this.#state;
    this.#state = this.#cycle.onTooHigh(state, now, inFlightBefore + part, rate.lossAppLimited, this.#window);
    if (this.#state !== state) this.#undoState = state;
  }

  onAppLimited(inFlight: number): void {
    if (inFlight + this.#packetSize <= this.#window) this.#rate.markAppLimited(inFlight);
  }

  trim(): void {
    this.#rate.trim();
  }

  /** draft-ietf-ccwg-bbr, "Per-ACK Steps". */
  onAckEnd(now: number, rtt: RttEstimator, inFlight: number): void {
    const model = this.#model;
    this.#leastRate = minimumWindow(this.#packetSize) / Math.max(rtt.smoothed, LEAST_RTT);
    if (this.#rate.sample(rtt.min)) {
      model.onSample(isProbing(this.#state), this.#window);
      model.updateAggregation(now, this.#window, this.#pipe.wasFull);
      this.#pipe.check();
      this.#checkStartupDone();
      this.#checkDrainDone(now, inFlight);
      const bounds = this.#bounds;
      bounds.inFlight = inFlight;
      bounds.window = this.#window;
      bounds.isWindowLimited = this.#limitedRound >= 0 && this.#limitedRound >= model.roundCount - 1;
      bounds.full = this.#inflight(model.maxBw, 1);
      this.#state = this.#cycle.update(this.#state, now, bounds);
      this.#updateMinRtt(now);
      this.#checkProbeRtt(now, inFlight);
      model.endSample();
      this.#setPacingRate(PACING_GAIN[this.#state]!);
      this.#setWindow();
    }
    this.#rate.endAck();
    this.#rttSample = -1;
  }

  // Startup and Drain.

  #checkStartupDone(): void {
    const model = this.#model;
    const gaps = this.#gaps;
    if (model.lossRoundStart) this.#gaps = 0;
    if (this.#state !== BbrState.STARTUP) return;
    if (model.lossRoundStart && gaps >= STARTUP_GAPS && this.#cycle.isInflightTooHigh) {
      this.#undoState = BbrState.STARTUP;
      this.#pipe.wasFull = this.#pipe.isFull = true;
      model.inflightLongterm = Math.max(model.bdp(model.bw), model.inflightLatest);
    }
    if (!this.#pipe.wasFull) return;
    this.#state = BbrState.DRAIN;
    this.#drainRound = model.roundCount;
  }

  #checkDrainDone(now: number, inFlight: number): void {
    if (this.#state !== BbrState.DRAIN) return;
    const model = this.#model;
    if (inFlight <= this.#inflight(model.bw, 1) || model.roundCount > this.#drainRound + DRAIN_ROUNDS) {
      this.#state = this.#cycle.startDown(now);
    }
  }

  // Probing for the round-trip time.

  #updateMinRtt(now: number): void {
    const model = this.#model;
    model.checkMinRtt(now);
    if (model.minRttExpired && this.#state !== BbrState.PROBE_RTT) {
      const half = WINDOW_GAIN[BbrState.PROBE_RTT]! * model.bdp(model.bw);
      this.#probeRttWindow = Math.max(half, this.#leastWindow);
    }
    model.takeRttSample(now, this.#rttSample);
  }

  #checkProbeRtt(now: number, inFlight: number): void {
    const model = this.#model;
    if (this.#state !== BbrState.PROBE_RTT && model.minRttExpired && !this.#idleRestart) {
      this.#saveWindow();
      this.#state = BbrState.PROBE_RTT;
      this.#probeRttEnd = 0;
      this.#cycle.stop();
    }
    if (this.#state === BbrState.PROBE_RTT) this.#probeRtt(now, inFlight);
    if (this.#rate.sampleDelivered > 0) this.#idleRestart = false;
  }

  #probeRtt(now: number, inFlight: number): void {
    // What is measured now must not lower the rate.
    this.#rate.markAppLimited(inFlight);
    if (this.#probeRttEnd === 0) {
      if (inFlight > this.#probeRttWindow) return;
      this.#probeRttEnd = now + PROBE_RTT_MS;
      this.#probeRttRoundDone = false;
      this.#model.startRound();
      return;
    }
    if (this.#model.roundStart) this.#probeRttRoundDone = true;
    if (this.#probeRttRoundDone) this.#checkProbeRttDone(now);
  }

  #checkProbeRttDone(now: number): void {
    if (this.#probeRttEnd === 0 || now <= this.#probeRttEnd) return;
    this.#model.minRttTime = now;
    this.#window = Math.max(this.#window, this.#priorWindow);
    this.#model.resetShortterm();
    if (this.#pipe.wasFull) {
      this.#cycle.startDown(now);
      this.#state = BbrState.CRUISE;
    } else this.#state = BbrState.STARTUP;
  }

  #onRestartFromIdle(now: number): void {
    this.#idleRestart = true;
    this.#model.restartAggregation(now);
    if (isProbeBw(this.#state)) this.#setPacingRate(1);
    else if (this.#state === BbrState.PROBE_RTT) this.#checkProbeRttDone(now);
  }

  // Losses.

  #noteLoss(): void {
    if (this.#model.noteLoss()) this.#saveState();
  }

  #saveState(): void {
    const model = this.#model;
    this.#saveWindow();
    this.#undoState = -1;
    this.#undoBw = model.bwShortterm;
    this.#undoShortterm = model.inflightShortterm;
    this.#undoLongterm = model.inflightLongterm;
  }

  #saveWindow(): void {
    const isLowered = this.#state === BbrState.PROBE_RTT || this.#model.bwShortterm !== Infinity;
    this.#priorWindow = isLowered ? Math.max(this.#priorWindow, this.#window) : this.#window;
  }

  // What it all leads to.

  get #leastWindow(): number {
    return LEAST_PACKETS * this.#packetSize;
  }

  /** Octets in flight that keep a path of that rate busy, with so many times its round trip. */
  #inflight(bw: number, gain: number, extra = 0): number {
    const quantum = Math.max(this.#pacingRate * QUANTUM_MS, 2 * this.#packetSize);
    const octets = Math.max(gain * this.#model.bdp(bw) + extra, quantum, this.#leastWindow);
    return this.#state === BbrState.UP ? octets + 2 * this.#packetSize : octets;
  }

  #setPacingRate(gain: number): void {
    const rate = gain * this.#model.bw * PACING_MARGIN;
    // Until the path was full, small samples come from small windows.
    if (this.#pipe.wasFull || rate > this.#pacingRate) this.#pacingRate = rate;
  }

  #setWindow(): void {
    const model = this.#model;
    const { delivered, newlyAcked } = this.#rate;
    const most = this.#inflight(model.bw, WINDOW_GAIN[this.#state]!, model.extraAcked);
    const grown = this.#window + newlyAcked;
    if (this.#pipe.wasFull) this.#window = Math.min(grown, most);
    else if (this.#window < most || delivered < this.#initialWindow) this.#window = grown;
    let bound = Infinity;
    if (this.#state === BbrState.PROBE_RTT || this.#state === BbrState.CRUISE) {
      bound = model.inflightWithHeadroom(this.#packetSize, this.#leastWindow);
    } else if (isProbeBw(this.#state)) bound = model.inflightLongterm;
    bound = Math.min(bound, model.inflightShortterm);
    if (this.#state === BbrState.PROBE_RTT) bound = Math.min(bound, this.#probeRttWindow);
    this.#window = Math.max(Math.min(this.#window, bound), this.#leastWindow);
  }
}
