import { ADDRESS_OCTETS } from '../ports/packet-engine.js';
import type { DatagramOutput } from './datagram-output.js';

/** Datagrams that may wait: with small ones this is reached before the octets are. A power of two. */
const MAX_DATAGRAMS = 2_048;

const MASK = MAX_DATAGRAMS - 1;

const NO_ADDRESS = new Uint8Array(0);

/**
 * Sealed datagrams until the output is done with them: a ring of octets, in which a datagram is never split, and a
 * ring of records.
 *
 *   records    oldest ...sent, not released... next ...not sent... newest
 */
export class TransmitRing {
  readonly octets: Uint8Array;

  readonly #begins = new Uint32Array(MAX_DATAGRAMS);
  readonly #ends = new Uint32Array(MAX_DATAGRAMS);
  readonly #ecn = new Uint8Array(MAX_DATAGRAMS);
  readonly #addresses: Uint8Array[] = new Array<Uint8Array>(MAX_DATAGRAMS).fill(NO_ADDRESS);
  /** Counted up for ever; the record is that modulo MAX_DATAGRAMS (`&` takes numbers modulo 2^32). */
  #oldest = 0;
  #next = 0;
  #newest = 0;
  /** Where the newest datagram ends. */
  #head = 0;
  #held = 0;

  constructor(octets: number) {
    this.octets = new Uint8Array(octets);
  }

  /** Datagrams not yet given to the output. */
  get waiting(): number {
    return this.#newest - this.#next;
  }

  /** True if at least half of the ring is free: so a sender is not called back for every datagram. */
  get isRoomy(): boolean {
    return 2 * this.#held <= this.octets.length && 2 * (this.#newest - this.#oldest) <= MAX_DATAGRAMS;
  }

  /** Octets of the datagram that the output has had longest. */
  get oldestOctets(): number {
    if (this.#oldest === this.#next) return 0;
    return this.#ends[this.#oldest & MASK]! - this.#begins[this.#oldest & MASK]!;
  }

  /** Where that one goes. */
  get oldestAddress(): Uint8Array {
    return this.#addresses[this.#oldest & MASK]!;
  }

  /** Where a datagram of up to `length` octets may be written now, -1 if the ring is full. */
  reserve(length: number): number {
    const count = this.#newest - this.#oldest;
    if (count === MAX_DATAGRAMS) return -1;
    const size = this.octets.length;
    if (count === 0) {
      this.#head = 0;
      return length <= size ? 0 : -1;
    }
    const tail = this.#begins[this.#oldest & MASK]!;
    if (this.#head <= tail) return this.#head + length <= tail ? this.#head : -1;
    if (this.#head + length <= size) return this.#head;
    return length <= tail ? 0 : -1;
  }

  /** Queues the datagram written at `begin`; `ecn`: the two bits of its IP header. */
  push(address: Uint8Array, begin: number, length: number, ecn = 0): void {
    const record = this.#newest++ & MASK;
    this.#begins[record] = begin;
    this.#ends[record] = this.#head = begin + length;
    this.#addresses[record] = address;
    this.#ecn[record] = ecn;
    this.#held += length;
  }

  /** Queues a copy of a datagram, at `begin`; the address is borrowed. */
  copy(address: Uint8Array, begin: number, datagram: Uint8Array): void {
    this.octets.set(datagram, begin);
    this.push(new Uint8Array(address.subarray(0, ADDRESS_OCTETS)), begin, datagram.length);
  }

  /** Gives all waiting datagrams to the output. Returns their octets. */
  flush(output: Pick<DatagramOutput, 'send'>): number {
    let octets = 0;
    while (this.#next < this.#newest) {
      const record = this.#next++ & MASK;
      const begin = this.#begins[record]!;
      const end = this.#ends[record]!;
      octets += end - begin;
      const isDone = output.send(this.#addresses[record]!, this.octets, begin, end, this.#ecn[record]!);
      if (isDone) this.release(1);
    }
    return octets;
  }

  /** The output is done with the `count` datagrams it has had longest. */
  release(count: number): void {
    const end = Math.min(this.#oldest + count, this.#next);
    for (; this.#oldest < end; this.#oldest++) {
      const record = this.#oldest & MASK;
      this.#held -= this.#ends[record]! - this.#begins[record]!;
      this.#addresses[record] = NO_ADDRESS;
    }
  }

  /** Forgets what waits; what the output has stays as it is. */
  clear(): void {
    this.#newest = this.#next;
  }
}
