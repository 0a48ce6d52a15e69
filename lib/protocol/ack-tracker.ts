import { GRANULARITY } from './rtt.js';

/** Ranges that are kept at most (STT §7); the oldest go first. */
const MAX_RANGES = 64;
/** Packets at the begin of a session that are acknowledged at once, so that slow start is not held up (STT §7). */
const PROMPT_PACKETS = 16;
/** Congestion Experienced, of the two ECN bits. */
const CE = 3;
/** ACKs that nothing of ours went along with, and ranges in them, from which on a PING asks the peer to acknowledge them. */
const LONELY_ACKS = 32;
const MANY_RANGES = 8;

/**
 * What was received and is to be acknowledged, and when (STT §7).
 *
 *   ranges   [ lo, hi | lo, hi | ... ]   descending: the first pair grows at `hi` while packets arrive in order
 */
export class AckTracker {
  readonly #ownMaxDelay: number;
  #maxDelay: number;
  #threshold = 1;
  #frequencySequence = -1;
  #ranges = new Float64Array(8);
  #rangeCount = 0;
  #largest = -1;
  #largestTime = 0;
  #prompt = PROMPT_PACKETS;
  #unacked = 0;
  #immediate = false;
  #deadline = Infinity;
  #lonelyAcks = 0;
  #ect0 = 0;
  #ect1 = 0;
  #ce = 0;

  /** @param maxAckDelayMs our own max_ack_delay_ms */
  constructor(maxAckDelayMs: number) {
    this.#ownMaxDelay = maxAckDelayMs;
    this.#maxDelay = maxAckDelayMs;
  }

  /**
   * Packets `pn .. pn + count - 1` arrived (each exactly once: the packet engine drops duplicates).
   * `ecn`: the two ECN bits of their IP headers.
   */
  onReceived(pn: number, count: number, ackEliciting: boolean, now: number, ecn = 0): void {
    const last = pn + count - 1;
    if (ecn !== 0) this.#countMarks(count, ecn);
    if (ackEliciting) {
      if (this.#prompt > 0 || pn !== this.#largest + 1 || ecn === CE) this.#immediate = true;
      // The promise of max_ack_delay includes the lateness of our timer (RFC 9000 §13.2.1).
      if (this.#unacked === 0) this.#deadline = now + Math.max(this.#maxDelay - GRANULARITY, 0);
      this.#unacked += count;
    }
    if (this.#prompt > 0) this.#prompt -= count;
    if (this.#rangeCount > 0 && pn === this.#ranges[1]! + 1) this.#ranges[1] = last;
    else this.#insert(pn, last);
    if (last > this.#largest) {
      this.#largest = last;
      this.#largestTime = now;
    }
  }

  /** A frame in the batch asks for an ACK at once (PING, IMMEDIATE_ACK). */
  requestImmediate(): void {
    this.#immediate = true;
  }

  /** What was acknowledged may not have arrived: all of it is to be acknowledged again, at once. */
  repeat(): void {
    if (this.#rangeCount === 0) return;
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

  /** Ranges to put into an ACK: [lo, hi] pairs, descending, the first `rangeCount` of them. Read-only; the array may be another one later. */
  get ranges(): Float64Array {
    return this.#ranges;
  }

  get rangeCount(): number {
    return this.#rangeCount;
  }

  /** Largest packet number received, -1 if none. */
  get largest(): number {
    return this.#largest;
  }

  /** ACK Delay for an ACK sent now, in ms: since the largest packet arrived. */
  ackDelay(now: number): number {
    return Math.max(0, now - this.#largestTime);
  }

  /** Whether packets came with ECN marks, and so the ACK holds the three counts. */
  get hasEcn(): boolean {
    return this.#ect0 + this.#ect1 + this.#ce > 0;
  }

  get ect0(): number {
    return this.#ect0;
  }

  get ect1(): number {
    return this.#ect1;
  }

  get ce(): number {
    return this.#ce;
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
    return this.#lonelyAcks >= LONELY_ACKS && this.#rangeCount >= MANY_RANGES;
  }

  /** Our ACK whose largest was `largest` arrived: what it told needs not be told again. */
  onAckOfAckReceived(largest: number): void {
    const ranges = this.#ranges;
    let count = this.#rangeCount;
    while (count > 1 && ranges[count * 2 - 1]! <= largest) count--;
    this.#rangeCount = count;
    // The largest number itself stays, for every ACK to begin with.
    if (count > 0 && ranges[count * 2 - 2]! <= largest) {
      ranges[count * 2 - 2] = Math.min(largest + 1, ranges[count * 2 - 1]!);
    }
  }

  #countMarks(count: number, ecn: number): void {
    if (ecn === CE) this.#ce += count;
    else if (ecn === 2) this.#ect0 += count;
    else this.#ect1 += count;
  }

  #insert(first: number, last: number): void {
    let ranges = this.#ranges;
    let count = this.#rangeCount;
    let at = 0;
    while (at < count && ranges[at * 2]! > last + 1) at++;
    if (at < count && ranges[at * 2 + 1]! >= first - 1) {
      // It touches the range at `at`, and perhaps closes the gap to those below.
      if (last > ranges[at * 2 + 1]!) ranges[at * 2 + 1] = last;
      if (first < ranges[at * 2]!) ranges[at * 2] = first;
      let below = at + 1;
      while (below < count && ranges[below * 2 + 1]! >= ranges[at * 2]! - 1) {
        ranges[at * 2] = Math.min(ranges[at * 2]!, ranges[below * 2]!);
        below++;
      }
      if (below > at + 1) {
        ranges.copyWithin((at + 1) * 2, below * 2, count * 2);
        this.#rangeCount = count - (below - at - 1);
      }
      return;
    }
    if (at === MAX_RANGES) return;
    if (count === MAX_RANGES) count--;
    if ((count + 1) * 2 > ranges.length) {
      const larger = new Float64Array(ranges.length * 2);
      larger.set(ranges);
      this.#ranges = ranges = larger;
    }
    ranges.copyWithin((at + 1) * 2, at * 2, count * 2);
    ranges[at * 2] = first;
    ranges[at * 2 + 1] = last;
    this.#rangeCount = count + 1;
  }
}
