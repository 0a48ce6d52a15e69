/**
 * The largest of the samples of a sliding window, from the best three of them: Kathleen Nichols' filter, as in Linux's
 * lib/win_minmax.c. Time is any number that does not decrease.
 */
export class WindowedMax {
  readonly #times = [0, 0, 0];
  /** Best, second and third best, each younger than the one before. */
  readonly #values = [0, 0, 0];

  get max(): number {
    return this.#values[0]!;
  }

  /** Takes a sample; the window is `length` long from now on. Gives the largest one. */
  update(time: number, value: number, length: number): number {
    const times = this.#times;
    const values = this.#values;
    if (value >= values[0]! || time - times[2]! > length) {
      this.#set(0, time, value);
      return value;
    }
    if (value >= values[1]!) this.#set(1, time, value);
    else if (value >= values[2]!) this.#set(2, time, value);
    const age = time - times[0]!;
    if (age > length) {
      // The best one leaves the window: the next take its place.
      this.#shift();
      this.#set(2, time, value);
      if (time - times[0]! > length) {
        this.#shift();
        this.#set(2, time, value);
      }
    } else if (times[1] === times[0] && age > length / 4) this.#set(1, time, value);
    else if (times[2] === times[1] && age > length / 2) this.#set(2, time, value);
    return values[0]!;
  }

  /** The sample takes place `from` and those behind it. */
  #set(from: number, time: number, value: number): void {
    for (let i = from; i < 3; i++) {
      this.#times[i] = time;
      this.#values[i] = value;
    }
  }

  #shift(): void {
    for (let i = 0; i < 2; i++) {
      this.#times[i] = this.#times[i + 1]!;
      this.#values[i] = this.#values[i + 1]!;
    }
  }
}
