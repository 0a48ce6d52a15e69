import type { CryptoProvider, KeyPair } from '../ports/crypto.js';
import { freshKeyPair } from '../protocol/handshake/noise-ixpsk0.js';

/** Handshakes at once that find a key ready. One takes some 30 microseconds to make, and 64 octets to keep. */
const READY = 8;

/** Has `call` run after the I/O of this turn; browsers have timers only. */
export const whenIdle: (call: () => void) => void =
  typeof setImmediate === 'function' ? setImmediate : (call) => setTimeout(call, 0);

/**
 * Ephemeral key pairs made ahead, one for each that was taken, while the event loop has nothing better to do: between
 * an answer and the next packet of its peer there is a round trip. Each is given once, so forward secrecy is as before.
 */
export class KeyPool {
  readonly #crypto: CryptoProvider;
  readonly #ready: KeyPair[] = [];
  #refilling = false;
  #stopped = false;

  constructor(crypto: CryptoProvider) {
    this.#crypto = crypto;
  }

  readonly take = (): KeyPair | undefined => {
    const pair = this.#ready.pop();
    if (!this.#refilling && !this.#stopped) {
      this.#refilling = true;
      whenIdle(this.#refill);
    }
    return pair;
  };

  stop(): void {
    this.#stopped = true;
    for (const pair of this.#ready.splice(0)) pair.destroy();
  }

  /** One key a turn, so that no burst of work delays what comes in. */
  readonly #refill = (): void => {
    this.#refilling = false;
    if (this.#stopped) return;
    this.#ready.push(freshKeyPair(this.#crypto));
    if (this.#ready.length >= READY) return;
    this.#refilling = true;
    whenIdle(this.#refill);
  };
}
