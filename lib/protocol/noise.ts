import type { CryptoProvider, KeyPair } from '../ports/crypto.js';
import { ascii } from '../wire/ascii.js';
import { noisePattern, type NoisePattern, type NoiseToken } from './noise-patterns.js';

/*
 * The Noise Protocol Framework, revision 34, for 25519, ChaChaPoly and SHA256: handshakes only, since STT brings its
 * own packets. Octets that are held are never changed in place, so a copy of a state shares them.
 */

const HASH_OCTETS = 32;
const DH_OCTETS = 32;
const TAG_OCTETS = 16;
const NONCE_OCTETS = 12;
const EMPTY = new Uint8Array(0);
const ONE = Uint8Array.of(1);
const TWO = Uint8Array.of(2);
const THREE = Uint8Array.of(3);

/** What a handshake starts from; what is needed depends on the pattern. */
export interface NoiseKeys {
  readonly prologue: Uint8Array;
  /** Own static key pair. */
  readonly s?: KeyPair | undefined;
  /** The peer's static public key, where the pattern has it known beforehand. */
  readonly rs?: Uint8Array | undefined;
  /** One for each psk token, 32 octets each. */
  readonly psks?: readonly Uint8Array[] | undefined;
}

/** What `Split()` gives: the transcript hash, and the keys of initiator and responder. */
export interface NoiseSplit {
  readonly hash: Uint8Array;
  readonly k1: Uint8Array;
  readonly k2: Uint8Array;
}

/** What is the same for all handshakes of one name. */
export interface NoiseProtocol {
  readonly pattern: NoisePattern;
  readonly isPsk: boolean;
  /** h before anything is mixed in. */
  readonly initialHash: Uint8Array;
}

/** The protocol `Noise_<name>_25519_ChaChaPoly_SHA256`. */
export function noiseProtocol(crypto: CryptoProvider, name: string): NoiseProtocol {
  const pattern = noisePattern(name);
  const octets = ascii(`Noise_${name}_25519_ChaChaPoly_SHA256`);
  let initialHash: Uint8Array = new Uint8Array(HASH_OCTETS);
  if (octets.length > HASH_OCTETS) initialHash = crypto.sha256(octets);
  else initialHash.set(octets);
  return { pattern, isPsk: pattern.messages.some((tokens) => tokens.includes('psk')), initialHash };
}

/** What changes from message to message. */
interface State {
  ck: Uint8Array;
  h: Uint8Array;
  k: Uint8Array | undefined;
  n: number;
  message: number;
  psksUsed: number;
  e: KeyPair | undefined;
  re: Uint8Array | undefined;
  rs: Uint8Array | undefined;
}

/** One side of a Noise handshake: `write` and `read` by turns as the pattern has it, then `split`. */
export class NoiseHandshake {
  readonly #crypto: CryptoProvider;
  readonly #protocol: NoiseProtocol;
  readonly #initiator: boolean;
  readonly #keys: NoiseKeys;
  readonly #state: State;

  private constructor(
    crypto: CryptoProvider,
    protocol: NoiseProtocol,
    initiator: boolean,
    keys: NoiseKeys,
    state: State,
  ) {
    this.#crypto = crypto;
    this.#protocol = protocol;
    this.#initiator = initiator;
    this.#keys = keys;
    this.#state = state;
  }

  static start(crypto: CryptoProvider, protocol: NoiseProtocol, initiator: boolean, keys: NoiseKeys): NoiseHandshake {
    const { initialHash, pattern } = protocol;
    const handshake = new NoiseHandshake(crypto, protocol, initiator, keys, {
      ck: initialHash,
      h: initialHash,
      k: undefined,
      n: 0,
      message: 0,
      psksUsed: 0,
      e: undefined,
      re: undefined,
      rs: keys.rs,
    });
    handshake.#mixHash(keys.prologue);
    if (pattern.initiatorKnown) handshake.#mixHash(initiator ? keys.s!.publicKey : keys.rs!);
    if (pattern.responderKnown) handshake.#mixHash(initiator ? keys.rs! : keys.s!.publicKey);
    return handshake;
  }

  /** The peer's ephemeral and static public keys, once they are known. */
  get remoteEphemeral(): Uint8Array | undefined {
    return this.#state.re;
  }
  get remoteStatic(): Uint8Array | undefined {
    return this.#state.rs;
  }
  /** True when all messages were written and read. */
  get isFinished(): boolean {
    return this.#state.message === this.#protocol.pattern.messages.length;
  }

