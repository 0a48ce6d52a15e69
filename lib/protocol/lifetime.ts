/**
 * When a session ends because nothing happens, and what keeps it: idle timeout (RFC 9000 §10.1), keepalive, and the
 * linger after a close (STT §7).
 */
export class Lifetime {
  /** 0 = never. */
  readonly idleTimeoutMs: number;
  readonly #keepAliveMs: number;
  /** Last packet from the peer, or first ack-eliciting one sent after it. */
  #active: number;
  #lastReceived: number;
  #lastKeepAlive: number;
  #sentSinceReceived = false;
  #expectsMore = false;
  #closeAt = Infinity;
  /** Packets that came while closing. */
  #answers = 0;

  constructor(now: number, localIdleMs: number, peerIdleMs: number, keepAliveMs: number) {
    this.idleTimeoutMs =
      localIdleMs === 0 || peerIdleMs === 0 ? localIdleMs + peerIdleMs : Math.min(localIdleMs, peerIdleMs);
    this.#keepAliveMs = keepAliveMs;
    this.#active = this.#lastReceived = this.#lastKeepAlive = now;
  }

  onReceived(now: number): void {
    this.#active = this.#lastReceived = now;
    this.#sentSinceReceived = false;
  }

  /** Octets of a stream came in that is not over yet. */
  onMoreToCome(): void {
    this.#expectsMore = true;
  }

  /**
   * When to ask once whether the peer is still there: a stream that flowed fell silent. If it was a NAT that forgot, the
   * sender cannot reach this side until something comes from here.
   */
  silenceDeadline(ptoMs: number): number {
    return this.#expectsMore ? this.#lastReceived + ptoMs : Infinity;
  }

  onSilence(): void {
    this.#expectsMore = false;
  }

  /** An ack-eliciting packet went out. */
  onSent(now: number): void {
    if (this.#sentSinceReceived) return;
    this.#sentSinceReceived = true;
    this.#active = now;
  }

  /** When the session is given up; never before three PTOs passed without an answer. */
  idleDeadline(ptoMs: number): number {
    return this.idleTimeoutMs === 0 ? Infinity : this.#active + Math.max(this.idleTimeoutMs, 3 * ptoMs);
  }

  /**
   * When to send a PING. `stalled`: octets wait for credit; the peer's application may take its time, but the session
   * must not be taken for dead meanwhile (RFC 9000 §4.1).
   */
  keepAliveDeadline(stalled: boolean): number {
    let interval = this.#keepAliveMs;
    if (interval === 0 && stalled) interval = this.idleTimeoutMs / 3;
    return interval === 0 ? Infinity : Math.max(this.#lastReceived, this.#lastKeepAlive) + interval;
  }

  onKeepAlive(now: number): void {
    this.#lastKeepAlive = now;
  }

  /** SESSION_CLOSE was sent or came: the session lingers so that late packets find it. */
  linger(now: number, ptoMs: number): void {
    this.#closeAt = now + 3 * ptoMs;
  }

  get closeDeadline(): number {
    return this.#closeAt;
  }

  /** A packet came while closing. True for every 2^n-th: SESSION_CLOSE is to be sent again. */
  answerWhileClosing(packets: number): boolean {
    const before = this.#answers;
    this.#answers += packets;
    // A power of two lies in (before, before + packets].
    return Math.floor(Math.log2(this.#answers)) > (before === 0 ? -1 : Math.floor(Math.log2(before)));
  }
}
