/** RTT before the first sample (RFC 9002 §6.2.2). */
export const INITIAL_RTT = 333;
/** Timer granularity, ms (RFC 9002 §6.1.2). */
export const GRANULARITY = 1;

/** Estimates the round-trip time of a path (RFC 9002 §5), in ms. Its fields are for others to read. */
export class RttEstimator {
  /** The last sample, 0 before the first. */
  latest = 0;
  smoothed = INITIAL_RTT;
  variance = INITIAL_RTT / 2;
  /** The smallest sample, 0 before the first. */
  min = 0;
  hasSample = false;

  /** @param firstSample the handshake's RTT, if its HELLO was sent once (STT §7) */
  constructor(firstSample?: number) {
    if (firstSample !== undefined && firstSample > 0) this.sample(firstSample, 0);
  }

  /** Takes a sample; `ackDelay` is what the peer reported, already clamped to its max_ack_delay. */
  sample(rtt: number, ackDelay: number): void {
    if (!(rtt >= 0)) return;
    this.latest = rtt;
    if (!this.hasSample) {
      this.hasSample = true;
      this.min = rtt;
      this.smoothed = rtt;
      this.variance = rtt / 2;
      return;
    }
    if (rtt < this.min) this.min = rtt;
    const adjusted = rtt >= this.min + ackDelay ? rtt - ackDelay : rtt;
    this.variance = 0.75 * this.variance + 0.25 * Math.abs(this.smoothed - adjusted);
    this.smoothed = 0.875 * this.smoothed + 0.125 * adjusted;
  }

  /** Probe timeout without back-off (RFC 9002 §6.2.1). */
  pto(maxAckDelay: number): number {
    return this.smoothed + Math.max(4 * this.variance, GRANULARITY) + maxAckDelay;
  }
}
