import { MIN_DATAGRAM } from '../constants.js';
import { nextSize } from './mtu-sizes.js';

/** Probes of one size that may be lost before it counts as too large (RFC 8899 §5.1.2, MAX_PROBES). */
const MAX_PROBES = 3;
/** A path may carry more after a while: how long until that is looked at, ms (RFC 8899 §5.1.1, PMTU_RAISE_TIMER). */
const RAISE_MS = 600_000;
/**
 * Black holes so soon after one another are one row. The search begins anew at once, for most are congestion that looked
 * like one; but from so many in a row on it waits, each time twice as long, within bounds.
 */
const RECURRENCE_MS = 60_000;
const AT_ONCE = 3;
const FIRST_PAUSE_MS = 1_000;
const LAST_PAUSE_MS = 60_000;
/** Fewer packets of a size in a congestion window gain nothing by it, and a probe should not fill the window either. */
const PACKETS_PER_WINDOW = 4;

/**
 * - `base`: at the size of the beginning; nothing was tried yet
 * - `searching`: larger sizes are tried
 * - `complete`: nothing larger gets through, or is allowed; looked at again after ten minutes of use
 * - `error`: the size in use did not get through any more; at 1,200, about to search anew
 */
export type MtuState = 'base' | 'searching' | 'complete' | 'error';

/**
 * Why the packet size was last reduced.
 *
 * - `none`: it never was
 * - `black-hole`: packets larger than 1,200 octets were lost while smaller ones arrived
 * - `silence`: two probe timeouts in a row
 * - `refused`: the operating system would not send a packet of that size
 */
export type MtuReduction = 'none' | 'black-hole' | 'silence' | 'refused';

/**
 * The size of full packets on one path: Datagram Packetization Layer Path MTU Discovery (RFC 8899, RFC 9000 §14.3, STT §7),
 * sans-IO and without timers. 1,200 octets are known to get through, for the handshake did. Nothing but acknowledgements
 * of this session's own probes raises the size; ICMP messages, which anyone can forge, are not even heard of.
 *
 *              next()                       nothing left to try
 *     BASE ----------------> SEARCHING ----------------------------> COMPLETE
 *                              ^   ^         10 minutes                 |
 *                    next()    |   +------------------------------------+
 *     ERROR ------------------ +
 *       ^
 *       +---- fall(): from any state, if the size is over 1,200
 */
export class PathMtu {
  #state: MtuState = 'base';
  #size: number;
  readonly #max: number;
  /** The smallest size known not to get through; beyond `#max` if there is none. */
  #high: number;
  /** A size that got through before: tried first. */
  #hint = 0;
  /** Size of the probe that is out, 0 if none is. */
  #probe = 0;
  /** Probes of that size lost in a row. */
  #losses = 0;
  /** No search before. */
  #waitsUntil = 0;
  #pause = 0;
  /** Black holes in a row, and when the last one was. */
  #row = 0;
  #fellAt = -Infinity;
  reductions = 0;
  lastReduction: MtuReduction = 'none';

  /** @param initial size that is taken for granted, @param max largest size to be tried; no more than `initial`: no search */
  constructor(initial: number, max: number) {
    this.#size = initial;
    this.#max = Math.max(initial, max);
    this.#high = this.#max + 1;
    if (this.#max === initial) this.#complete(Infinity);
  }

  /** UDP payload of full packets, octets. */
  get size(): number {
    return this.#size;
  }

  get state(): MtuState {
    return this.#state;
  }

  /** The largest size that is tried. */
  get max(): number {
    return this.#max;
  }

  /** Size of the probe that is out, 0 if none is. */
  get probe(): number {
    return this.#probe;
  }

  /** A look at `next` may be worth it. */
  isDue(now: number): boolean {
    return now >= this.#waitsUntil && this.#probe === 0;
  }

  /**
   * Size of the probe to send now, 0 for none. What would be more than a fraction of the congestion `window` waits for
   * the window to grow.
   */
  next(now: number, window: number): number {
    if (!this.isDue(now)) return 0;
    if (this.#state === 'complete') this.#high = this.#max + 1;
    this.#state = 'searching';
    const most = window / PACKETS_PER_WINDOW;
    if (this.#hint > this.#size && this.#hint < this.#high && this.#hint <= most) return this.#hint;
    const size = nextSize(this.#size, this.#high, this.#max);
    if (size === 0) this.#complete(this.#size < this.#max ? now + RAISE_MS : Infinity);
    return size <= most ? size : 0;
  }

  onProbeSent(size: number): void {
    this.#probe = size;
  }

  onProbeAcked(): void {
    const size = this.#probe;
    this.#probe = this.#losses = 0;
    if (size > this.#size && size < this.#high) this.#size = size;
  }

  onProbeLost(): void {
    const size = this.#probe;
    this.#probe = 0;
    if (++this.#losses < MAX_PROBES) return;
    this.#exclude(size);
  }

  /** The operating system does not send datagrams of so many octets: the answer of this host, not of the network. */
  onRefused(now: number, octets: number): void {
    if (octets > this.#max || octets <= MIN_DATAGRAM) return;
    if (octets <= this.#size) this.fall(now, 'refused');
    this.#exclude(octets);
    // What is refused now needs no second opinion.
    if (this.#probe >= octets) this.#probe = 0;
  }

  /** The size in use does not get through any more. */
  fall(now: number, why: MtuReduction): void {
    if (this.#size <= MIN_DATAGRAM) return;
    this.reductions++;
    this.lastReduction = why;
    this.#hint = this.#size;
    this.#size = MIN_DATAGRAM;
    this.#high = this.#max + 1;
    this.#probe = this.#losses = 0;
    this.#state = 'error';
    this.#waitsUntil = now;
    if (why === 'black-hole') this.#penalize(now);
  }

  #penalize(now: number): void {
    this.#row = now - this.#fellAt < RECURRENCE_MS + this.#pause ? this.#row + 1 : 1;
    const excess = this.#row - AT_ONCE - 1;
    this.#pause = excess < 0 ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** excess, LAST_PAUSE_MS);
    this.#fellAt = now;
    this.#waitsUntil = now + this.#pause;
  }

  #exclude(size: number): void {
    this.#losses = 0;
    if (size > this.#size && size < this.#high) this.#high = size;
    if (this.#hint >= this.#high) this.#hint = 0;
  }

  #complete(until: number): void {
    this.#state = 'complete';
    this.#waitsUntil = until;
  }
}
