import { MIN_DATAGRAM } from '../constants.js';

/** Packets over 1,200 octets lost in a row, while smaller ones arrive, that are no accident (STT §7). */
const SUSPECTS = 3;

/**
 * Notices that a path does not carry the packet size any more although it did (RFC 8899 §4.3). A lost packet is a suspect
 * unless one as large, sent after it, arrived. That something sent after it did arrive is clear, else it would not be
 * counted as lost; so with enough suspects it is the size. Congestion that takes the end of a flight looks alike now and
 * then: so the first probe afterwards is of the size in question, and restores it within a round trip.
 */
export class BlackHoleDetector {
  /** Size of full packets. */
  #full = MIN_DATAGRAM;
  /** Packets before that do not count. */
  #from = 0;
  /** The newest packet known to have arrived of full ones, and of those over 1,200 octets, with its size. */
  #fullArrived = -1;
  #arrived = -1;
  #arrivedSize = 0;
  /** Suspects, the newest one, and the smallest one's size. */
  #count = 0;
  #newest = -1;
  #smallest = Infinity;

  /** Packets of the size in use vanish. */
  get isFound(): boolean {
    return this.#count >= SUSPECTS;
  }

  /** Full packets are of `size` octets from packet `next` on. */
  restart(size: number, next: number): void {
    this.#full = size;
    this.#from = next;
    this.#fullArrived = this.#arrived = -1;
    this.#clear();
  }

  /** Full packets are of `size` octets, more than before. */
  onRaised(size: number): void {
    this.#full = size;
  }

  /** Packets arrived, the last one `pn`, the largest one of `size` octets. */
  onAcked(pn: number, size: number): void {
    if (size <= MIN_DATAGRAM) return;
    if (size >= this.#full) this.#fullArrived = Math.max(this.#fullArrived, pn);
    if (pn > this.#arrived) {
      this.#arrived = pn;
      this.#arrivedSize = size;
    }
    if (pn > this.#newest && size >= this.#smallest) this.#clear();
  }

  /** `count` packets, the last one `pn`, the largest one of `size` octets, are lost; PMTU probes excepted. */
  onLost(pn: number, count: number, size: number): void {
    if (size <= MIN_DATAGRAM || pn < this.#from) return;
    if (pn < this.#fullArrived || (pn < this.#arrived && size <= this.#arrivedSize)) return;
    this.#count += count;
    this.#newest = Math.max(this.#newest, pn);
    this.#smallest = Math.min(this.#smallest, size);
  }

  #clear(): void {
    this.#count = 0;
    this.#newest = -1;
    this.#smallest = Infinity;
  }
}
