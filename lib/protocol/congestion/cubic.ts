import type { RttEstimator } from '../rtt.js';
import { type CongestionController, initialWindow, minimumWindow } from './controller.js';
import { HyStart } from './hystart.js';

/** How fast the window grows, packets per cubed second (RFC 9438 §5). */
const C = 0.4;
/** Factor of the window after a congestion event (RFC 9438 §4.6). */
const BETA = 0.7;
/** Growth of the estimate of Reno's window that makes it as fast with BETA as Reno is with 0.5 (RFC 9438 §4.3). */
const ALPHA = (3 * (1 - BETA)) / (1 + BETA);
/** The target is at most so many windows, lest it grows by more in one round trip (RFC 9438 §4.2). */
const MAX_TARGET = 1.5;

/** CUBIC (RFC 9438) with HyStart++ (RFC 9406) in the first slow start. Windows in octets, times in ms. */
export class Cubic implements CongestionController {
  readonly pacingRate = 0;
  #packetSize: number;
  #window: number;
  #threshold = Infinity;
  /** Leads out of the first slow start only (RFC 9406 §4.3). */
  #hystart: HyStart | undefined = new HyStart();
  /** W_max: the window before the last congestion event, or less by fast convergence. */
  #max = 0;
  /** cwnd_prior */
  #prior = 0;
  /** When the current stage of congestion avoidance began, -1 outside. */
  #epoch = -1;
  /** K: time from `#epoch` until the window is W_max again. */
  #k = 0;
  /** W_est: what Reno's window would be. */
  #reno = 0;
  /** Since when the window is not used up, -1 if it is. */
  #idleSince = -1;
  /** State before the last congestion event, undefined if it cannot be taken back. */
  #undo:
    | { window: number; threshold: number; max: number; prior: number; epoch: number; k: number; reno: number }
    | undefined;

  constructor(packetSize: number) {
    this.#packetSize = packetSize;
    this.#window = initialWindow(packetSize);
  }

  get window(): number {
    return Math.floor(this.#window);
  }

  get threshold(): number {
    return this.#threshold;
  }

  get inSlowStart(): boolean {
    return this.#window < this.#threshold;
  }

  onRttSample(rtt: RttEstimator, largestAcked: number, next: number): void {
    if (this.#hystart?.onRttSample(rtt.latest, largestAcked, next) === true) {
      this.#threshold = this.#window;
      this.#hystart = undefined;
    }
  }

  onPacketsAcked(now: number, octets: number, rtt: RttEstimator, limited: boolean): void {
    if (!limited) {
      if (this.#idleSince < 0) this.#idleSince = now;
      return;
    }
    if (this.#idleSince >= 0) {
      // Time in which the window was not used does not count (RFC 9438 §5.8).
      if (this.#epoch >= 0) this.#epoch += now - Math.max(this.#idleSince, this.#epoch);
      this.#idleSince = -1;
    }
    if (this.inSlowStart) this.#window += octets / (this.#hystart?.divisor ?? 1);
    else this.#avoidCongestion(now, octets, rtt.smoothed);
  }

  onCongestionEvent(): void {
    const window = this.#window;
    this.#undo = {
      window,
      threshold: this.#threshold,
      max: this.#max,
      prior: this.#prior,
      epoch: this.#epoch,
      k: this.#k,
      reno: this.#reno,
    };
    // Fast convergence: a flow that did not get back to where it was makes room for others (RFC 9438 §4.7).
    this.#max = window < this.#max ? (window * (1 + BETA)) / 2 : window;
    this.#prior = window;
    this.#window = Math.max(window * BETA, minimumWindow(this.#packetSize));
    this.#threshold = this.#window;
    this.#endStage();
  }

  onSpuriousCongestion(): void {
    const undo = this.#undo;
    if (undo === undefined) return;
    this.#undo = undefined;
    if (this.#window >= undo.window) return;
    this.#window = undo.window;
    this.#threshold = undo.threshold;
    this.#max = undo.max;
    this.#prior = undo.prior;
    this.#epoch = undo.epoch;
    this.#k = undo.k;
    this.#reno = undo.reno;
  }

  onPersistentCongestion(): void {
    // The congestion event of the same losses has set threshold and W_max (RFC 9438 §4.8).
    this.#window = minimumWindow(this.#packetSize);
    this.#undo = undefined;
    this.#endStage();
  }

  onPacketSize(size: number): void {
    if (size === this.#packetSize) return;
    this.#packetSize = size;
    this.#window = Math.max(this.#window, minimumWindow(size));
    // The curve of this stage is drawn in packets of the old size.
    this.#epoch = -1;
  }

  #endStage(): void {
    this.#epoch = -1;
    this.#idleSince = -1;
    this.#hystart = undefined;
  }

  #avoidCongestion(now: number, octets: number, rtt: number): void {
    const size = this.#packetSize;
    if (this.#epoch < 0) this.#beginStage(now);
    const t = now - this.#epoch;
    // Reno-friendly region (RFC 9438 §4.3); from cwnd_prior on the estimate grows as Reno does.
    this.#reno += ((this.#reno < this.#prior ? ALPHA : 1) * octets * size) / this.#window;
    if (this.#cubic(t) < this.#reno) {
      if (this.#reno > this.#window) this.#window = this.#reno;
      return;
    }
    const target = Math.min(this.#cubic(t + rtt), MAX_TARGET * this.#window);
    // One ACK may cover more than a window after packets were lost on the way back.
    if (target > this.#window) this.#window += (target - this.#window) * Math.min(octets / this.#window, 1);
  }

  #beginStage(now: number): void {
    this.#epoch = now;
    this.#reno = this.#window;
    if (this.#window < this.#max) {
      this.#k = 1000 * Math.cbrt((this.#max - this.#window) / this.#packetSize / C);
    } else {
      this.#max = this.#window;
      this.#k = 0;
    }
  }

  /** W_cubic: the window `t` ms after the begin of the stage. */
  #cubic(t: number): number {
    const seconds = (t - this.#k) / 1000;
    return C * seconds * seconds * seconds * this.#packetSize + this.#max;
  }
}
