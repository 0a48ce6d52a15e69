import { MAX_RESET, MIN_RESET } from '../constants.js';
import type { CryptoProvider, HeaderCipher, PacketCipher, Suite } from '../ports/crypto.js';
import { NONE, type PhaseKeys, type SessionKeys } from '../ports/packet-engine.js';

/** ECN-capable transport, of the two bits of ECN (RFC 3168). */
const ECT0 = 2;

/** Which packet numbers were seen. */
export interface PacketWindow {
  /** Largest packet number marked, -1 before the first. */
  readonly largest: number;
  /** True if this packet number is new. Marks nothing. */
  willAccept(pn: number): boolean;
  /** Remembers a packet number that `willAccept` let through and whose tag verified. */
  mark(pn: number): void;
}

/** Key material of one direction and phase, keyed once. */
export class PhaseCipher {
  readonly cipher: PacketCipher;
  readonly iv: Uint8Array;

  constructor(crypto: CryptoProvider, suite: Suite, keys: PhaseKeys) {
    this.cipher = crypto.createPacketCipher(suite, keys.key);
    this.iv = new Uint8Array(keys.iv);
  }
}

/** What the engine knows of a session. */
export class EngineSession {
  readonly id: Uint8Array;
  readonly sendHeader: HeaderCipher;
  readonly receiveHeader: HeaderCipher;
  readonly window: PacketWindow;
  /** What ends a stateless reset, once it is known: see `isReset`. */
  resetToken: Uint8Array | undefined;
  /** Failed openings left before the FORGERY_LIMIT row; negative once it was given. */
  forgeriesLeft: number;
  send: PhaseCipher;
  sendPhase = 0;
  receive: PhaseCipher;
  receivePhase = 0;
  readonly #crypto: CryptoProvider;
  readonly #suite: Suite;
  #nextSend: PhaseCipher | undefined;
  #nextReceive: PhaseCipher | undefined;
  #oldReceive: PhaseCipher | undefined;
  /** The smallest packet number that was opened in this phase: those of the phase before lie below it. */
  #firstOfPhase = 0;
  /** Packets on this path are sent with ECT(0). */
  #markedPath: number = NONE;

  constructor(crypto: CryptoProvider, keys: SessionKeys, window: PacketWindow) {
    this.#crypto = crypto;
    this.window = window;
    this.#suite = keys.suite;
    this.id = new Uint8Array(keys.sessionId);
    this.sendHeader = crypto.createHeaderCipher(keys.suite, keys.send.hp);
    this.receiveHeader = crypto.createHeaderCipher(keys.suite, keys.receive.hp);
    this.send = new PhaseCipher(crypto, keys.suite, keys.send);
    this.receive = new PhaseCipher(crypto, keys.suite, keys.receive);
    this.forgeriesLeft = keys.forgeryLimit;
  }

  setResetToken(token: Uint8Array): void {
    this.resetToken = token.slice();
  }

  mark(path: number): void {
    this.#markedPath = path;
  }

  /** The ECN bits of packets on a path. */
  ecnOn(path: number): number {
    return path === this.#markedPath ? ECT0 : 0;
  }

  /** See `PacketEngine`. */
  installNext(send: PhaseKeys, receive: PhaseKeys): boolean {
    if (this.#nextSend !== undefined || this.#nextReceive !== undefined) return false;
    this.#nextSend = new PhaseCipher(this.#crypto, this.#suite, send);
    this.#nextReceive = new PhaseCipher(this.#crypto, this.#suite, receive);
    return true;
  }

  switchSend(): void {
    if (this.#nextSend === undefined) return;
    this.send.iv.fill(0);
    this.send = this.#nextSend;
    this.#nextSend = undefined;
    this.sendPhase++;
  }

  dropOld(): void {
    this.#oldReceive?.iv.fill(0);
    this.#oldReceive = undefined;
  }

  /** The keys for packet `pn` whose K bit is `bit` (STT §5). One of them at most is tried, so that no time tells which. */
  keysFor(bit: number, pn: number): PhaseCipher | undefined {
    if (bit === (this.receivePhase & 1)) return this.receive;
    return pn < this.#firstOfPhase ? this.#oldReceive : this.#nextReceive;
  }

  /** A packet was opened with `keys`, which `keysFor` gave. Gives its phase. */
  onOpened(keys: PhaseCipher, pn: number): number {
    if (keys === this.#oldReceive) return this.receivePhase - 1;
    if (keys === this.#nextReceive) {
      this.dropOld();
      this.#oldReceive = this.receive;
      this.receive = keys;
      this.#nextReceive = undefined;
      this.receivePhase++;
      this.#firstOfPhase = pn;
    } else if (pn < this.#firstOfPhase) this.#firstOfPhase = pn;
    return this.receivePhase;
  }

  /** Wipes what JavaScript can reach; the ciphers themselves go with this object. */
  wipe(): void {
    this.dropOld();
    for (const keys of [this.send, this.receive, this.#nextSend, this.#nextReceive]) keys?.iv.fill(0);
  }
}

/** A datagram that did not open ends with the token: in constant time, as who guesses shall learn nothing (STT §5). */
export function isReset(token: Uint8Array | undefined, datagram: Uint8Array): boolean {
  if (token === undefined || datagram.length < MIN_RESET || datagram.length > MAX_RESET) return false;
  const at = datagram.length - token.length;
  let difference = 0;
  for (let i = 0; i < token.length; i++) difference |= datagram[at + i]! ^ token[i]!;
  return difference === 0;
}
