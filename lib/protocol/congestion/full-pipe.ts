import type { BbrModel } from './bbr-model.js';
import type { DeliveryRate } from './delivery-rate.js';

/** Round trips in which the rate grew by less than a quarter, from which on a path is taken for full. */
const ROUNDS = 3;
const GROWTH = 1.25;

/** Notices that sending faster does not deliver more (draft-ietf-ccwg-bbr, "Exiting Acceleration Based on Bandwidth Plateau"). */
export class FullPipe {
  /** The path was full at least once. */
  wasFull = false;
  /** It is since `reset`. */
  isFull = false;
  #base = 0;
  #rounds = 0;
  readonly #model: BbrModel;
  readonly #rate: DeliveryRate;

  constructor(model: BbrModel, rate: DeliveryRate) {
    this.#model = model;
    this.#rate = rate;
  }

  /** Begins to look, for growth beyond a rate. */
  reset(rate: number): void {
    this.#base = rate;
    this.#rounds = 0;
    this.isFull = false;
  }

  /** Takes the sample of an ACK. */
  check(): void {
    const { isAppLimited, rate } = this.#rate;
    if (this.isFull || !this.#model.roundStart || isAppLimited) return;
    if (rate >= this.#base * GROWTH) this.reset(rate);
    else if (++this.#rounds >= ROUNDS) this.wasFull = this.isFull = true;
  }
}
