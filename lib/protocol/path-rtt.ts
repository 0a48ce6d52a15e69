import { GRANULARITY, INITIAL_RTT, RttEstimator } from './rtt.js';

/** The round-trip time where packets are lost, and paths change. */
export class PathRtt extends RttEstimator {
  /** The path changed so much that its smallest RTT may not hold any more (RFC 9002 §5.2): the last sample is as good. */
  forgetMin(): void {
    this.min = this.latest;
  }

  /** Forgets all samples: another path (RFC 9000 §9.4). */
  reset(): void {
    this.latest = 0;
    this.smoothed = INITIAL_RTT;
    this.variance = INITIAL_RTT / 2;
    this.min = 0;
    this.hasSample = false;
  }

  /** Age at which a packet sent before an acknowledged one is lost: 9/8 of the RTT (RFC 9002 §6.1.2). */
  get lossDelay(): number {
    return Math.max(1.125 * Math.max(this.latest, this.smoothed), GRANULARITY);
  }
}
