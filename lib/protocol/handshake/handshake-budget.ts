import { TokenBucket } from './token-bucket.js';

export interface HandshakeRates {
  /** Handshakes answered a second, of all sources together. */
  readonly maxHandshakeRate: number;
  /** Of these, of one source: an IPv4 address, or the first 64 bits of an IPv6 address. */
  readonly maxHandshakeRatePerSource: number;
}

/** At some 150 microseconds of X25519 each: half of the event loop at most, and half of that for one source. */
export const DEFAULT_HANDSHAKE_RATES: HandshakeRates = { maxHandshakeRate: 4000, maxHandshakeRatePerSource: 2000 };

/** Sources remembered; the longest known goes first. */
const MAX_SOURCES = 4096;
const IPV4_PREFIX = '\0\0\0\0\0\0\0\0\0\0\xff\xff';
/** Octets of an IPv6 address that its holder does not choose: whoever has one, has 2^64. */
const NETWORK_OCTETS = 8;

/** What a limit for each source counts by: an IPv4 address, or an IPv6 network. `host`: 16 octets as a binary string. */
export function sourceOf(host: string): string {
  return host.startsWith(IPV4_PREFIX) ? host : host.slice(0, NETWORK_OCTETS);
}

/** How many handshakes may be answered, in total and for each source. */
export class HandshakeBudget {
  readonly #rates: HandshakeRates;
  readonly #total: TokenBucket;
  readonly #bySource = new Map<string, TokenBucket>();

  constructor(rates: HandshakeRates) {
    this.#rates = rates;
    this.#total = new TokenBucket(rates.maxHandshakeRate);
  }

  /** Sources remembered. */
  get sources(): number {
    return this.#bySource.size;
  }

  /** Takes one handshake of the budgets. False if there is none left now. */
  take(host: string, now: number): boolean {
    const source = sourceOf(host);
    let bucket = this.#bySource.get(source);
    if (bucket === undefined) {
      bucket = new TokenBucket(this.#rates.maxHandshakeRatePerSource);
      if (this.#bySource.size >= MAX_SOURCES) this.#bySource.delete(this.#bySource.keys().next().value!);
      this.#bySource.set(source, bucket);
    }
    return bucket.take(now) && this.#total.take(now);
  }
}
