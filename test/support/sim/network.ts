import { ECN_AT } from './plain-carrier.js';
import { SimRandom } from './random.js';
import type { VirtualTime } from './virtual-time.js';

/** What one direction of a simulated network does to datagrams. Probabilities are 0..1. */
export interface LinkConditions {
  /** One-way delay. */
  readonly latencyMs: number;
  /** Uniform extra delay up to this; the order is kept. */
  readonly jitterMs?: number;
  /** Share of datagrams that are lost. */
  readonly loss?: number;
  /** Losses come in runs of this length; the share stays as `loss` says. */
  readonly burst?: number;
  /** Share of datagrams that are overtaken by those behind them. */
  readonly reorder?: number;
  /** How long such a datagram is held, at most; a quarter of the latency if absent. */
  readonly reorderMs?: number;
  readonly duplicate?: number;
  /** Share of datagrams in which one bit is flipped. */
  readonly corrupt?: number;
  /** Octets per millisecond that pass; absent: no limit. */
  readonly rate?: number;
  /** Octets that wait for their turn; more are dropped. */
  readonly queue?: number;
  /** When more octets wait, datagrams of `PlainCarrier` that are ECN-capable are marked, as routers do. */
  readonly markAbove?: number;
  /** Larger datagrams vanish. */
  readonly mtu?: number;
  /** Nothing passes while this is true of the time. */
  readonly blackhole?: (now: number) => boolean;
}

export interface LinkStats {
  sent: number;
  octets: number;
  lost: number;
  dropped: number;
  duplicated: number;
  corrupted: number;
  reordered: number;
  marked: number;
  delivered: number;
  /** Most datagrams sent within one millisecond. */
  peakPerMs: number;
}

/** One direction of a simulated network. */
export class Link {
  conditions: LinkConditions;
  readonly stats: LinkStats = {
    sent: 0,
    octets: 0,
    lost: 0,
    dropped: 0,
    duplicated: 0,
    corrupted: 0,
    reordered: 0,
    marked: 0,
    delivered: 0,
    peakPerMs: 0,
  };
  /** Sees every datagram that is sent; false drops it. */
  filter: ((datagram: Uint8Array, now: number) => boolean) | undefined;
  readonly #time: VirtualTime;
  readonly #random: SimRandom;
  readonly #deliver: (datagram: Uint8Array) => void;
  /** Losses that are left of a burst. */
  #losing = 0;
  /** When the last datagram that kept its place arrives. */
  #lastArrival = 0;
  /** When the rate limit lets the next octet start. */
  #busyUntil = 0;
  #millisecond = -1;
  #inMillisecond = 0;

  constructor(time: VirtualTime, seed: number, conditions: LinkConditions, deliver: (datagram: Uint8Array) => void) {
    this.#time = time;
    this.#random = new SimRandom(seed);
    this.conditions = conditions;
    this.#deliver = deliver;
  }

  /** Takes a datagram; it becomes the link's. */
  send(datagram: Uint8Array): void {
    const now = this.#time.now;
    const { stats, conditions: c } = this;
    stats.sent++;
    stats.octets += datagram.length;
    this.#countRate(now);
    if (
      this.filter?.(datagram, now) === false ||
      c.blackhole?.(now) === true ||
      datagram.length > (c.mtu ?? Infinity)
    ) {
      stats.dropped++;
      return;
    }
    const start = this.#queued(now, datagram.length);
    if (start < 0) {
      stats.dropped++;
      return;
    }
    if (this.#waiting(now) > (c.markAbove ?? Infinity) && (datagram[ECN_AT]! & 3) !== 0) {
      stats.marked++;
      datagram[ECN_AT] = 3;
    }
    if (this.#loses()) {
      stats.lost++;
      return;
    }
    if (this.#random.chance(c.corrupt ?? 0)) {
      stats.corrupted++;
      datagram = datagram.slice();
      datagram[this.#random.integer(0, datagram.length - 1)]! ^= 1 << this.#random.integer(0, 7);
    }
    this.#schedule(start, datagram);
    if (this.#random.chance(c.duplicate ?? 0)) {
      stats.duplicated++;
      this.#schedule(start, datagram);
    }
  }

  #schedule(start: number, datagram: Uint8Array): void {
    const { latencyMs, jitterMs = 0, reorder = 0, reorderMs = latencyMs / 4 } = this.conditions;
    let at = start + latencyMs + (jitterMs > 0 ? this.#random.float() * jitterMs : 0);
    if (this.#random.chance(reorder)) {
      this.stats.reordered++;
      at += this.#random.float() * reorderMs;
    } else {
      at = Math.max(at, this.#lastArrival);
      this.#lastArrival = at;
    }
    this.#time.at(at, () => {
      this.stats.delivered++;
      this.#deliver(datagram);
    });
  }

  /** When the datagram is through the rate limit, -1 if its queue is full. */
  #queued(now: number, octets: number): number {
    const { rate, queue = Infinity } = this.conditions;
    if (rate === undefined) return now;
    if (this.#waiting(now) + octets > queue) return -1;
    this.#busyUntil = Math.max(now, this.#busyUntil) + octets / rate;
    return this.#busyUntil;
  }

  #waiting(now: number): number {
    return Math.max(0, this.#busyUntil - now) * (this.conditions.rate ?? 0);
  }

  #loses(): boolean {
    const { loss = 0, burst = 1 } = this.conditions;
    if (this.#losing > 0) {
      this.#losing--;
      return true;
    }
    // With probability q a burst begins: share = q b / (q b + 1 - q).
    const begin = burst === 1 ? loss : loss / (burst - loss * (burst - 1));
    if (!this.#random.chance(begin)) return false;
    this.#losing = burst - 1;
    return true;
  }

  #countRate(now: number): void {
    const millisecond = Math.floor(now);
    if (millisecond !== this.#millisecond) {
      this.#millisecond = millisecond;
      this.#inMillisecond = 0;
    }
    this.stats.peakPerMs = Math.max(this.stats.peakPerMs, ++this.#inMillisecond);
  }
}