  /** An independent copy: to read a message that may turn out to be bad. */
  clone(): NoiseHandshake {
    return new NoiseHandshake(this.#crypto, this.#protocol, this.#initiator, this.#keys, { ...this.#state });
  }

  /**
   * The next message, around a payload. `ephemeral`, fresh and never used twice, is needed where the message begins
   * with one. Undefined if a key of the peer is of low order: the handshake is dead then.
   */
  write(payload: Uint8Array, ephemeral?: KeyPair): Uint8Array | undefined {
    const parts: Uint8Array[] = [];
    for (const token of this.#protocol.pattern.messages[this.#state.message]!) {
      if (token === 'e') {
        this.#state.e = ephemeral;
        const { publicKey } = ephemeral!;
        parts.push(publicKey);
        this.#mixEphemeral(publicKey);
      } else if (token === 's') {
        parts.push(this.#encryptAndHash(this.#keys.s!.publicKey));
      } else if (!this.#mixToken(token)) {
        return undefined;
      }
    }
    parts.push(this.#encryptAndHash(payload));
    this.#state.message++;
    return concat(parts);
  }

  /** Takes the next message in and gives its payload. Undefined if it is bad: the handshake is dead then. */
  read(message: Uint8Array): Uint8Array | undefined {
    let at = 0;
    for (const token of this.#protocol.pattern.messages[this.#state.message]!) {
      if (token === 'e') {
        if (message.length < at + DH_OCTETS) return undefined;
        this.#state.re = message.slice(at, at + DH_OCTETS);
        this.#mixEphemeral(this.#state.re);
        at += DH_OCTETS;
      } else if (token === 's') {
        const length = this.#state.k === undefined ? DH_OCTETS : DH_OCTETS + TAG_OCTETS;
        if (message.length < at + length) return undefined;
        this.#state.rs = this.#decryptAndHash(message.subarray(at, at + length));
        if (this.#state.rs === undefined) return undefined;
        at += length;
      } else if (!this.#mixToken(token)) {
        return undefined;
      }
    }
    const payload = this.#decryptAndHash(message.subarray(at));
    if (payload !== undefined) this.#state.message++;
    return payload;
  }

  /** After the last message. */
  split(): NoiseSplit {
    const { first, second } = this.#hkdf(EMPTY);
    return { hash: this.#state.h, k1: first, k2: second };
  }

  #mixToken(token: Exclude<NoiseToken, 'e' | 's'>): boolean {
    if (token === 'psk') {
      const { temp, first, second } = this.#hkdf(this.#keys.psks![this.#state.psksUsed++]!);
      this.#state.ck = first;
      this.#mixHash(second);
      this.#setKey(this.#crypto.hmacSha256(temp, second, THREE));
      return true;
    }
    // The first letter names the initiator's key, the second the responder's (Noise §5.3).
    const local = (this.#initiator ? token[0] : token[1]) === 'e' ? this.#state.e! : this.#keys.s!;
    const remote = (this.#initiator ? token[1] : token[0]) === 'e' ? this.#state.re! : this.#state.rs!;
    const shared = this.#crypto.x25519(local.privateKey, remote, local.publicKey);
    if (shared === undefined) return false;
    this.#mixKey(shared);
    return true;
  }

  /** With a psk the key must depend on an ephemeral before anything is encrypted (Noise §9.2). */
  #mixEphemeral(publicKey: Uint8Array): void {
    this.#mixHash(publicKey);
    if (this.#protocol.isPsk) this.#mixKey(publicKey);
  }

  #mixHash(data: Uint8Array): void {
    this.#state.h = this.#crypto.sha256(this.#state.h, data);
  }

  #mixKey(ikm: Uint8Array): void {
    const { first, second } = this.#hkdf(ikm);
    this.#state.ck = first;
    this.#setKey(second);
  }

  /** Noise §4.3; the third output, where one is wanted, is HMAC(temp, second || 3). */
  #hkdf(ikm: Uint8Array): { temp: Uint8Array; first: Uint8Array; second: Uint8Array } {
    const temp = this.#crypto.hmacSha256(this.#state.ck, ikm);
    const first = this.#crypto.hmacSha256(temp, ONE);
    return { temp, first, second: this.#crypto.hmacSha256(temp, first, TWO) };
  }

  #setKey(k: Uint8Array): void {
    this.#state.k = k;
    this.#state.n = 0;
  }

  #encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const out =
      this.#state.k === undefined
        ? plaintext
        : this.#crypto.sealChaCha20Poly1305(this.#state.k, this.#nonce(), this.#state.h, plaintext);
    this.#mixHash(out);
    return out;
  }

  #decryptAndHash(sealed: Uint8Array): Uint8Array | undefined {
    const out =
      this.#state.k === undefined
        ? sealed.slice()
        : this.#crypto.openChaCha20Poly1305(this.#state.k, this.#nonce(), this.#state.h, sealed);
    if (out !== undefined) this.#mixHash(sealed);
    return out;
  }

  /** 32 zero bits, then n, little-endian (Noise §12.3). A handshake never gets past one octet of it. */
  #nonce(): Uint8Array {
    const nonce = new Uint8Array(NONCE_OCTETS);
    nonce[4] = this.#state.n++;
    return nonce;
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
