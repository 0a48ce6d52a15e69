/** RTT before the first sample (RFC 9002 §6.2.2). */
export const INITIAL_RTT = 333;
/** Timer granularity, ms (RFC 9002 §6.1.2). */
export const GRANULARITY = 1;

/** Estimates the round-trip time of a path (RFC 9002 §5), in ms. */
export class RttEstimator {
  #latest = 0;
  #smoothed = INITIAL_RTT;
  #variance = INITIAL_RTT / 2;
  #min = 0;
  #sampled = false;

  /** @param firstSample the handshake's RTT, if its HELLO was sent once (STT §7) */
  constructor(firstSample?: number) {
    if (firstSample !== undefined && firstSample > 0) this.sample(firstSample, 0);
  }

  /** The last sample, 0 before the first. */
  get latest(): number {
    return this.#latest;
  }

  get smoothed(): number {
    return this.#smoothed;
  }

  get variance(): number {
    return this.#variance;
  }

  /** The smallest sample, 0 before the first. */
  get min(): number {
    return this.#min;
  }

  get hasSample(): boolean {
    return this.#sampled;
  }

  /** Takes a sample; `ackDelay` is what the peer reported, already clamped to its max_ack_delay. */
  sample(rtt: number, ackDelay: number): void {
    if (!(rtt >= 0)) return;
    this.#latest = rtt;
    if (!this.#sampled) {
      this.#sampled = true;
      this.#min = rtt;
      this.#smoothed = rtt;
      this.#variance = rtt / 2;
      return;
    }
    if (rtt < this.#min) this.#min = rtt;
    const adjusted = rtt >= this.#min + ackDelay ? rtt - ackDelay : rtt;
    this.#variance = 0.75 * this.#variance + 0.25 * Math.abs(this.#smoothed - adjusted);
    this.#smoothed = 0.875 * this.#smoothed + 0.125 * adjusted;
  }

  /** The path changed so much that its smallest RTT may not hold any more (RFC 9002 §5.2): the last sample is as good. */
  forgetMin(): void {
    this.#min = this.#latest;
  }

  /** Forgets all samples: another path (RFC 9000 §9.4). */
  reset(): void {
    this.#latest = 0;
    this.#smoothed = INITIAL_RTT;
    this.#variance = INITIAL_RTT / 2;
    this.#min = 0;
    this.#sampled = false;
  }

  /** Probe timeout without back-off (RFC 9002 §6.2.1). */
  pto(maxAckDelay: number): number {
    return this.#smoothed + Math.max(4 * this.#variance, GRANULARITY) + maxAckDelay;
  }

  /** Age at which a packet sent before an acknowledged one is lost: 9/8 of the RTT (RFC 9002 §6.1.2). */
  get lossDelay(): number {
    return Math.max(1.125 * Math.max(this.#latest, this.#smoothed), GRANULARITY);
  }
}
