import { TokenBucket } from './token-bucket.js';

export interface LoadLimits {
  /** Half-open sessions beyond which a responder is under load. */
  readonly halfOpen: number;
  /** Handshakes a second for which X25519 is done. */
  readonly workRate: number;
  /** HELLOs a second, whatever becomes of them: also a recording costs a look. */
  readonly helloRate: number;
  /** By which the event loop is late, ms. */
  readonly lagMs: number;
}

/** STT §4; the rate of HELLOs is this implementation's own. */
export const DEFAULT_LOAD_LIMITS: LoadLimits = { halfOpen: 256, workRate: 200, helloRate: 1000, lagMs: 50 };

/** Once under load, so long: a flood does not come and go within a second, and cookies harm nobody. */
const HOLD_MS = 1000;
/** A quarter of a second's HELLOs may come at once: to look at more takes long enough to lose packets of sessions. */
const BURST = 0.25;
/** How often the event loop is asked for its lag while HELLOs come. */
const PROBE_MS = 100;

/** Finds out whether a responder is under load (STT §4). */
export class LoadMonitor {
  readonly #limits: LoadLimits;
  readonly #work: TokenBucket;
  readonly #hellos: TokenBucket;
  #until = -Infinity;
  #probeAt = Infinity;
  /** HELLOs refused before they came here, as of the last look. */
  #refused = 0;

  constructor(limits: LoadLimits) {
    this.#limits = limits;
    this.#work = new TokenBucket(limits.workRate);
    this.#hellos = new TokenBucket(limits.helloRate, limits.helloRate * BURST);
  }

  /** A HELLO came in. */
  noteHello(now: number): void {
    if (!this.#hellos.take(now)) this.#hold(now);
    if (this.#probeAt === Infinity) this.#probeAt = now + PROBE_MS;
  }

  /** X25519 is done for a HELLO. */
  noteWork(now: number): void {
    if (!this.#work.take(now)) this.#hold(now);
  }

  /** Load begins with what is noted, and ends by `onTimeout` alone. */
  isUnderLoad(now: number, halfOpen: number): boolean {
    if (halfOpen > this.#limits.halfOpen) this.#hold(now);
    return this.#until > -Infinity;
  }

  /** Absolute time at which `onTimeout` wants to be called; Infinity: not at all. */
  nextTimeout(): number {
    return Math.min(this.#probeAt, this.#until === -Infinity ? Infinity : this.#until);
  }

  /**
   * A timer came to this: by how much it is late tells the load of the event loop.
   * @param refused - HELLOs that were refused for load before they came here, in total
   */
  onTimeout(now: number, refused: () => number): void {
    if (now >= this.#probeAt) {
      if (now - this.#probeAt > this.#limits.lagMs) this.#hold(now);
      this.#probeAt = Infinity;
    }
    if (this.#until === -Infinity || now < this.#until) return;
    // As many as would bring load about are refused: to let them in again for a moment would be felt by sessions.
    const total = refused();
    const isOver = total - this.#refused <= this.#limits.workRate;
    this.#refused = total;
    if (isOver) this.#until = -Infinity;
    else this.#hold(now);
  }

  #hold(now: number): void {
    this.#until = now + HOLD_MS;
  }
}
