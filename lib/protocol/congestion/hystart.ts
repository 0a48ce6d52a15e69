// Constants of RFC 9406 §4.3, times in ms. L, the growth limit per ACK, is infinite because all sending is paced.
const MIN_RTT_THRESHOLD = 4;
const MAX_RTT_THRESHOLD = 16;
const MIN_RTT_DIVISOR = 8;
const RTT_SAMPLES = 8;
const CSS_GROWTH_DIVISOR = 4;
const CSS_ROUNDS = 5;

/** HyStart++ (RFC 9406): ends slow start when the RTT rises, before packets are lost. */
export class HyStart {
  #windowEnd = 0;
  #lastMin = Infinity;
  #currentMin = Infinity;
  #samples = 0;
  /** Smallest RTT when conservative slow start began, Infinity outside of it. */
  #baseline = Infinity;
  /** Rounds of conservative slow start that ended. */
  #rounds = 0;

  /** In conservative slow start. */
  get conservative(): boolean {
    return this.#baseline !== Infinity;
  }

  /** The window grows by the acknowledged octets divided by this. */
  get divisor(): number {
    return this.#baseline === Infinity ? 1 : CSS_GROWTH_DIVISOR;
  }

  /**
   * Takes the RTT sample of an ACK up to packet `largestAcked` while `next` is sent next.
   * True if slow start is over: the threshold becomes the window.
   */
  onRttSample(rtt: number, largestAcked: number, next: number): boolean {
    if (rtt < this.#currentMin) this.#currentMin = rtt;
    this.#samples++;
    if (this.#samples >= RTT_SAMPLES) {
      if (this.#baseline !== Infinity) {
        // The rise was a passing one: back to standard slow start.
        if (this.#currentMin < this.#baseline) this.#baseline = Infinity;
      } else if (this.#lastMin !== Infinity) {
        const eighth = this.#lastMin / MIN_RTT_DIVISOR;
        const threshold = Math.max(MIN_RTT_THRESHOLD, Math.min(eighth, MAX_RTT_THRESHOLD));
        if (this.#currentMin >= this.#lastMin + threshold) {
          this.#baseline = this.#currentMin;
          this.#rounds = 0;
        }
      }
    }
    if (largestAcked < this.#windowEnd) return false;
    // A round ends when what was sent last at its begin is acknowledged.
    this.#windowEnd = next;
    this.#lastMin = this.#currentMin;
    this.#currentMin = Infinity;
    this.#samples = 0;
    return this.#baseline !== Infinity && ++this.#rounds >= CSS_ROUNDS;
  }
}
