import { REPLAY_WINDOW } from '../constants.js';
import type { PacketWindow } from './engine-session.js';

/** Packets a new window remembers: 16 octets of bits, so that ten thousand idle sessions cost next to nothing. */
const INITIAL = 128;

/**
 * Which packet numbers were seen (STT §5): accepts what is newer than `largest - REPLAY_WINDOW` and was not seen.
 *
 *   bit of pn = pn mod size          size 128, doubled while the largest is beyond it, 16,384 at most
 *
 * Until the full size is reached the largest is below the size, so growing keeps every bit where it is.
 */
export class ReplayWindow implements PacketWindow {
  #bits = new Uint32Array(INITIAL / 32);
  #size = INITIAL;
  #largest = -1;

  /** Largest packet number marked, -1 before the first. */
  get largest(): number {
    return this.#largest;
  }

  /** Octets held. */
  get octets(): number {
    return this.#bits.byteLength;
  }

  /** True if this packet number is new. Marks nothing: the tag has to verify first. */
  willAccept(pn: number): boolean {
    if (pn > this.#largest) return true;
    if (pn <= this.#largest - REPLAY_WINDOW) return false;
    // `&` takes a number modulo 2^32, which the size divides: right for all numbers up to 2^53.
    const bit = pn & (this.#size - 1);
    return (this.#bits[bit >>> 5]! & (1 << (bit & 31))) === 0;
  }

  /** Remembers a packet number that `willAccept` let through and whose tag verified. */
  mark(pn: number): void {
    if (pn > this.#largest) {
      if (pn >= this.#size && this.#size < REPLAY_WINDOW) this.#grow(pn);
      this.#advance(pn);
    }
    const bit = pn & (this.#size - 1);
    this.#bits[bit >>> 5]! |= 1 << (bit & 31);
  }

  #grow(pn: number): void {
    while (this.#size < REPLAY_WINDOW && pn >= this.#size) this.#size *= 2;
    const bits = new Uint32Array(this.#size / 32);
    bits.set(this.#bits);
    this.#bits = bits;
  }

  /** Clears the bits of the numbers passed over, which are those of numbers that fall out of the window. */
  #advance(pn: number): void {
    const gap = pn - this.#largest;
    const mask = this.#size - 1;
    if (gap >= this.#size) {
      this.#bits.fill(0);
    } else {
      for (let i = 1; i <= gap; i++) {
        const bit = (this.#largest + i) & mask;
        if ((bit & 31) === 0 && gap - i >= 31) {
          this.#bits[bit >>> 5] = 0;
          i += 31;
        } else {
          this.#bits[bit >>> 5]! &= ~(1 << (bit & 31));
        }
      }
    }
    this.#largest = pn;
  }
}
