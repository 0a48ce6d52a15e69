/** Slots of an empty table. */
const INITIAL = 16;
const FREE = -1;

/**
 * Maps ids of eight octets to small integers, without an object or a string per look-up: open addressing, linear
 * probing, at most half full, deletion by moving back. `salt` keeps strangers from choosing ids that collide.
 */
export class IdTable {
  readonly #salt: number;
  #high = new Uint32Array(INITIAL);
  #low = new Uint32Array(INITIAL);
  #values = new Int32Array(INITIAL).fill(FREE);
  #size = 0;

  constructor(salt: number) {
    this.#salt = salt >>> 0;
  }

  get size(): number {
    return this.#size;
  }

  /** The value of the id at `at`, -1 if it has none. */
  get(bytes: Uint8Array, at: number): number {
    return this.#values[this.#find(word(bytes, at), word(bytes, at + 4))]!;
  }

  /** Gives the id at `at` a value >= 0, in place of the one it had. */
  set(bytes: Uint8Array, at: number, value: number): void {
    const high = word(bytes, at);
    const low = word(bytes, at + 4);
    let index = this.#find(high, low);
    if (this.#values[index] === FREE) {
      if (2 * (this.#size + 1) > this.#values.length) {
        this.#grow();
        index = this.#find(high, low);
      }
      this.#size++;
      this.#high[index] = high;
      this.#low[index] = low;
    }
    this.#values[index] = value;
  }

  delete(bytes: Uint8Array, at: number): void {
    const mask = this.#values.length - 1;
    let hole = this.#find(word(bytes, at), word(bytes, at + 4));
    if (this.#values[hole] === FREE) return;
    this.#size--;
    for (let index = (hole + 1) & mask; this.#values[index] !== FREE; index = (index + 1) & mask) {
      const home = this.#home(this.#high[index]!, this.#low[index]!);
      // The entry may move into the hole unless its home lies behind it.
      if (((index - home) & mask) < ((index - hole) & mask)) continue;
      this.#high[hole] = this.#high[index]!;
      this.#low[hole] = this.#low[index]!;
      this.#values[hole] = this.#values[index]!;
      hole = index;
    }
    this.#values[hole] = FREE;
  }

  #find(high: number, low: number): number {
    const mask = this.#values.length - 1;
    let index = this.#home(high, low);
    while (this.#values[index] !== FREE && (this.#high[index] !== high || this.#low[index] !== low)) {
      index = (index + 1) & mask;
    }
    return index;
  }

  #home(high: number, low: number): number {
    let hash = Math.imul(high ^ this.#salt, 0x9e3779b1);
    hash = Math.imul((hash ^ (hash >>> 15)) + low, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) & (this.#values.length - 1);
  }

  #grow(): void {
    const high = this.#high;
    const low = this.#low;
    const values = this.#values;
    this.#high = new Uint32Array(2 * values.length);
    this.#low = new Uint32Array(2 * values.length);
    this.#values = new Int32Array(2 * values.length).fill(FREE);
    for (let i = 0; i < values.length; i++) {
      if (values[i] === FREE) continue;
      const index = this.#find(high[i]!, low[i]!);
      this.#high[index] = high[i]!;
      this.#low[index] = low[i]!;
      this.#values[index] = values[i]!;
    }
  }
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
