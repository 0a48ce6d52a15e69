import { GRANULARITY } from './rtt.js';
import type { Ranges } from './sending.js';

/** Packets at the begin of a session that are acknowledged at once, so that slow start is not held up (STT §7). */
const PROMPT_PACKETS = 16;
/** ACKs that nothing of ours went along with, and ranges in them, from which on a PING asks the peer to acknowledge them. */
const LONELY_ACKS = 32;
const MANY_RANGES = 8;

/** What was received and is to be acknowledged, and when (STT §7). */
export class AckTracker {
  readonly #ownMaxDelay: number;
  #maxDelay: number;
  #threshold = 1;
  #frequencySequence = -1;
  /** For an ACK to tell. */
  readonly received: Ranges;
  #largest = -1;
  #largestTime = 0;
  #prompt = PROMPT_PACKETS;
  #unacked = 0;
  #immediate = false;
  #deadline = Infinity;
  #lonelyAcks = 0;

  /** @param maxAckDelayMs our own max_ack_delay_ms */
  constructor(maxAckDelayMs: number, received: Ranges) {
    this.received = received;
    this.#ownMaxDelay = maxAckDelayMs;
    this.#maxDelay = maxAckDelayMs;
  }

  /**
   * Packets `pn .. pn + count - 1` arrived (each exactly once: the packet engine drops duplicates).
   * `ecn`: the two ECN bits of their IP headers.
   */
  onReceived(pn: number, count: number, ackEliciting: boolean, now: number, ecn = 0): void {
    const last = pn + count - 1;
    const isNews = this.received.add(pn, last, ecn);
    if (ackEliciting) {
      if (this.#prompt > 0 || isNews) this.#immediate = true;
      // The promise of max_ack_delay includes the lateness of our timer (RFC 9000 §13.2.1).
      if (this.#unacked === 0) this.#deadline = now + Math.max(this.#maxDelay - GRANULARITY, 0);
      this.#unacked += count;
    }
    if (this.#prompt > 0) this.#prompt -= count;
    if (last > this.#largest) {
      this.#largest = last;
      this.#largestTime = now;
    }
  }

  /** A frame in the batch asks for an ACK at once (PING, IMMEDIATE_ACK). */
  hurry(): void {
    this.#immediate = true;
  }

  /** What was acknowledged may not have arrived: all of it is to be acknowledged again, at once. */
  repeat(): void {
    if (this.received.count === 0) return;
    this.#unacked = Math.max(1, this.#unacked);
    this.#immediate = true;
  }

  /** The rows of a receive batch were given: two or more unacknowledged ack-eliciting packets are acknowledged now. */
  onBatchEnd(): void {
    if (this.#unacked > this.#threshold) this.#immediate = true;
  }

  /** ACK_FREQUENCY: an ACK after more than `threshold` packets, or `maxDelayMs`. An old sequence is ignored. */
  onAckFrequency(sequence: number, threshold: number, maxDelayMs: number): void {
    if (sequence <= this.#frequencySequence) return;
    this.#frequencySequence = sequence;
    this.#threshold = threshold;
    // More than was promised in the handshake would look like loss to a peer that does not follow the frame.
    this.#maxDelay = Math.min(Math.max(maxDelayMs, GRANULARITY), this.#ownMaxDelay);
  }

  /** An ACK is due by itself, even if there is nothing else to send. */
  shouldAckNow(now: number): boolean {
    return this.#unacked > 0 && now >= this.ackDeadline;
  }

  /** Ack-eliciting packets wait for an ACK, which may go along with other frames. */
  get hasUnacked(): boolean {
    return this.#unacked > 0;
  }

  /** When `shouldAckNow` turns true by itself: absolute ms, or Infinity. -Infinity if it is so already. */
  get ackDeadline(): number {
    if (this.#unacked === 0) return Infinity;
    return this.#immediate ? -Infinity : this.#deadline;
  }

  /** Largest packet number received, -1 if none. */
  get largest(): number {
    return this.#largest;
  }

  /** ACK Delay for an ACK sent now, in ms: since the largest packet arrived. */
  ackDelay(now: number): number {
    return Math.max(0, now - this.#largestTime);
  }

  /** An ACK of everything went out, in a packet that is itself ack-eliciting or not. */
  onAckSent(ackEliciting: boolean): void {
    this.#unacked = 0;
    this.#immediate = false;
    this.#deadline = Infinity;
    this.#lonelyAcks = ackEliciting ? 0 : this.#lonelyAcks + 1;
  }

  /** Many ranges were sent again and again in packets that nobody acknowledges: put a PING beside the next ACK (RFC 9000 §13.2.4). */
  get wantsPing(): boolean {
    return this.#lonelyAcks >= LONELY_ACKS && this.received.count >= MANY_RANGES;
  }

  /** Our ACK whose largest was `largest` arrived: what it told needs not be told again. */
  onAckOfAckReceived(largest: number): void {
    this.received.forget(largest);
  }
}
