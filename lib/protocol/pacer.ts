/** What the pacer takes its rate from; `LossRecovery` is one. */
export interface PacingSource {
  /** Octets. */
  readonly congestionWindow: number;
  readonly inSlowStart: boolean;
  readonly smoothedRtt: number;
  /** Octets of a full packet. */
  readonly packetSize: number;
}

/** Token bucket that spreads a congestion window over a round trip (RFC 9002 §7.7). */
export class Pacer {
  constructor(_source: PacingSource, _now: number) {}

  /** Octets that may go out now; ask for it once per run. */
  budget(_now: number): number {
    return Infinity;
  }

  /** Milliseconds until `size` octets may go out, 0 if now. */
  delay(_now: number, _size: number): number {
    return 0;
  }

  /** `size` octets went out. */
  onSent(_now: number, _size: number): void {}
}
