import { MIN_RESET, SESSION_ID_OCTETS } from '../constants.js';
import type { CryptoProvider } from '../ports/crypto.js';
import type { PacketEngine } from '../ports/packet-engine.js';
import { RESET_TOKEN_OCTETS } from '../wire/handshake-messages.js';

/** Strays told in one interval: enough for thousands of peers within seconds of a restart, little work under a flood. */
const BUDGET = 64;
const INTERVAL_MS = 50;
/** Octets more than the least that a reset may have, so that it looks like any short packet. */
const SPREAD = 17;

/**
 * Tells peers that a session is not known here any more, since this process began anew (STT §5): to a packet of an unknown
 * session goes a datagram that ends with the token which that session's peer was given. The token follows from a key, so
 * nothing has to be remembered across the restart. Every reset is shorter than what brought it about: two nodes cannot
 * keep one another busy.
 */
export class StatelessResets {
  /** What the tokens of all sessions follow from. */
  readonly key: Uint8Array;
  readonly #crypto: CryptoProvider;
  #engine: PacketEngine | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(crypto: CryptoProvider, key: Uint8Array) {
    this.#crypto = crypto;
    this.key = key;
  }

  /** What a peer is told at the begin of a session, to know a reset of it by. */
  token(sessionId: Uint8Array): Uint8Array {
    return this.#crypto.hmacSha256(this.key, sessionId).slice(0, RESET_TOKEN_OCTETS);
  }

  start(engine: PacketEngine): void {
    this.#engine = engine;
    engine.reportStrays(BUDGET);
  }

  /** A packet of `size` octets came from `address` for a session that is not known. */
  onStray(sessionId: Uint8Array, size: number, address: Uint8Array): void {
    const engine = this.#engine;
    if (engine === undefined) return;
    // The engine tells no more than the budget; what it has used up comes back with time.
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#engine?.reportStrays(BUDGET);
    }, INTERVAL_MS).unref();
    if (size > MIN_RESET) engine.sendDatagram(address, this.#datagram(sessionId, size - 1));
  }

  stop(): void {
    this.#engine = undefined;
    clearTimeout(this.#timer);
  }

  #datagram(sessionId: Uint8Array, longest: number): Uint8Array {
    const noise = this.#crypto.randomBytes(MIN_RESET + SPREAD);
    const length = Math.min(longest, MIN_RESET + (noise[1]! % SPREAD));
    const datagram = noise.subarray(0, length);
    datagram[0]! |= 0x80;
    datagram.set(sessionId, 1);
    // Octet 1 of the noise decided the length; it is the session id's place.
    datagram.set(this.token(sessionId), length - RESET_TOKEN_OCTETS);
    return datagram;
  }
}

/** The session id in a row about a stray. */
export function strayId(slab: Uint8Array, begin: number): Uint8Array {
  return slab.subarray(begin, begin + SESSION_ID_OCTETS);
}
