import { ADDRESS_OCTETS, NONE } from '../ports/packet-engine.js';
import { sameAddress } from '../wire/address.js';

/** Buckets of an empty table. */
const INITIAL = 16;
const END = -1;

/**
 * Remote addresses that are paths, by id and by address. Chained hashing over typed arrays: a look-up per datagram
 * makes no object. Ids that were given up are used again after `settle`, so that rows on their way out keep their meaning.
 */
export class PathTable {
  readonly #salt: number;
  readonly #addresses: (Uint8Array | undefined)[] = [];
  readonly #counts: number[] = [];
  readonly #next: number[] = [];
  readonly #free: number[] = [];
  #buckets = new Int32Array(INITIAL).fill(END);
  #size = 0;
  /** Ids closed since the last `settle`. */
  readonly #limbo: number[] = [];
  /** Ids that rows speak of although nobody counted them yet. */
  readonly #transient: number[] = [];

  constructor(salt: number) {
    this.#salt = salt >>> 0;
  }

  /** Paths that are open. */
  get size(): number {
    return this.#size;
  }

  /** The id of an address, counted. */
  open(address: Uint8Array): number {
    const known = this.find(address);
    if (known !== NONE) {
      this.#counts[known]!++;
      return known;
    }
    return this.#make(address, 1);
  }

  /** The id of an address that an authentic packet came from, not counted: it is gone after `settle` unless `open` counts it. */
  meet(address: Uint8Array): number {
    const known = this.find(address);
    if (known !== NONE) return known;
    const path = this.#make(address, 0);
    this.#transient.push(path);
    return path;
  }

  /** Gives one count back; the last one forgets the path. */
  close(path: number): void {
    const counted = this.#counts[path];
    if (counted === undefined || counted === 0) return;
    this.#counts[path] = counted - 1;
    if (counted === 1) this.#forget(path);
  }

  #make(address: Uint8Array, count: number): number {
    if (this.#size >= this.#buckets.length) this.#grow();
    const path = this.#free.pop() ?? this.#addresses.length;
    this.#addresses[path] = new Uint8Array(address.subarray(0, ADDRESS_OCTETS));
    this.#counts[path] = count;
    this.#link(path);
    this.#size++;
    return path;
  }

  #forget(path: number): void {
    const address = this.#addresses[path];
    if (address === undefined) return;
    const bucket = this.#bucket(address);
    if (this.#buckets[bucket] === path) {
      this.#buckets[bucket] = this.#next[path]!;
    } else {
      let before = this.#buckets[bucket]!;
      while (this.#next[before] !== path) before = this.#next[before]!;
      this.#next[before] = this.#next[path]!;
    }
    this.#addresses[path] = undefined;
    this.#size--;
    this.#limbo.push(path);
  }

  /** No row refers to closed paths any more. */
  settle(): void {
    for (const path of this.#transient) if (this.#counts[path] === 0) this.#forget(path);
    this.#transient.length = 0;
    for (const path of this.#limbo) this.#free.push(path);
    this.#limbo.length = 0;
  }

  /** The address of a path, always the same array; `undefined` if there is no such path. */
  address(path: number): Uint8Array | undefined {
    return this.#addresses[path];
  }

  /** The path of an address, NONE if it is no path. */
  find(address: Uint8Array): number {
    let path = this.#buckets[this.#bucket(address)]!;
    while (path !== END && !sameAddress(this.#addresses[path]!, 0, address, 0)) path = this.#next[path]!;
    return path === END ? NONE : path;
  }

  #link(path: number): void {
    const bucket = this.#bucket(this.#addresses[path]!);
    this.#next[path] = this.#buckets[bucket]!;
    this.#buckets[bucket] = path;
  }

  #grow(): void {
    this.#buckets = new Int32Array(2 * this.#buckets.length).fill(END);
    for (let path = 0; path < this.#addresses.length; path++) if (this.#addresses[path] !== undefined) this.#link(path);
  }

  #bucket(address: Uint8Array): number {
    let hash = this.#salt;
    for (let i = 0; i < ADDRESS_OCTETS; i++) hash = Math.imul(hash ^ address[i]!, 0x01000193);
    return (hash ^ (hash >>> 15)) & (this.#buckets.length - 1);
  }
}
