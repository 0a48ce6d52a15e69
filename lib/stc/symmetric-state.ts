import type { CryptoProvider, NoiseState } from '../ports/crypto.js';
import { concat } from '../wire/concat.js';

const NONCE_OCTETS = 12;
const EMPTY = new Uint8Array(0);
const ONE = Uint8Array.of(1);
const TWO = Uint8Array.of(2);
const THREE = Uint8Array.of(3);

/** The primitives that it is built from. */
type Primitives = Pick<CryptoProvider, 'sha256' | 'hmacSha256' | 'sealChaCha20Poly1305' | 'openChaCha20Poly1305'>;

/** `NoiseState` on the primitives of a provider. Octets that are held are never changed in place, so copies share them. */
export class SymmetricState implements NoiseState {
  readonly #crypto: Primitives;
  #ck: Uint8Array;
  #h: Uint8Array;
  #k: Uint8Array | undefined;
  #n = 0;

  constructor(crypto: Primitives, hash: Uint8Array) {
    this.#crypto = crypto;
    this.#ck = hash;
    this.#h = hash;
  }

  get hasKey(): boolean {
    return this.#k !== undefined;
  }

  mixHash(data: Uint8Array): void {
    this.#h = this.#crypto.sha256(this.#h, data);
  }

  mixKey(material: Uint8Array): void {
    const { first, second } = this.#hkdf(material);
    this.#ck = first;
    this.#setKey(second);
  }

  mixKeyAndHash(material: Uint8Array): void {
    const { temp, first, second } = this.#hkdf(material);
    this.#ck = first;
    this.mixHash(second);
    this.#setKey(this.#crypto.hmacSha256(temp, second, THREE));
  }

  encrypt(plaintext: Uint8Array): Uint8Array {
    const out =
      this.#k === undefined
        ? plaintext.slice()
        : this.#crypto.sealChaCha20Poly1305(this.#k, this.#nonce(), this.#h, plaintext);
    this.mixHash(out);
    return out;
  }

  decrypt(sealed: Uint8Array): Uint8Array | undefined {
    const out =
      this.#k === undefined
        ? sealed.slice()
        : this.#crypto.openChaCha20Poly1305(this.#k, this.#nonce(), this.#h, sealed);
    if (out !== undefined) this.mixHash(sealed);
    return out;
  }

  split(): Uint8Array {
    const { first, second } = this.#hkdf(EMPTY);
    return concat([this.#h, first, second]);
  }

  clone(): SymmetricState {
    const copy = new SymmetricState(this.#crypto, this.#h);
    copy.#ck = this.#ck;
    copy.#k = this.#k;
    copy.#n = this.#n;
    return copy;
  }

  /** Noise §4.3; the third output, where one is wanted, is HMAC(temp, second || 3). */
  #hkdf(material: Uint8Array): { temp: Uint8Array; first: Uint8Array; second: Uint8Array } {
    const temp = this.#crypto.hmacSha256(this.#ck, material);
    const first = this.#crypto.hmacSha256(temp, ONE);
    return { temp, first, second: this.#crypto.hmacSha256(temp, first, TWO) };
  }

  #setKey(k: Uint8Array): void {
    this.#k = k;
    this.#n = 0;
  }

  /** 32 zero bits, then n, little-endian (Noise §12.3). A handshake never gets past one octet of it. */
  #nonce(): Uint8Array {
    const nonce = new Uint8Array(NONCE_OCTETS);
    nonce[4] = this.#n++;
    return nonce;
  }
}
