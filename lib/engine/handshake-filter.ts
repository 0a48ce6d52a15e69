import { HandshakeType, MIN_DATAGRAM, SESSION_ID_OCTETS } from '../constants.js';
import type { CryptoProvider } from '../ports/crypto.js';
import { NONE } from '../ports/packet-engine.js';
import { isConnection } from '../wire/address.js';
import { encodeCookieReply, isProven, makeCookie } from '../wire/cookies.js';
import { handshakeIdAt, handshakePayloadAt } from '../wire/handshake-messages.js';
import { IdTable } from './id-table.js';

const MAC_OCTETS = 16;
/** mac1 and mac2 end a HELLO. */
const MACS_OCTETS = 2 * MAC_OCTETS;

/** What became of a datagram that starts like an STTFrame. */
export const Verdict = { PASSED: 0, MALFORMED: 1, STRANGER: 2, UNPROVEN: 3 } as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** Lets handshake messages through that somebody with a seed sent, or that were asked for. */
export class HandshakeFilter {
  /** Of the message passed last, or found unproven: index of the seed for a HELLO, else NONE. */
  seedIndex: number = NONE;

  readonly #crypto: CryptoProvider;
  readonly #expected: IdTable;
  #mac1Keys: readonly Uint8Array[] = [];
  #cookieKeys: readonly Uint8Array[] = [];
  /** Behind cookies, the current one first; empty: none are asked for. */
  #secrets: readonly Uint8Array[] = [];

  constructor(crypto: CryptoProvider, salt: number) {
    this.#crypto = crypto;
    this.#expected = new IdTable(salt);
  }

  setMac1Keys(keys: readonly Uint8Array[]): void {
    this.#mac1Keys = keys.map((key) => new Uint8Array(key));
  }

  demandCookies(cookieKeys: readonly Uint8Array[], secrets: readonly Uint8Array[]): void {
    this.#cookieKeys = cookieKeys.map((key) => new Uint8Array(key));
    this.#secrets = secrets.map((secret) => new Uint8Array(secret));
  }

  /** COOKIE_REPLY to the HELLO judged last, which was unproven. Undefined if there is no key for it. */
  cookieReply(hello: Uint8Array, address: Uint8Array): Uint8Array | undefined {
    const key = this.#cookieKeys[this.seedIndex];
    const secret = this.#secrets[0];
    if (key === undefined || secret === undefined) return undefined;
    const idAt = handshakeIdAt(handshakePayloadAt(hello, 0, hello.length));
    const id = hello.subarray(idAt, idAt + SESSION_ID_OCTETS);
    const macAt = hello.length - MACS_OCTETS;
    const mac1 = hello.subarray(macAt, macAt + MAC_OCTETS);
    return encodeCookieReply(this.#crypto, key, id, mac1, makeCookie(this.#crypto, secret, address));
  }

  expect(handshakeId: Uint8Array): void {
    this.#expected.set(handshakeId, 0, 1);
  }

  forget(handshakeId: Uint8Array): void {
    this.#expected.delete(handshakeId, 0);
  }

  /** Handshakes whose answer may come. */
  get expected(): number {
    return this.#expected.size;
  }

  /** Judges a whole datagram; `address`, ADDRESS_OCTETS, is that of its sender. */
  check(datagram: Uint8Array, address: Uint8Array): Verdict {
    const payloadAt = handshakePayloadAt(datagram, 0, datagram.length);
    if (payloadAt < 0) return Verdict.MALFORMED;
    const type = datagram[payloadAt]!;
    if (type === HandshakeType.HELLO) {
      // Exactly this long, or dropped before any hash (STT §4).
      if (datagram.length !== MIN_DATAGRAM) return Verdict.MALFORMED;
      return this.#checkHello(datagram, payloadAt, address);
    }
    if (type < HandshakeType.HELLO_RESP || type > HandshakeType.VERSIONS) return Verdict.MALFORMED;
    if (this.#expected.get(datagram, handshakeIdAt(payloadAt)) < 0) return Verdict.STRANGER;
    this.seedIndex = NONE;
    return Verdict.PASSED;
  }

  #checkHello(datagram: Uint8Array, payloadAt: number, address: Uint8Array): Verdict {
    this.seedIndex = NONE;
    if (this.#mac1Keys.length === 0) return Verdict.STRANGER;
    const idAt = handshakeIdAt(payloadAt);
    const macAt = datagram.length - MACS_OCTETS;
    const digest = this.#crypto.sha256(
      datagram.subarray(idAt, idAt + SESSION_ID_OCTETS),
      datagram.subarray(payloadAt, macAt),
    );
    const mac1 = datagram.subarray(macAt, macAt + MAC_OCTETS);
    this.seedIndex = this.#seedOf(digest, mac1);
    if (this.seedIndex === NONE) return Verdict.STRANGER;
    // Who has opened a connection has shown where it is.
    if (this.#secrets.length === 0 || isConnection(address)) return Verdict.PASSED;
    const mac2 = datagram.subarray(macAt + MAC_OCTETS);
    return isProven(this.#crypto, this.#secrets, address, { digest, mac1 }, mac2) ? Verdict.PASSED : Verdict.UNPROVEN;
  }

  /** Index of the first seed whose mac1 fits, else NONE: one short HMAC per seed. */
  #seedOf(digest: Uint8Array, mac1: Uint8Array): number {
    for (let i = 0; i < this.#mac1Keys.length; i++) {
      const expected = this.#crypto.hmacSha256(this.#mac1Keys[i]!, digest).subarray(0, MAC_OCTETS);
      if (this.#crypto.equal(expected, mac1)) return i;
    }
    return NONE;
  }
}
