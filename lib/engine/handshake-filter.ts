import { HandshakeType, MIN_DATAGRAM, SESSION_ID_OCTETS } from '../constants.js';
import type { CryptoProvider } from '../ports/crypto.js';
import { NONE } from '../ports/packet-engine.js';
import { handshakeIdAt, handshakePayloadAt } from '../wire/handshake-messages.js';
import { IdTable } from './id-table.js';

const MAC_OCTETS = 16;
/** mac1 and mac2 end a HELLO. */
const MACS_OCTETS = 2 * MAC_OCTETS;

/** What became of a datagram that starts like an STTFrame. */
export const Verdict = { PASSED: 0, MALFORMED: 1, STRANGER: 2 } as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** Lets handshake messages through that somebody with a seed sent, or that were asked for. */
export class HandshakeFilter {
  /** Of the message passed last: index of the seed for a HELLO, else NONE. */
  seedIndex: number = NONE;

  readonly #crypto: CryptoProvider;
  readonly #expected: IdTable;
  #mac1Keys: readonly Uint8Array[] = [];

  constructor(crypto: CryptoProvider, salt: number) {
    this.#crypto = crypto;
    this.#expected = new IdTable(salt);
  }

  setMac1Keys(keys: readonly Uint8Array[]): void {
    this.#mac1Keys = keys.map((key) => new Uint8Array(key));
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

  /** Judges a whole datagram. */
  check(datagram: Uint8Array): Verdict {
    const payloadAt = handshakePayloadAt(datagram, 0, datagram.length);
    if (payloadAt < 0) return Verdict.MALFORMED;
    const type = datagram[payloadAt]!;
    if (type === HandshakeType.HELLO) {
      // Exactly this long, or dropped before any hash (STT §4).
      if (datagram.length !== MIN_DATAGRAM) return Verdict.MALFORMED;
      this.seedIndex = this.#seedOf(datagram, payloadAt);
      return this.seedIndex === NONE ? Verdict.STRANGER : Verdict.PASSED;
    }
    if (type < HandshakeType.HELLO_RESP || type > HandshakeType.VERSIONS) return Verdict.MALFORMED;
    if (this.#expected.get(datagram, handshakeIdAt(payloadAt)) < 0) return Verdict.STRANGER;
    this.seedIndex = NONE;
    return Verdict.PASSED;
  }

  /** Index of the first seed whose mac1 fits, else NONE: one hash of the datagram and one short HMAC per seed. */
  #seedOf(datagram: Uint8Array, payloadAt: number): number {
    if (this.#mac1Keys.length === 0) return NONE;
    const idAt = handshakeIdAt(payloadAt);
    const macAt = datagram.length - MACS_OCTETS;
    const digest = this.#crypto.sha256(
      datagram.subarray(idAt, idAt + SESSION_ID_OCTETS),
      datagram.subarray(payloadAt, macAt),
    );
    const mac1 = datagram.subarray(macAt, macAt + MAC_OCTETS);
    for (let i = 0; i < this.#mac1Keys.length; i++) {
      const expected = this.#crypto.hmacSha256(this.#mac1Keys[i]!, digest).subarray(0, MAC_OCTETS);
      if (this.#crypto.equal(expected, mac1)) return i;
    }
    return NONE;
  }
}
