import { initialWindow } from './congestion/controller.js';

/** What the pacer takes its rate from; `LossRecovery` is one. */
export interface PacingSource {
  /** Octets. */
  readonly congestionWindow: number;
  readonly inSlowStart: boolean;
  /** Octets per ms that the congestion controller asks for; 0: the window spread over a round trip. */
  readonly pacingRate: number;
  readonly smoothedRtt: number;
  /** Octets of a full packet. */
  readonly packetSize: number;
}

/** Above 1, so that the window and not the pacer limits (RFC 9002 §7.7); 2 while the window doubles in a round trip. */
const GAIN = 1.25;
const SLOW_START_GAIN = 2;
/** Timers fire 1 ms apart and up to 1 ms late: what the rate allows in 2 ms may go at once, else they would throttle. */
const BURST_MS = 2;
/** After the pacer held the sender back, lateness of its wake-up is made good up to this. */
const LATE_MS = 10;
/** Who was held back waits for so much at least, so that packets go out in runs and not in one timer each. */
const QUANTUM_MS = 1;
/** Shortest RTT the rate is computed with: below, the bursts exceed the window anyway. */
const MIN_RTT = 0.01;

/** Token bucket that spreads a congestion window over a round trip (RFC 9002 §7.7). */
export class Pacer {
  readonly #source: PacingSource;
  #tokens = Infinity;
  #time: number;
  #held = false;

  constructor(source: PacingSource, now: number) {
    this.#source = source;
    this.#time = now;
  }

  /** Octets per ms. */
  get rate(): number {
    const { congestionWindow, inSlowStart, pacingRate, smoothedRtt } = this.#source;
    if (pacingRate > 0) return pacingRate;
    return ((inSlowStart ? SLOW_START_GAIN : GAIN) * congestionWindow) / Math.max(smoothedRtt, MIN_RTT);
  }

  /** Octets that may go out now, 0 or more; ask for it once per run. */
  budget(now: number): number {
    this.#refill(now);
    return this.#tokens > 0 ? Math.ceil(this.#tokens) : 0;
  }

  /**
   * Milliseconds until `size` octets may go out, 0 if `budget` allows them now (at most one burst of them is waited for).
   */
  delay(now: number, size: number): number {
    const rate = this.#refill(now);
    const burst = this.#burst(rate, BURST_MS);
    // One octet less, as `budget` rounds up: waiting for just as long as this says must be enough in spite of rounding.
    if (this.#tokens > Math.min(size, burst) - 1) return 0;
    this.#held = true;
    return (Math.min(Math.max(size, rate * QUANTUM_MS), burst) - this.#tokens) / rate;
  }

  /** `size` octets went out. Probes and ACKs that nothing held back may leave a debt, of one burst at most. */
  onSent(now: number, size: number): void {
    const rate = this.#refill(now);
    this.#tokens = Math.max(this.#tokens - size, -this.#burst(rate, BURST_MS));
    this.#held = false;
  }

  #burst(rate: number, ms: number): number {
    // A burst is the initial window at least (RFC 9002 §7.7): 10 packets, but only 2 where they are huge.
    return Math.max(initialWindow(this.#source.packetSize), rate * ms);
  }

  #refill(now: number): number {
    const rate = this.rate;
    const cap = this.#burst(rate, this.#held ? LATE_MS : BURST_MS);
    const elapsed = now - this.#time;
    if (elapsed > 0) {
      this.#tokens += elapsed * rate;
      this.#time = now;
    }
    if (this.#tokens > cap) this.#tokens = cap;
    return rate;
  }
}
