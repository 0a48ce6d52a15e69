import type { DeliveryRate } from './delivery-rate.js';
import { WindowedMax } from './windowed-max.js';

/** Factor of the short-term bounds after a round trip with losses, at least. */
const BETA = 0.7;
/** Share of the long-term bound that is left to others. */
const HEADROOM = 0.15;
/** How long the smallest round-trip time holds, ms. */
const MIN_RTT_FILTER = 10_000;
/** Round trips for which the degree of aggregation is remembered, once the path was full. */
const EXTRA_ACKED_ROUNDS = 10;

/**
 * What BBR believes of a path (draft-ietf-ccwg-bbr, "Updating Network Path Model Parameters"). Octets, ms, octets per ms.
 * Long-term bounds come from probing for bandwidth, short-term ones from losses since the last probe.
 */
export class BbrModel {
  readonly #rate: DeliveryRate;
  // Round trips, timed by packets: one ends with the ACK of a packet that was sent after its begin.
  roundCount = 0;
  roundStart = false;
  #nextRound = 0;

  // Rate. The filter of `maxBw` covers the cycle of probing before and this one.
  #cycleMax = 0;
  #lastCycleMax = 0;
  bwShortterm = Infinity;
  /** At which to send: the smaller of `maxBw` and `bwShortterm`. */
  bw = 0;

  // Volume.
  inflightShortterm = Infinity;
  inflightLongterm = Infinity;
  /** What was acknowledged beyond what the rate tells: ACKs come in clumps. */
  extraAcked = 0;
  readonly #extraFilter = new WindowedMax();
  #extraStart = 0;
  #extraDelivered = 0;

  minRtt = Infinity;
  minRttTime = 0;
  /** The smallest round-trip time is too old to hold. */
  minRttExpired = false;

  // Losses, by round trips of their own, which begin with a loss.
  lossInRound = false;
  lossRoundStart = false;
  #lossRoundDelivered = 0;
  /** Largest samples of the round trip. */
  #bwLatest = 0;
  #inflightLatest = 0;

  readonly #initialWindow: number;

  constructor(rate: DeliveryRate, initialWindow: number) {
    this.#rate = rate;
    this.#initialWindow = initialWindow;
  }

  get maxBw(): number {
    return Math.max(this.#cycleMax, this.#lastCycleMax);
  }

  get inflightLatest(): number {
    return this.#inflightLatest;
  }

  /** Octets that fill the path at a rate. */
  bdp(bw: number): number {
    return this.minRtt === Infinity ? this.#initialWindow : bw * this.minRtt;
  }

  /** Octets in flight that others have room beside; Infinity if no bound is known. */
  inflightWithHeadroom(packetSize: number, least: number): number {
    const bound = this.inflightLongterm;
    return bound === Infinity ? Infinity : Math.max(bound - Math.max(packetSize, HEADROOM * bound), least);
  }

  startRound(): void {
    this.#nextRound = this.#rate.delivered;
  }

  /** Takes the sample of an ACK. Losses bound the model, once a round trip, but not while it is `probing`. */
  onSample(probing: boolean, window: number): void {
    const rate = this.#rate;
    this.lossRoundStart = false;
    this.#bwLatest = Math.max(this.#bwLatest, rate.rate);
    this.#inflightLatest = Math.max(this.#inflightLatest, rate.sampleDelivered);
    if (rate.priorDelivered >= this.#lossRoundDelivered) {
      this.#lossRoundDelivered = rate.delivered;
      this.lossRoundStart = true;
    }
    this.roundStart = rate.priorDelivered >= this.#nextRound;
    if (this.roundStart) {
      this.startRound();
      this.roundCount++;
    }
    if (rate.rate > 0 && (rate.rate >= this.maxBw || !rate.isAppLimited)) {
      this.#cycleMax = Math.max(this.#cycleMax, rate.rate);
    }
    if (!this.lossRoundStart) return;
    if (this.lossInRound && !probing) this.#lowerBounds(window);
    this.lossInRound = false;
  }

  /** The ACK is dealt with: what it told last begins the next round trip. */
  endSample(): void {
    if (this.lossRoundStart) {
      this.#bwLatest = this.#rate.rate;
      this.#inflightLatest = this.#rate.sampleDelivered;
    }
    this.bw = Math.min(this.maxBw, this.bwShortterm);
  }

  /** Estimates aggregation: what came beyond `bw` since it last fell behind. */
  updateAggregation(now: number, window: number, wasFull: boolean): void {
    let expected = this.bw * (now - this.#extraStart);
    if (this.#extraDelivered <= expected) {
      this.#extraDelivered = 0;
      this.#extraStart = now;
      expected = 0;
    }
    this.#extraDelivered += this.#rate.newlyAcked;
    const extra = Math.min(this.#extraDelivered - expected, window);
    this.extraAcked = this.#extraFilter.update(this.roundCount, extra, wasFull ? EXTRA_ACKED_ROUNDS : 1);
  }

  restartAggregation(now: number): void {
    this.#extraStart = now;
  }

  /** Sets `minRttExpired`. */
  checkMinRtt(now: number): void {
    this.minRttExpired = this.minRtt !== Infinity && now > this.minRttTime + MIN_RTT_FILTER;
  }

  /** `sample` is -1 if the ACK gave none. */
  takeRttSample(now: number, sample: number): void {
    if (sample < 0 || (sample >= this.minRtt && !this.minRttExpired)) return;
    this.minRtt = sample;
    this.minRttTime = now;
  }

  /** A packet was lost. True for the first loss in a round trip. */
  noteLoss(): boolean {
    if (this.lossInRound) return false;
    this.#lossRoundDelivered = this.#rate.delivered;
    return (this.lossInRound = true);
  }

  /** Another cycle of probing: samples of the one before the last are forgotten. */
  advanceMaxBw(): void {
    if (this.#cycleMax === 0) return;
    this.#lastCycleMax = this.#cycleMax;
    this.#cycleMax = 0;
  }

  resetCongestionSignals(): void {
    this.lossInRound = false;
    this.#bwLatest = this.#inflightLatest = 0;
  }

  resetShortterm(): void {
    this.bwShortterm = this.inflightShortterm = Infinity;
  }

  #lowerBounds(window: number): void {
    if (this.bwShortterm === Infinity) this.bwShortterm = this.maxBw;
    if (this.inflightShortterm === Infinity) this.inflightShortterm = window;
    this.bwShortterm = Math.max(this.#bwLatest, BETA * this.bwShortterm);
    this.inflightShortterm = Math.max(this.#inflightLatest, BETA * this.inflightShortterm);
  }
}
