import { SimRandom } from '../random.js';

/**
 * Which packets of a flow are lost at random: each with the same probability, whatever the others. The n-th packet sent
 * is lost or not whoever asks, so that two senders can be compared under the same losses.
 */
export class RandomLosses {
  readonly #random: SimRandom;
  readonly #scale: number;
  /** Packets until the next loss. */
  #left: number;

  constructor(probability: number, seed: number) {
    this.#random = new SimRandom(seed);
    this.#scale = probability > 0 ? 1 / Math.log(1 - probability) : -Infinity;
    this.#left = this.#draw();
  }

  /** Whether the next packet is lost. */
  next(): boolean {
    if (--this.#left > 0) return false;
    this.#left = this.#draw();
    return true;
  }

  /** How many packets it is from one loss to the next: geometrically distributed. */
  #draw(): number {
    if (this.#scale === -Infinity) return Infinity;
    return 1 + Math.floor(Math.log(1 - this.#random.float()) * this.#scale);
  }
}
