import type { Random } from '../../ports/random.js';
import { LostLog } from '../lost-log.js';
import type { RttEstimator } from '../rtt.js';
import type { CongestionAlgorithm, CongestionController, PacketWatcher } from './controller.js';

/** Probe timeouts in which nothing got through that make congestion persistent (RFC 9002 §7.6.1). */
const PERSISTENT_CONGESTION = 3;
/** Packets that a sender which waits for room may leave unsent. */
const SLACK_PACKETS = 3;

/** Packets that were sent at once; `SentPackets` shows them. */
export interface SentUnit {
  readonly time: number;
  readonly octets: number;
  readonly first: number;
  readonly slot: number;
}

/** What all congestion controllers share: recovery periods, persistent congestion, unused windows, losses that were none. */
export class CongestionState {
  readonly #lost = new LostLog();
  readonly #random: Random;
  #controller: CongestionController;
  #watcher: PacketWatcher | undefined;
  #packetSize: number;
  /** Packets sent up to then belong to a congestion event that was answered (RFC 9002 §7.3.2). */
  #recoveryStart = -Infinity;
  /** Most octets in flight in this round trip, which ends when packet `#roundEnd` is acknowledged, and in the one before. */
  #peak = 0;
  #lastPeak = 0;
  #roundEnd = 0;
  /** When the first RTT sample came: earlier losses are no persistent congestion (RFC 9002 §7.6.2). */
  #firstSample: number;
  /** When the first packet of an unbroken series of losses was sent, -1 if there is none. */
  #seriesStart = -1;

  // Of the losses since `endLosses`.
  #losses = 0;
  #lossTime = -Infinity;
  #persistent = false;

  constructor(algorithm: CongestionAlgorithm, packetSize: number, firstSample: number, random: Random) {
    this.#packetSize = packetSize;
    this.#firstSample = firstSample;
    this.#random = random;
    this.#controller = algorithm(packetSize, random);
    this.#watcher = this.#controller.watcher;
  }

  get window(): number {
    return this.#controller.window;
  }

  get pacingRate(): number {
    return this.#controller.pacingRate;
  }

  get threshold(): number {
    return this.#controller.threshold;
  }

  get inSlowStart(): boolean {
    return this.#controller.inSlowStart;
  }

  get packetSize(): number {
    return this.#packetSize;
  }

  onPacketSize(size: number): void {
    this.#packetSize = size;
    this.#controller.onPacketSize(size);
  }

  /** Another path, about which nothing is known. */
  restart(algorithm: CongestionAlgorithm, packetSize: number): void {
    this.#packetSize = packetSize;
    this.#controller = algorithm(packetSize, this.#random);
    this.#watcher = this.#controller.watcher;
    this.#firstSample = Infinity;
    this.#recoveryStart = -Infinity;
    this.#peak = this.#lastPeak = 0;
    this.#lost.confirmEvent();
    this.breakSeries();
  }

  /** See `PacketWatcher`. */
  onSent(now: number, first: number, slot: number, octets: number, inFlight: number): void {
    if (inFlight > this.#peak) this.#peak = inFlight;
    this.#watcher?.onSent(now, first, slot, octets, inFlight);
  }

  /** Packets that `sent` shows were acknowledged; in ascending order. */
  onDelivered(now: number, sent: SentUnit): void {
    this.#watcher?.onAcked(now, sent.first, sent.slot, sent.octets, sent.time);
  }

  onAppLimited(inFlight: number): void {
    this.#watcher?.onAppLimited(inFlight);
  }

  /** The window may grow for a packet that was sent then: after the last congestion event. */
  mayGrowFor(sentTime: number): boolean {
    return sentTime > this.#recoveryStart;
  }

  onRttSample(now: number, rtt: RttEstimator, largestAcked: number, next: number): void {
    if (this.#firstSample === Infinity) this.#firstSample = now;
    this.#controller.onRttSample(rtt, largestAcked, next);
  }

  /**
   * An ACK up to `largest`, after its losses: `octets` are those that the window may grow for. True if a round trip is
   * over.
   */
  onAcked(now: number, octets: number, rtt: RttEstimator, largest: number, next: number, inFlight: number): boolean {
    if (octets > 0 && this.#recoveryStart !== now) {
      this.#controller.onPacketsAcked(now, octets, rtt, this.#isLimiting());
    }
    this.#watcher?.onAckEnd(now, rtt, inFlight);
    if (largest < this.#roundEnd) return false;
    this.#roundEnd = next;
    this.#lastPeak = this.#peak;
    this.#peak = inFlight;
    return true;
  }

  /** Most octets in flight in the last round trip. */
  get lastPeak(): number {
    return this.#lastPeak;
  }

  /** The peer reported CE marks; `sentTime` is of the last marked packet acknowledged (RFC 9002 §7.1). */
  onCongestionExperienced(now: number, sentTime: number): void {
    this.#lost.confirmEvent();
    if (this.mayGrowFor(sentTime)) this.#event(now);
  }

  /** Packets `pn .. pn + count - 1` are lost, which `sent` shows; in ascending order. */
  onLost(now: number, pn: number, count: number, sent: SentUnit, ackEliciting: boolean, pto: number): void {
    const sentTime = sent.time;
    this.#watcher?.onLost(now, pn, count, sent.first, sent.slot, sent.octets);
    this.#lost.add(pn, count);
    this.#losses += count;
    this.#lossTime = sentTime;
    if (!ackEliciting || sentTime < this.#firstSample) return;
    if (this.#seriesStart < 0) this.#seriesStart = sentTime;
    if (sentTime - this.#seriesStart > PERSISTENT_CONGESTION * pto) this.#persistent = true;
  }

  /** Between the packets lost so far and the next ones, some were acknowledged. */
  breakSeries(): void {
    this.#seriesStart = -1;
  }

  /** All losses of an ACK or a timeout are told. True if they show persistent congestion. */
  endLosses(now: number): boolean {
    if (this.#losses === 0) return false;
    if (this.mayGrowFor(this.#lossTime)) {
      this.#event(now);
      this.#lost.beginEvent(this.#losses);
    }
    const persistent = this.#persistent;
    if (persistent) {
      this.#controller.onPersistentCongestion(now);
      this.#lost.confirmEvent();
      this.breakSeries();
    }
    this.#losses = 0;
    this.#persistent = false;
    return persistent;
  }

  /** Looks for packets in an ACK that were thought lost; if all of the last congestion event were, takes it back. Gives how many. */
  refuteLosses(ranges: Float64Array, rangeCount: number): number {
    const late = this.#lost.refute(ranges, rangeCount);
    if (late > 0) {
      this.breakSeries();
      if (this.#lost.takeRefuted()) this.#controller.onSpuriousCongestion();
    }
    return late;
  }

  /** Gives memory back. */
  trim(): void {
    this.#lost.clear();
    this.#watcher?.trim();
  }

  #event(now: number): void {
    this.#recoveryStart = now;
    this.#controller.onCongestionEvent(now);
  }

  /** The window was used up lately, so that ACKs may make it grow (RFC 9002 §7.8). */
  #isLimiting(): boolean {
    const peak = Math.max(this.#peak, this.#lastPeak);
    const window = this.#controller.window;
    // Slow start doubles the window in a round trip: half of it in flight is all that could be sent.
    if (this.#controller.inSlowStart) return peak * 2 >= window;
    // What a sender leaves unused that waits for room for a whole run, or for its pacer.
    return peak + Math.max(window / 8, SLACK_PACKETS * this.#packetSize) >= window;
  }
}
