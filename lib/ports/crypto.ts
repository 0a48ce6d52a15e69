/** AEAD suites of a session (STT §5). */
export const Suite = { AES_256_GCM: 1, CHACHA20_POLY1305: 2 } as const;
export type Suite = (typeof Suite)[keyof typeof Suite];

/**
 * One key of one direction. Works on caller-owned memory, so that a batch costs no allocation.
 * Both methods may be called any number of times; nonces are the caller's duty.
 */
export interface PacketCipher {
  /** Seals `head || body` under `aad` into `out` from `outBegin`: ciphertext, then the 16-octet tag. Returns the octets written. */
  seal(
    nonce: Uint8Array,
    aad: Uint8Array,
    head: Uint8Array,
    body: Uint8Array,
    out: Uint8Array,
    outBegin: number,
  ): number;
  /** Opens `sealed` (ciphertext and tag) into `out` from `outBegin`. False, and nothing that may be used, if the tag is wrong. */
  open(nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array, out: Uint8Array, outBegin: number): boolean;
}

/**
 * C2SP XAES-256-GCM under one key, on caller-owned memory as `PacketCipher`, with nonces of 24 octets. Texts whose nonces
 * have the first 12 octets in common cost less one after the other.
 */
export interface XaesCipher {
  /** Seals `plaintext` under `aad` into `out` from `outBegin`: ciphertext, then the 16-octet tag. Returns the octets written. */
  seal(nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array, out: Uint8Array, outBegin: number): number;
  /** Opens `sealed` (ciphertext and tag) into `out` from `outBegin`. False, and nothing that may be used, if the tag is wrong. */
  open(nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array, out: Uint8Array, outBegin: number): boolean;
}

/** An X25519 key pair, 32 octets each, ready to agree any number of times. */
export interface KeyPair {
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
  /** RFC 7748 shared secret with the public key of another; `undefined` if it is all zeros (a key of low order). */
  agree(publicKey: Uint8Array): Uint8Array | undefined;
  /** Wipes the private key, as far as that can be done. The pair cannot be used any more. */
  destroy(): void;
}

/** The `SymmetricState` object of Noise (revision 34, §5.2) for ChaChaPoly and SHA256. */
export interface NoiseState {
  mixHash(data: Uint8Array): void;
  mixKey(material: Uint8Array): void;
  mixKeyAndHash(material: Uint8Array): void;
  /** True once something was mixed into the key: what is encrypted is 16 octets longer from then on. */
  readonly hasKey: boolean;
  /** EncryptAndHash. */
  encrypt(plaintext: Uint8Array): Uint8Array;
  /** DecryptAndHash; `undefined` if the octets are not authentic: the state is of no use then. */
  decrypt(sealed: Uint8Array): Uint8Array | undefined;
  /** h, then the keys of initiator and responder: 96 octets. */
  split(): Uint8Array;
  /** An independent copy. */
  clone(): NoiseState;
}

/** Header protection of one direction (STT §5): five mask octets from a sixteen-octet sample. */
export interface HeaderCipher {
  /** The result is valid until the next call. */
  mask(sample: Uint8Array): Uint8Array;
}

/**
 * The vetted primitives that STT is built from. Three implementations, tested against each other: OpenSSL through
 * the native addon, node:crypto, and @noble (browsers). Inputs are never kept; outputs are fresh and the caller's.
 */
export interface CryptoProvider {
  readonly name: 'native' | 'node' | 'noble';
  /** True where AES-GCM is done in hardware, so that it is to be preferred to ChaCha20-Poly1305. */
  readonly fastAes: boolean;
  randomBytes(length: number): Uint8Array;
  /** An array of its own for a result, with anything in it: it is not to be shown before it was wholly overwritten. */
  allocate(length: number): Uint8Array<ArrayBuffer>;
  sha256(...parts: readonly Uint8Array[]): Uint8Array;
  hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array;
  /** RFC 5869 extract; an empty salt is 32 zeros. */
  hkdfExtract(salt: Uint8Array, ikm: Uint8Array): Uint8Array;
  /** RFC 5869 expand; `length` <= 8,160. */
  hkdfExpand(prk: Uint8Array, info: Uint8Array, length: number): Uint8Array;
  /** The key pair of a 32-octet private scalar (RFC 7748), which it takes over. */
  keyPair(privateKey: Uint8Array): KeyPair;
  /** `hash`, 32 octets: h before anything is mixed in. */
  noiseState(hash: Uint8Array): NoiseState;
  /** RFC 8439; 32-octet key, 12-octet nonce; the result is ciphertext and tag. */
  sealChaCha20Poly1305(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array;
  openChaCha20Poly1305(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array | undefined;
  /** SP 800-38D; 32-octet key, 12-octet nonce; the result is ciphertext and tag. */
  sealAes256Gcm(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array;
  openAes256Gcm(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array | undefined;
  /** C2SP XAES-256-GCM; 32-octet key, 24-octet nonce; the result is ciphertext and tag. */
  sealXaes256Gcm(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array;
  openXaes256Gcm(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array | undefined;
  /** Constant-time comparison; arrays of different length are unequal. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
  /** For many texts under one key of 32 octets. */
  createXaesCipher(key: Uint8Array): XaesCipher;
  createPacketCipher(suite: Suite, key: Uint8Array): PacketCipher;
  createHeaderCipher(suite: Suite, key: Uint8Array): HeaderCipher;
}
