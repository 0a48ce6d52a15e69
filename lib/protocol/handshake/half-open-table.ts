import type { HandshakeResult } from './handshake-result.js';

/** A HELLO that was answered, while its initiator's first packet is awaited. Keys are binary strings. */
export interface HalfOpen {
  readonly mac1: string;
  readonly sessionId: string;
  /** IP address without port. */
  readonly host: string;
  /** Where the answer goes, ADDRESS_OCTETS: not where a copy of the HELLO may come from. */
  readonly address: Uint8Array;
  readonly reply: Uint8Array;
  readonly result: HandshakeResult;
  readonly at: number;
  /** Times the answer was sent. */
  answers: number;
}

export interface HalfOpenLimits {
  /** Entries at once. */
  readonly maxHalfOpen: number;
  /** Of these, from one IP address. */
  readonly maxHalfOpenPerHost: number;
}

/** STT §4. */
export const DEFAULT_HALF_OPEN_LIMITS: HalfOpenLimits = { maxHalfOpen: 1024, maxHalfOpenPerHost: 64 };

/** How long an initiator has to send its first packet (STT §4). */
const LIFETIME_MS = 15_000;
/**
 * An entry younger than this is not evicted: its initiator may be open already, and would find itself talking to
 * nobody. One that finds no room comes again by its own retransmission.
 */
const GRACE_MS = 1000;

/** The half-open sessions of a node, oldest first. */
export class HalfOpenTable {
  readonly #limits: HalfOpenLimits;
  readonly #byMac1 = new Map<string, HalfOpen>();
  readonly #bySessionId = new Map<string, HalfOpen>();
  readonly #byHost = new Map<string, Set<HalfOpen>>();
  readonly #onEvicted: (entry: HalfOpen) => void;

  constructor(limits: HalfOpenLimits, onEvicted: (entry: HalfOpen) => void) {
    this.#limits = limits;
    this.#onEvicted = onEvicted;
  }

  get size(): number {
    return this.#byMac1.size;
  }

  byMac1(mac1: string): HalfOpen | undefined {
    return this.#byMac1.get(mac1);
  }

  bySessionId(sessionId: string): HalfOpen | undefined {
    return this.#bySessionId.get(sessionId);
  }

  /** Makes room for one from this host, by evicting the oldest if it had its time. False if there is none. */
  makeRoom(host: string, now: number): boolean {
    const ofHost = this.#byHost.get(host);
    if (ofHost !== undefined && ofHost.size >= this.#limits.maxHalfOpenPerHost) return this.#evictFirst(ofHost, now);
    return this.#byMac1.size < this.#limits.maxHalfOpen || this.#evictFirst(this.#byMac1.values(), now);
  }

  add(entry: HalfOpen): void {
    this.#byMac1.set(entry.mac1, entry);
    this.#bySessionId.set(entry.sessionId, entry);
    const ofHost = this.#byHost.get(entry.host);
    if (ofHost === undefined) this.#byHost.set(entry.host, new Set([entry]));
    else ofHost.add(entry);
  }

  delete(entry: HalfOpen): void {
    this.#byMac1.delete(entry.mac1);
    this.#bySessionId.delete(entry.sessionId);
    const ofHost = this.#byHost.get(entry.host);
    ofHost?.delete(entry);
    if (ofHost?.size === 0) this.#byHost.delete(entry.host);
  }

  /** Takes out the next entry whose time is over. */
  popExpired(now: number): HalfOpen | undefined {
    for (const entry of this.#byMac1.values()) {
      if (entry.at + LIFETIME_MS > now) return undefined;
      this.delete(entry);
      return entry;
    }
    return undefined;
  }

  nextExpiry(): number {
    for (const entry of this.#byMac1.values()) return entry.at + LIFETIME_MS;
    return Infinity;
  }

  #evictFirst(entries: Iterable<HalfOpen>, now: number): boolean {
    for (const entry of entries) {
      if (entry.at + GRACE_MS > now) return false;
      this.delete(entry);
      this.#onEvicted(entry);
      return true;
    }
    return false;
  }
}
