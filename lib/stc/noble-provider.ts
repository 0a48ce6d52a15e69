import { ecb, gcm } from '@noble/ciphers/aes.js';
import { chacha20, chacha20poly1305 } from '@noble/ciphers/chacha.js';

import { expand, extract } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { Suite, type CryptoProvider, type HeaderCipher, type KeyPair, type PacketCipher } from '../ports/crypto.js';
import { AEAD_TAG_OCTETS, checkAeadSizes, checkKeySize } from './aead-sizes.js';
import { checkExpandLength } from './hkdf.js';
import { x25519 } from './noble-x25519.js';
import { SymmetricState } from './symmetric-state.js';
import { deriveXaesKey, xaesCipher } from './xaes.js';

interface Aead {
  encrypt(plaintext: Uint8Array): Uint8Array;
  decrypt(sealed: Uint8Array): Uint8Array;
}
type AeadOf = (key: Uint8Array, nonce: Uint8Array, aad: Uint8Array) => Aead;

/** `getRandomValues` gives no more in one call. */
const RANDOM_OCTETS = 65_536;
const MASK_OCTETS = 5;
const ZEROS = new Uint8Array(MASK_OCTETS);

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

  hkdfExtract: (salt, ikm) => extract(sha256, ikm, salt.length === 0 ? undefined : salt),

  hkdfExpand(prk, info, length) {
    checkExpandLength(length);
    return length === 0 ? new Uint8Array(0) : expand(sha256, prk, info, length);
  },

  keyPair: (privateKey) => new NobleKeyPair(privateKey),
  noiseState: (hash) => new SymmetricState(nobleProvider, hash),

  sealChaCha20Poly1305: (key, nonce, aad, plaintext) => seal(chacha20poly1305, key, nonce, aad, plaintext),
  openChaCha20Poly1305: (key, nonce, aad, sealed) => open(chacha20poly1305, key, nonce, aad, sealed),
  sealAes256Gcm: (key, nonce, aad, plaintext) => seal(gcm, key, nonce, aad, plaintext),
  openAes256Gcm: (key, nonce, aad, sealed) => open(gcm, key, nonce, aad, sealed),

  sealXaes256Gcm(key, nonce, aad, plaintext) {
    const derived = deriveXaesKey(aesBlocks, key, nonce);
    return seal(gcm, derived.key, derived.nonce, aad, plaintext);
  },
  openXaes256Gcm(key, nonce, aad, sealed) {
    const derived = deriveXaesKey(aesBlocks, key, nonce);
    return open(gcm, derived.key, derived.nonce, aad, sealed);
  },

  equal(a, b) {
    if (a.length !== b.length) return false;
    let difference = 0;
    for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
    return difference === 0;
  },

  createXaesCipher: (key) => xaesCipher(nobleProvider, key),

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

function aesBlocks(key: Uint8Array, blocks: Uint8Array): Uint8Array {
  return ecb(key, { disablePadding: true }).encrypt(blocks);
}

function seal(aead: AeadOf, key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array {
  checkAeadSizes(key, nonce);
  return aead(key, nonce, aad).encrypt(plaintext);
}

function open(
  aead: AeadOf,
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  sealed: Uint8Array,
): Uint8Array | undefined {
  checkAeadSizes(key, nonce);
  if (sealed.length < AEAD_TAG_OCTETS) return undefined;
  try {
    return aead(key, nonce, aad).decrypt(sealed);
  } catch {
    // Sizes are right, so it was the tag.
    return undefined;
  }
}

function packetCipher(aead: AeadOf, key: Uint8Array): PacketCipher {
  return {
    seal(nonce, aad, head, body, out, outBegin) {
      const plaintext = new Uint8Array(head.length + body.length);
      plaintext.set(head);
      plaintext.set(body, head.length);
      const sealed = seal(aead, key, nonce, aad, plaintext);
      out.set(sealed, outBegin);
      return sealed.length;
    },
    open(nonce, aad, sealed, out, outBegin) {
      const opened = open(aead, key, nonce, aad, sealed);
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
