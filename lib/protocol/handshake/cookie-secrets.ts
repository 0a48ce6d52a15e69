import type { CryptoProvider } from '../../ports/crypto.js';

const SECRET_OCTETS = 32;
/** How long cookies are made under one secret, and how long after that they still count (STT §4). */
const PERIOD_MS = 120_000;
const GRACE_MS = 30_000;

/** The secrets behind a responder's cookies. Nothing is kept for those who got one. */
export class CookieSecrets {
  readonly #crypto: CryptoProvider;
  #secrets: readonly Uint8Array[] = [];
  /** When the newest came into force, and until when the list holds. */
  #since = -Infinity;
  #until = -Infinity;

  constructor(crypto: CryptoProvider) {
    this.#crypto = crypto;
  }

  /** Those in force, the newest first: the same array as long as they are the same. */
  at(now: number): readonly Uint8Array[] {
    if (now < this.#until) return this.#secrets;
    const age = now - this.#since;
    if (age < PERIOD_MS) {
      this.#secrets = this.#secrets.slice(0, 1);
      this.#until = this.#since + PERIOD_MS;
      return this.#secrets;
    }
    const fresh = this.#crypto.randomBytes(SECRET_OCTETS);
    const keepsOld = age < PERIOD_MS + GRACE_MS;
    // From the time at which the old one ended, so that its grace is not longer for a change that came late.
    this.#since = keepsOld ? this.#since + PERIOD_MS : now;
    this.#secrets = keepsOld ? [fresh, this.#secrets[0]!] : [fresh];
    this.#until = this.#since + (keepsOld ? GRACE_MS : PERIOD_MS);
    return this.#secrets;
  }
}
