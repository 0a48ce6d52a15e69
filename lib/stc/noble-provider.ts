import { ctr, gcm } from '@noble/ciphers/aes.js';
import { chacha20, chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { Suite, type CryptoProvider, type HeaderCipher, type KeyPair, type PacketCipher } from '../ports/crypto.js';
import { AEAD_TAG_OCTETS, checkAeadSizes, checkKeySize, XAES_NONCE_OCTETS } from './aead-sizes.js';
import { hkdfExpand, hkdfExtract } from './hkdf.js';
import { x25519 } from './noble-x25519.js';
import { SymmetricState } from './symmetric-state.js';
import { deriveXaesKey } from './xaes.js';

interface Aead {
  encrypt(plaintext: Uint8Array): Uint8Array;
  decrypt(sealed: Uint8Array): Uint8Array;
}
type AeadOf = (key: Uint8Array, nonce: Uint8Array, aad: Uint8Array) => Aead;

/** `getRandomValues` gives no more in one call. */
const RANDOM_OCTETS = 65_536;
const EMPTY = new Uint8Array(0);
const MASK_OCTETS = 5;
const ZEROS = new Uint8Array(MASK_OCTETS);
const AES_BLOCK_OCTETS = 16;
const ZERO_BLOCK = new Uint8Array(AES_BLOCK_OCTETS);

/**
 * AES of each block by itself, as the first block of a CTR key stream that begins there: @noble's ECB would bring the
 * tables of decryption along, which nothing else needs.
 */
function aesBlocks(key: Uint8Array, blocks: Uint8Array): Uint8Array {
  const out = new Uint8Array(blocks.length);
  for (let at = 0; at < out.length; at += AES_BLOCK_OCTETS) {
    out.set(ctr(key, blocks.subarray(at, at + AES_BLOCK_OCTETS)).encrypt(ZERO_BLOCK), at);
  }
  return out;
}

/** See `CryptoProvider.sealXaes256Gcm`. */
const xaes: AeadOf = (key, nonce, aad) => {
  const derived = deriveXaesKey(aesBlocks, key, nonce);
  return gcm(derived.key, derived.nonce, aad);
};

const sealing =
  (aead: AeadOf, nonceOctets?: number): CryptoProvider['sealAes256Gcm'] =>
  (key, nonce, aad, plaintext) => {
    checkAeadSizes(key, nonce, nonceOctets);
    return aead(key, nonce, aad).encrypt(plaintext);
  };

const opening =
  (aead: AeadOf, nonceOctets?: number): CryptoProvider['openAes256Gcm'] =>
  (key, nonce, aad, sealed) => {
    checkAeadSizes(key, nonce, nonceOctets);
    if (sealed.length < AEAD_TAG_OCTETS) return undefined;
    try {
      return aead(key, nonce, aad).decrypt(sealed);
    } catch {
      // Sizes are right, so it was the tag.
      return undefined;
    }
  };

/** The primitives in JavaScript alone, by @noble: for browsers, and the check of the other two. */
export const nobleProvider: CryptoProvider = {
  name: 'noble',
  // Table lookups: slower than ChaCha20 and not constant in time.
  fastAes: false,

  randomBytes(length) {
    const out = new Uint8Array(length);
    for (let at = 0; at < length; at += RANDOM_OCTETS) {
      globalThis.crypto.getRandomValues(out.subarray(at, at + RANDOM_OCTETS));
    }
    return out;
  },

  allocate: (length) => new Uint8Array(length),

  sha256(...parts) {
    const hash = sha256.create();
    for (const part of parts) hash.update(part);
    return hash.digest();
  },

  hmacSha256(key, ...parts) {
    const mac = hmac.create(sha256, key);
    for (const part of parts) mac.update(part);
    return mac.digest();
  },

  hkdfExtract: (salt, ikm) => hkdfExtract(nobleProvider.hmacSha256, salt, ikm),
  hkdfExpand: (prk, info, length) => hkdfExpand(nobleProvider.hmacSha256, prk, info, length),

  keyPair: (privateKey) => new NobleKeyPair(privateKey),
  noiseState: (hash) => new SymmetricState(nobleProvider, hash),

  sealChaCha20Poly1305: sealing(chacha20poly1305),
  openChaCha20Poly1305: opening(chacha20poly1305),
  sealAes256Gcm: sealing(gcm),
  openAes256Gcm: opening(gcm),
  sealXaes256Gcm: sealing(xaes, XAES_NONCE_OCTETS),
  openXaes256Gcm: opening(xaes, XAES_NONCE_OCTETS),

  equal(a, b) {
    if (a.length !== b.length) return false;
    let difference = 0;
    for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
    return difference === 0;
  },

  createXaesCipher(key) {
    checkKeySize(key);
    const { seal, open } = packetCipher(xaes, key.slice(), XAES_NONCE_OCTETS);
    return { seal: (nonce, aad, plaintext, out, outBegin) => seal(nonce, aad, EMPTY, plaintext, out, outBegin), open };
  },

  createPacketCipher(suite, key) {
    checkKeySize(key);
    return packetCipher(suite === Suite.AES_256_GCM ? gcm : chacha20poly1305, key.slice());
  },

  createHeaderCipher(suite, key) {
    checkKeySize(key);
    return suite === Suite.AES_256_GCM ? aesHeaderCipher(key.slice()) : chachaHeaderCipher(key.slice());
  },
};

class NobleKeyPair implements KeyPair {
  readonly publicKey: Uint8Array;

  constructor(readonly privateKey: Uint8Array) {
    checkKeySize(privateKey);
    this.publicKey = x25519.getPublicKey(privateKey);
  }

  agree(publicKey: Uint8Array): Uint8Array | undefined {
    checkKeySize(publicKey);
    try {
      return x25519.getSharedSecret(this.privateKey, publicKey);
    } catch {
      // Sizes are right, so it was a low-order point.
      return undefined;
    }
  }

  destroy(): void {
    this.privateKey.fill(0);
  }
}

function packetCipher(aead: AeadOf, key: Uint8Array, nonceOctets?: number): PacketCipher {
  const seal = sealing(aead, nonceOctets);
  const open = opening(aead, nonceOctets);
  return {
    seal(nonce, aad, head, body, out, outBegin) {
      const plaintext = new Uint8Array(head.length + body.length);
      plaintext.set(head);
      plaintext.set(body, head.length);
      const sealed = seal(key, nonce, aad, plaintext);
      out.set(sealed, outBegin);
      return sealed.length;
    },
    open(nonce, aad, sealed, out, outBegin) {
      const opened = open(key, nonce, aad, sealed);
      if (opened === undefined) return false;
      out.set(opened, outBegin);
      return true;
    },
  };
}

function aesHeaderCipher(key: Uint8Array): HeaderCipher {
  return { mask: (sample) => aesBlocks(key, sample).subarray(0, MASK_OCTETS) };
}

function chachaHeaderCipher(key: Uint8Array): HeaderCipher {
  return {
    mask(sample) {
      // RFC 9001 §5.4.4: counter, then nonce.
      const counter = (sample[0]! | (sample[1]! << 8) | (sample[2]! << 16) | (sample[3]! << 24)) >>> 0;
      return chacha20(key, sample.subarray(4, 16), ZEROS, undefined, counter);
    },
  };
}
