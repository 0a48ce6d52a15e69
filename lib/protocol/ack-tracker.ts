/** What was received and is to be acknowledged, and when (STT §7). */
export class AckTracker {
  /** @param maxAckDelayMs our own max_ack_delay_ms */
  constructor(_maxAckDelayMs: number) {}

  /**
   * Packets `pn .. pn + count - 1` arrived (each exactly once: the packet engine drops duplicates).
   * `ecn`: the two ECN bits of their IP headers.
   */
  onReceived(_pn: number, _count: number, _ackEliciting: boolean, _now: number, _ecn = 0): void {}

  /** A frame in the batch asks for an ACK at once (PING, IMMEDIATE_ACK). */
  requestImmediate(): void {}

  /** The rows of a receive batch were given: two or more unacknowledged ack-eliciting packets are acknowledged now. */
  onBatchEnd(): void {}

  /** ACK_FREQUENCY: an ACK after more than `threshold` packets, or `maxDelayMs`. An old sequence is ignored. */
  onAckFrequency(_sequence: number, _threshold: number, _maxDelayMs: number): void {}

  /** An ACK is due by itself, even if there is nothing else to send. */
  shouldAckNow(_now: number): boolean {
    return false;
  }

  /** Packets wait for an ACK that may go along with other frames. */
  get hasUnacked(): boolean {
    return false;
  }

  /** When `shouldAckNow` turns true by itself: absolute ms, or Infinity. -Infinity if it is so already. */
  get ackDeadline(): number {
    return Infinity;
  }

  /** Ranges to put into an ACK: [lo, hi] pairs, descending, the first `rangeCount` of them. Read-only; the array may be another one later. */
  get ranges(): Float64Array {
    return new Float64Array(2);
  }

  get rangeCount(): number {
    return 0;
  }

  /** Largest packet number received, -1 if none. */
  get largest(): number {
    return -1;
  }

  /** ACK Delay for an ACK sent now, in ms: since the largest packet arrived. */
  ackDelay(_now: number): number {
    return 0;
  }

  get hasEcn(): boolean {
    return false;
  }
  get ect0(): number {
    return 0;
  }
  get ect1(): number {
    return 0;
  }
  get ce(): number {
    return 0;
  }

  /** An ACK of everything went out, in a packet that is itself ack-eliciting or not. */
  onAckSent(_ackEliciting: boolean): void {}

  /** Many ranges were sent again and again in packets that nobody acknowledges: put a PING beside the next ACK (RFC 9000 §13.2.4). */
  get wantsPing(): boolean {
    return false;
  }

  /** Our ACK whose largest was `largest` arrived: what it told needs not be told again. */
  onAckOfAckReceived(_largest: number): void {}
}
