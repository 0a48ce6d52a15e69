/** A link that all packets of a simulation go through: a rate, and a queue that drops what does not fit. */
export class Bottleneck {
  #rate: number;
  readonly #queue: number;
  #freeAt = 0;
  dropped = 0;
  octets = 0;

  /** @param rate octets per ms; @param queue octets that may wait */
  constructor(rate: number, queue: number) {
    this.#rate = rate;
    this.#queue = queue;
  }

  /** The link becomes faster or slower; what waits goes at the new rate. */
  setRate(now: number, rate: number): void {
    if (this.#freeAt > now) this.#freeAt = now + ((this.#freeAt - now) * this.#rate) / rate;
    this.#rate = rate;
  }

  /** How long what waits takes, ms. */
  delay(now: number): number {
    return Math.max(0, this.#freeAt - now);
  }

  /** Takes a packet. Gives when it has left, -1 if it is dropped. */
  offer(now: number, octets: number): number {
    const wait = Math.max(0, this.#freeAt - now);
    if (wait * this.#rate > this.#queue) {
      this.dropped++;
      return -1;
    }
    this.octets += octets;
    return (this.#freeAt = now + wait + octets / this.#rate);
  }
}
