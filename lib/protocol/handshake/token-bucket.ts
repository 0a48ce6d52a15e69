/** A rate with room for bursts: tokens come evenly, at most `burst` are kept. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #at = -Infinity;

  /** @param burst default: those of one second */
  constructor(perSecond: number, burst = perSecond) {
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** Takes one. False if there is none. */
  take(now: number): boolean {
    if (now > this.#at) {
      const gained = this.#at === -Infinity ? 0 : (now - this.#at) * this.#perMs;
      this.#tokens = Math.min(this.#burst, this.#tokens + gained);
      this.#at = now;
    }
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
