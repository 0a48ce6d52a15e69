import type { RttEstimator } from './rtt.js';

/** Back-off ends there, ms: a path that comes back is noticed within a second (STT §7). */
const MAX_BACKED_OFF = 1000;
/** Probes per timeout: two, as one may be lost too (RFC 9002 §6.2.4). */
export const PROBES = 2;

/** When to probe a path on which nothing is acknowledged, and with how many packets (RFC 9002 §6.2). */
export class ProbeTimeout {
  /** The peer's max_ack_delay, ms. */
  peerMaxAckDelay: number;
  readonly #rtt: RttEstimator;
  /** It runs from then. */
  #base = -Infinity;
  #count = 0;
  #probes = 0;

  constructor(rtt: RttEstimator, peerMaxAckDelay: number) {
    this.#rtt = rtt;
    this.peerMaxAckDelay = peerMaxAckDelay;
  }

  /** Timeouts in a row. */
  get count(): number {
    return this.#count;
  }

  /** Probes that are to be sent now. */
  get probes(): number {
    return this.#probes;
  }

  /** Without back-off, ms. */
  get period(): number {
    return this.#rtt.pto(this.peerMaxAckDelay);
  }

  /** When it expires: absolute ms. */
  get deadline(): number {
    const period = this.period;
    // The exponent is bounded so that a day without answer overflows nothing.
    return this.#base + Math.min(period * 2 ** Math.min(this.#count, 16), Math.max(period, MAX_BACKED_OFF));
  }

  /** So many ack-eliciting packets went out. */
  onSent(now: number, packets: number): void {
    this.#base = now;
    if (this.#probes > 0) this.#probes = Math.max(0, this.#probes - packets);
  }

  onExpired(now: number): void {
    this.#count++;
    this.#probes = PROBES;
    this.#base = now;
  }

  /** An ACK came for an ack-eliciting packet. */
  onAnswer(): void {
    this.#count = this.#probes = 0;
  }

  /** Another path. */
  restart(now: number): void {
    this.onAnswer();
    this.#base = now;
  }
}
