import { FrameType, HandshakeType, MIN_DATAGRAM, SESSION_ID_OCTETS } from '../constants.js';
import type { CryptoProvider } from '../ports/crypto.js';
import { NONE } from '../ports/packet-engine.js';
import { IdTable } from './id-table.js';

/*
 * Handshake STTFrame (STT §3, §4); everything between the id and the payload is zero:
 *
 *   "ST" | length varint | 0x05 | flags 0 | handshake id (8) | sequence (8), timestamp (8), stream id (4), meta_len (1) | payload
 *                        | at                                                                                       | at + 31
 */

const MAGIC_0 = 0x53;
const MAGIC_1 = 0x54;
const ID_AT = 2;
const PAYLOAD_AT = 31;
const MAC_OCTETS = 16;
/** mac1 and mac2 end a HELLO. */
const MACS_OCTETS = 2 * MAC_OCTETS;
/** A length that fits a datagram is a varint of three octets at most. */
const MAX_LENGTH_OCTETS = 3;

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

  /** Judges a whole datagram. */
  check(datagram: Uint8Array): Verdict {
    const at = frameBody(datagram);
    if (at < 0) return Verdict.MALFORMED;
    if (datagram[at] !== FrameType.HANDSHAKE || datagram[at + 1] !== 0) return Verdict.MALFORMED;
    for (let i = at + ID_AT + SESSION_ID_OCTETS; i < at + PAYLOAD_AT; i++) {
      if (datagram[i] !== 0) return Verdict.MALFORMED;
    }
    const type = datagram[at + PAYLOAD_AT]!;
    if (type === HandshakeType.HELLO) {
      // Exactly this long, or dropped before any hash (STT §4).
      if (datagram.length !== MIN_DATAGRAM) return Verdict.MALFORMED;
      this.seedIndex = this.#seedOf(datagram, at);
      return this.seedIndex === NONE ? Verdict.STRANGER : Verdict.PASSED;
    }
    if (type < HandshakeType.HELLO_RESP || type > HandshakeType.VERSIONS) return Verdict.MALFORMED;
    // An answer is never longer than the HELLO (STT §4).
    if (datagram.length > MIN_DATAGRAM) return Verdict.MALFORMED;
    if (this.#expected.get(datagram, at + ID_AT) < 0) return Verdict.STRANGER;
    this.seedIndex = NONE;
    return Verdict.PASSED;
  }

  /** Index of the first seed whose mac1 fits, else NONE: one hash of the datagram and one short HMAC per seed. */
  #seedOf(datagram: Uint8Array, at: number): number {
    if (this.#mac1Keys.length === 0) return NONE;
    const macAt = datagram.length - MACS_OCTETS;
    const digest = this.#crypto.sha256(
      datagram.subarray(at + ID_AT, at + ID_AT + SESSION_ID_OCTETS),
      datagram.subarray(at + PAYLOAD_AT, macAt),
    );
    const mac1 = datagram.subarray(macAt, macAt + MAC_OCTETS);
    for (let i = 0; i < this.#mac1Keys.length; i++) {
      const expected = this.#crypto.hmacSha256(this.#mac1Keys[i]!, digest).subarray(0, MAC_OCTETS);
      if (this.#crypto.equal(expected, mac1)) return i;
    }
    return NONE;
  }
}

/** Where the body of the one STTFrame begins that the datagram is, with a payload of one octet at least; -1 if it is none. */
function frameBody(datagram: Uint8Array): number {
  if (datagram.length < 2 || datagram[0] !== MAGIC_0 || datagram[1] !== MAGIC_1) return -1;
  let length = 0;
  for (let i = 0; i < MAX_LENGTH_OCTETS; i++) {
    const at = 2 + i;
    if (at >= datagram.length) return -1;
    const octet = datagram[at]!;
    length |= (octet & 0x7f) << (7 * i);
    if (octet >= 0x80) continue;
    // A zero last octet would be a length that is not minimal.
    if (octet === 0 && i > 0) return -1;
    return length === datagram.length - at - 1 && length > PAYLOAD_AT ? at + 1 : -1;
  }
  return -1;
}
