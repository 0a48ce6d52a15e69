/** Credit is given once this share of the window can be given: fewer, larger FLOW_CREDITs, and no silly windows. */
const CREDIT_SHARE = 4;
/**
 * What the application takes in a round trip, the window is grown to that many times: in slow start the sender doubles its
 * own window in each, and hears of the new one a round trip later.
 */
const GROWTH = 4;

/**
 * What the peer may send: a limit that moves with what the application has taken, and a window that grows while it is
 * what limits the rate (STT §6, RFC 9000 §4).
 *
 *   0 ........ consumed ---- received ........ limit        window = limit - consumed, right after credit was given
 */
export class ReceiveWindow {
  #limit: number;
  #window: number;
  readonly #cap: number;
  #received = 0;
  #consumed = 0;
  /** What was consumed when, to measure the rate of the application. */
  #epochConsumed = 0;
  #epochStart = 0;

  constructor(initial: number, cap: number) {
    this.#limit = this.#window = initial;
    this.#cap = Math.max(initial, cap);
  }

  /** Largest offset the peer was, or is about to be, allowed. */
  get limit(): number {
    return this.#limit;
  }

  get window(): number {
    return this.#window;
  }

  get received(): number {
    return this.#received;
  }

  get consumed(): number {
    return this.#consumed;
  }

  /** `octets` more came. False if that is beyond the limit. */
  receive(octets: number): boolean {
    this.#received += octets;
    return this.#received <= this.#limit;
  }

  /** The application took `octets` more. True if there is now credit worth telling. */
  consume(octets: number): boolean {
    this.#consumed += octets;
    return this.creditDue;
  }

  /** Credit worth telling has come together. */
  get creditDue(): boolean {
    const due = this.#consumed + this.#window - this.#limit;
    return due > 0 && due >= this.#window / CREDIT_SHARE;
  }

  /** Moves the limit, and grows the window if a round trip would use more than half of it. Gives the new limit. */
  renew(now: number, rttMs: number): number {
    const elapsed = now - this.#epochStart;
    if (elapsed >= rttMs) {
      const taken = this.#consumed - this.#epochConsumed;
      const perRound = (taken * rttMs) / elapsed;
      if (this.#epochStart > 0 && 2 * perRound > this.#window) this.grow(GROWTH * perRound);
      this.#epochStart = now;
      this.#epochConsumed = this.#consumed;
    }
    this.#limit = Math.max(this.#limit, this.#consumed + this.#window);
    return this.#limit;
  }

  /** Makes the window at least so large, up to the cap. */
  grow(window: number): void {
    this.#window = Math.min(this.#cap, Math.max(this.#window, Math.floor(window)));
  }
}

/** What this side may send: moves only up. */
export class SendCredit {
  #limit: number;
  #used = 0;

  constructor(initial: number) {
    this.#limit = initial;
  }

  get limit(): number {
    return this.#limit;
  }

  get available(): number {
    return this.#limit - this.#used;
  }

  use(octets: number): void {
    this.#used += octets;
  }

  /** True if that is new. */
  raise(limit: number): boolean {
    if (limit <= this.#limit) return false;
    this.#limit = limit;
    return true;
  }
}
