import type { RttEstimator } from '../rtt.js';
import { type CongestionController, initialWindow, minimumWindow } from './controller.js';

/** Factor of the window after a congestion event (RFC 9002 §7.3.2). */
const REDUCTION = 0.5;

/** NewReno as of RFC 9002 §7.3 and appendix B. */
export class NewReno implements CongestionController {
  readonly pacingRate = 0;
  #packetSize: number;
  #window: number;
  #threshold = Infinity;
  /** Window and threshold before the last congestion event, 0 if it cannot be taken back. */
  #priorWindow = 0;
  #priorThreshold = Infinity;

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

  onRttSample(): void {}

  onPacketsAcked(_now: number, octets: number, _rtt: RttEstimator, limited: boolean): void {
    if (!limited) return;
    if (this.inSlowStart) this.#window += octets;
    else this.#window += (this.#packetSize * octets) / this.#window;
  }

  onCongestionEvent(): void {
    this.#priorWindow = this.#window;
    this.#priorThreshold = this.#threshold;
    this.#window = Math.max(this.#window * REDUCTION, minimumWindow(this.#packetSize));
    this.#threshold = this.#window;
  }

  onSpuriousCongestion(): void {
    if (this.#priorWindow === 0) return;
    this.#window = Math.max(this.#window, this.#priorWindow);
    this.#threshold = this.#priorThreshold;
    this.#priorWindow = 0;
  }

  onPersistentCongestion(): void {
    this.#window = minimumWindow(this.#packetSize);
    this.#priorWindow = 0;
  }

  onPacketSize(size: number): void {
    this.#packetSize = size;
    this.#window = Math.max(this.#window, minimumWindow(size));
  }
}
