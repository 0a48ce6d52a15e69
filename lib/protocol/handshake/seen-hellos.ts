/** Of a HELLO for which DHs were done. */
interface Seen {
  /** Key of the sender's static public key. */
  readonly peer: string;
  /** Its timestamp, microseconds since the epoch. */
  readonly ts: number;
  /** When it came, on the monotonic clock. */
  readonly at: number;
  confirmed: boolean;
}

/** Of a peer with whom a session was confirmed. */
interface Peer {
  /** Latest timestamp of a confirmed HELLO. */
  highest: number;
  /** Latest timestamp of a confirmed HELLO that is no longer remembered. */
  floor: number;
}

/** Longer than any HELLO is tried, and than the 60 s that an unknown peer's clock may be behind (STT §4). */
const SEEN_MS = 150_000;
/** Clean-up may be late by this, so that many entries go at once. */
const SWEEP_MS = 10_000;
/** Processes of one identity may connect out of order by this. */
const REORDERING_MICROS = 10_000_000;
/** How far behind the clock of a peer may be whom this node does not know. */
const CLOCK_SKEW_MICROS = 60_000_000;
/** Entries of either table: the most memory that peers can take, some 10 MiB. */
const MAX_ENTRIES = 65_536;

/**
 * What makes a recorded HELLO worthless: those seen lately, and for each peer a time before which nothing counts
 * (STT §4). Keys of the maps are binary strings.
 */
export class SeenHellos {
  readonly #maxEntries: number;
  /** By mac1, oldest first. */
  readonly #seen = new Map<string, Seen>();
  /** By static key, least recently confirmed first. */
  readonly #peers = new Map<string, Peer>();

  constructor(maxEntries = MAX_ENTRIES) {
    this.#maxEntries = maxEntries;
  }

  has(mac1: string): boolean {
    return this.#seen.has(mac1);
  }

  get size(): number {
    return this.#seen.size;
  }

  /** The timestamp that a HELLO of this peer has to be later than. */
  floor(peer: string, wallClockMicros: number): number {
    return this.#knownFloor(peer) ?? wallClockMicros - CLOCK_SKEW_MICROS;
  }

  /**
   * Remembers a HELLO. False if there is no room: all that could go is still needed against replays. One whose sender
   * proved its address (`proven`) takes the place of the oldest (STT §4).
   */
  remember(mac1: string, peer: string, ts: number, now: number, proven = false): boolean {
    this.expire(now);
    if (this.#seen.size >= this.#maxEntries && !this.#evictRedundant() && !(proven && this.#evictOldest()))
      return false;
    this.#seen.set(mac1, { peer, ts, at: now, confirmed: false });
    return true;
  }

  forget(mac1: string): void {
    this.#seen.delete(mac1);
  }

  /** The session of this HELLO is real: whoever sent it holds the static key. */
  confirm(mac1: string): void {
    const seen = this.#seen.get(mac1);
    if (seen === undefined) return;
    seen.confirmed = true;
    const peer = this.#touch(seen.peer);
    peer.highest = Math.max(peer.highest, seen.ts);
  }

  /** Forgets what is older than its time. */
  expire(now: number): void {
    for (const [mac1, seen] of this.#seen) {
      if (seen.at + SEEN_MS > now) return;
      this.#leave(mac1, seen);
    }
  }

  /** Absolute time at which `expire` should be called; Infinity if there is nothing. */
  nextExpiry(): number {
    for (const seen of this.#seen.values()) return seen.at + SEEN_MS + SWEEP_MS;
    return Infinity;
  }

  #knownFloor(peer: string): number | undefined {
    const known = this.#peers.get(peer);
    return known && Math.max(known.floor, known.highest - REORDERING_MICROS);
  }

  /** The oldest may go before its time if its timestamp alone would stop it now. */
  #evictRedundant(): boolean {
    for (const [mac1, seen] of this.#seen) {
      if (!(seen.ts <= (this.#knownFloor(seen.peer) ?? -Infinity))) return false;
      this.#leave(mac1, seen);
      return true;
    }
    return false;
  }

  #evictOldest(): boolean {
    for (const [mac1, seen] of this.#seen) {
      this.#leave(mac1, seen);
      return true;
    }
    return false;
  }

  /** A confirmed one that is forgotten must not come back by its timestamp (STT §4). */
  #leave(mac1: string, seen: Seen): void {
    this.#seen.delete(mac1);
    const peer = seen.confirmed ? this.#peers.get(seen.peer) : undefined;
    if (peer !== undefined) peer.floor = Math.max(peer.floor, seen.ts);
  }

  #touch(key: string): Peer {
    let peer = this.#peers.get(key);
    if (peer === undefined) {
      peer = { highest: 0, floor: 0 };
      if (this.#peers.size >= this.#maxEntries) {
        for (const oldest of this.#peers.keys()) {
          this.#peers.delete(oldest);
          break;
        }
      }
    } else {
      this.#peers.delete(key);
    }
    this.#peers.set(key, peer);
    return peer;
  }
}
