import { PACKET_HEADER, SESSION_ID_OCTETS } from '../constants.js';
import type { EngineSession } from './engine-session.js';
import * as Opening from './opening.js';

/*
 *   0          1            9               13                     n-16        n
 *   | 1rrrrrrK | session id | pn, low 32 bit | ciphertext          | tag       |      STT §5
 *                                            | sample: 16 octets |
 */

const PN_AT = 1 + SESSION_ID_OCTETS;
const SAMPLE_OCTETS = 16;
const NONCE_OCTETS = 12;
const TWO_32 = 0x100000000;
const TWO_31 = 0x80000000;

/** How an opening ended. */
export * as Opening from './opening.js';

/** The full packet number of which `low` is the low 32 bits, as near as can be to what is expected next (RFC 9000 A.3). */
export function expandPacketNumber(largest: number, low: number): number {
  const expected = largest + 1;
  // By distance, since `expected` rounded down plus `low` may be no safe integer where the result is one.
  let distance = low - (expected % TWO_32);
  if (distance <= -TWO_31) distance += TWO_32;
  else if (distance > TWO_31 && expected + distance >= TWO_32) distance -= TWO_32;
  return expected + distance;
}

function writeNonce(nonce: Uint8Array, iv: Uint8Array, pn: number): void {
  const high = Math.floor(pn / TWO_32);
  const low = pn >>> 0;
  nonce.set(iv);
  nonce[4]! ^= high >>> 24;
  nonce[5]! ^= high >>> 16;
  nonce[6]! ^= high >>> 8;
  nonce[7]! ^= high;
  nonce[8]! ^= low >>> 24;
  nonce[9]! ^= low >>> 16;
  nonce[10]! ^= low >>> 8;
  nonce[11]! ^= low;
}

/** Header protection, replay check and opening of packets. One for all sessions: it holds scratch memory only. */
export class PacketOpener {
  /** Of the packet opened last. */
  packetNumber = 0;
  /** True if its reserved bits were not zero. */
  reserved = false;
  /** Its key phase. */
  phase = 0;

  readonly #sample = new Uint8Array(SAMPLE_OCTETS);
  readonly #nonce = new Uint8Array(NONCE_OCTETS);
  readonly #aad = new Uint8Array(PACKET_HEADER);

  /**
   * Opens a packet of at least header and tag into `out` from `at`, and marks its number as seen.
   * What is written to `out` unless the answer is OPENED must not be used.
   */
  open(session: EngineSession, packet: Uint8Array, out: Uint8Array, at: number): Opening.Kind {
    const { window } = session;
    const aad = this.#aad;
    for (let i = 0; i < SAMPLE_OCTETS; i++) this.#sample[i] = packet[PACKET_HEADER + i]!;
    const mask = session.receiveHeader.mask(this.#sample);
    for (let i = 0; i < PACKET_HEADER; i++) aad[i] = packet[i]!;
    aad[0]! ^= mask[0]! & 0x7f;
    for (let i = 0; i < 4; i++) aad[PN_AT + i]! ^= mask[1 + i]!;

    const low = ((aad[PN_AT]! << 24) | (aad[PN_AT + 1]! << 16) | (aad[PN_AT + 2]! << 8) | aad[PN_AT + 3]!) >>> 0;
    const pn = expandPacketNumber(window.largest, low);
    // Beyond 2^53-1 nobody sends: a session closes before (STT §5).
    if (pn > Number.MAX_SAFE_INTEGER) return Opening.FORGERY;
    if (!window.willAccept(pn)) return Opening.REPLAY;
    const keys = session.keysFor(aad[0]! & 1, pn);
    if (keys === undefined) return Opening.NO_KEY;
    writeNonce(this.#nonce, keys.iv, pn);
    if (!keys.cipher.open(this.#nonce, aad, packet.subarray(PACKET_HEADER), out, at)) return Opening.FORGERY;
    window.mark(pn);
    this.phase = session.onOpened(keys, pn);
    this.packetNumber = pn;
    this.reserved = (aad[0]! & 0x7e) !== 0;
    return Opening.OPENED;
  }
}

/** Sealing and header protection of packets. One for all sessions. */
export class PacketSealer {
  readonly #sample = new Uint8Array(SAMPLE_OCTETS);
  readonly #nonce = new Uint8Array(NONCE_OCTETS);
  readonly #aad = new Uint8Array(PACKET_HEADER);

  /** Writes the packet `pn` with the payload `head || body` to `out` from `at`. Returns its octets. */
  seal(session: EngineSession, pn: number, head: Uint8Array, body: Uint8Array, out: Uint8Array, at: number): number {
    const { send, id } = session;
    const aad = this.#aad;
    aad[0] = 0x80 | (session.sendPhase & 1);
    aad.set(id, 1);
    aad[PN_AT] = pn >>> 24;
    aad[PN_AT + 1] = pn >>> 16;
    aad[PN_AT + 2] = pn >>> 8;
    aad[PN_AT + 3] = pn;
    writeNonce(this.#nonce, send.iv, pn);
    const sealed = send.cipher.seal(this.#nonce, aad, head, body, out, at + PACKET_HEADER);
    for (let i = 0; i < SAMPLE_OCTETS; i++) this.#sample[i] = out[at + PACKET_HEADER + i]!;
    const mask = session.sendHeader.mask(this.#sample);
    aad[0]! ^= mask[0]! & 0x7f;
    for (let i = 0; i < 4; i++) aad[PN_AT + i]! ^= mask[1 + i]!;
    out.set(aad, at);
    return PACKET_HEADER + sealed;
  }
}
