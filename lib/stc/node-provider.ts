import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  randomFillSync,
  timingSafeEqual,
  type CipherGCMTypes,
  type KeyObject,
} from 'node:crypto';
import { Suite, type CryptoProvider, type HeaderCipher, type KeyPair, type PacketCipher } from '../ports/crypto.js';
import { AEAD_TAG_OCTETS, checkAeadSizes, checkKeySize } from './aead-sizes.js';
import { hkdfExpand, hkdfExtract } from './hkdf.js';
import { SymmetricState } from './symmetric-state.js';
import { deriveXaesKey, xaesCipher } from './xaes.js';

type Algorithm = 'aes-256-gcm' | 'chacha20-poly1305';
type Key = Uint8Array | KeyObject;

/** Random octets fetched at once: a call for 32 of them costs as much as one for 1,024. */
const RANDOM_POOL = 1024;
const TAG = { authTagLength: AEAD_TAG_OCTETS } as const;
const ZERO_MASK = new Uint8Array(5);

const randomPool = new Uint8Array(RANDOM_POOL);
let randomUsed = RANDOM_POOL;

/** The primitives of OpenSSL, by node:crypto. */
export const nodeProvider: CryptoProvider = {
  name: 'node',
  // Every 64-bit x86 and ARM that runs this Node has instructions for AES; what else there is may not.
  fastAes: process.arch === 'x64' || process.arch === 'arm64',

  randomBytes(length) {
    if (length > RANDOM_POOL) return randomFillSync(new Uint8Array(length));
    if (length > randomPool.length - randomUsed) {
      randomFillSync(randomPool);
      randomUsed = 0;
    }
    const out = randomPool.slice(randomUsed, randomUsed + length);
    // What was given out is nowhere else.
    randomPool.fill(0, randomUsed, (randomUsed += length));
    return out;
  },

  // Filling a chunk of 64 KiB with zeros takes a fifth of the time that sealing it does.
  allocate(length) {
    const { buffer, byteOffset } = Buffer.allocUnsafeSlow(length);
    return new Uint8Array(buffer, byteOffset, length);
  },

  sha256(...parts) {
    const hash = createHash('sha256');
    for (const part of parts) hash.update(part);
    return plain(hash.digest());
  },

  hmacSha256,
  hkdfExtract: (salt, ikm) => hkdfExtract(hmacSha256, salt, ikm),
  hkdfExpand: (prk, info, length) => hkdfExpand(hmacSha256, prk, info, length),

  keyPair: (privateKey) => new NodeKeyPair(privateKey),
  noiseState: (hash) => new SymmetricState(nodeProvider, hash),

  sealChaCha20Poly1305: (key, nonce, aad, plaintext) => seal('chacha20-poly1305', key, nonce, aad, plaintext),
  openChaCha20Poly1305: (key, nonce, aad, sealed) => open('chacha20-poly1305', key, nonce, aad, sealed),
  sealAes256Gcm: (key, nonce, aad, plaintext) => seal('aes-256-gcm', key, nonce, aad, plaintext),
  openAes256Gcm: (key, nonce, aad, sealed) => open('aes-256-gcm', key, nonce, aad, sealed),

  sealXaes256Gcm(key, nonce, aad, plaintext) {
    const derived = deriveXaesKey(aesBlocks, key, nonce);
    return seal('aes-256-gcm', derived.key, derived.nonce, aad, plaintext);
  },
  openXaes256Gcm(key, nonce, aad, sealed) {
    const derived = deriveXaesKey(aesBlocks, key, nonce);
    return open('aes-256-gcm', derived.key, derived.nonce, aad, sealed);
  },

  equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),

  createXaesCipher: (key) => xaesCipher(nodeProvider, key),

  createPacketCipher(suite, key) {
    checkKeySize(key);
    return packetCipher(suite === Suite.AES_256_GCM ? 'aes-256-gcm' : 'chacha20-poly1305', createSecretKey(key));
  },

  createHeaderCipher(suite, key) {
    checkKeySize(key);
    return suite === Suite.AES_256_GCM ? aesHeaderCipher(key) : chachaHeaderCipher(createSecretKey(key));
  },
};

/** Callers are promised a `Uint8Array`; a Buffer's `slice` would share memory. Small Buffers come from a shared pool, too. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer);
}

function hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const mac = createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  return plain(mac.digest());
}

function aesBlocks(key: Uint8Array, blocks: Uint8Array): Uint8Array {
  return plain(createCipheriv('aes-256-ecb', key, null).setAutoPadding(false).update(blocks));
}

/** Import of a private key makes OpenSSL compute its public key, which costs as much as using it: it is done once. */
class NodeKeyPair implements KeyPair {
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
  #object: KeyObject | undefined;

  constructor(privateKey: Uint8Array) {
    checkKeySize(privateKey);
    this.privateKey = privateKey;
    // JWK rather than DER: OpenSSL's decoders take ten times as long as the raw import that a JWK becomes.
    // Node reads `d` alone, but wants `x` to be there.
    const key = { kty: 'OKP', crv: 'X25519', d: base64url(privateKey), x: '' };
    this.#object = createPrivateKey({ format: 'jwk', key });
    this.publicKey = plain(Buffer.from(createPublicKey(this.#object).export({ format: 'jwk' }).x!, 'base64url'));
  }

  agree(publicKey: Uint8Array): Uint8Array | undefined {
    checkKeySize(publicKey);
    const peer = createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'X25519', x: base64url(publicKey) } });
    try {
      return plain(diffieHellman({ privateKey: this.#object!, publicKey: peer }));
    } catch {
      // OpenSSL refuses an all-zero result; the keys themselves are sound.
      return undefined;
    }
  }

  destroy(): void {
    this.privateKey.fill(0);
    this.#object = undefined;
  }
}

function base64url(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('base64url');
}

function cipherOf(algorithm: Algorithm, key: Key, nonce: Uint8Array) {
  // The typings know ChaCha20-Poly1305 by an overload of its own, with the same result.
  return createCipheriv(algorithm as CipherGCMTypes, key, nonce, TAG);
}

function decipherOf(algorithm: Algorithm, key: Key, nonce: Uint8Array) {
  return createDecipheriv(algorithm as CipherGCMTypes, key, nonce, TAG);
}

function seal(
  algorithm: Algorithm,
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  checkAeadSizes(key, nonce);
  const cipher = cipherOf(algorithm, key, nonce).setAAD(aad, { plaintextLength: plaintext.length });
  const out = new Uint8Array(plaintext.length + AEAD_TAG_OCTETS);
  out.set(cipher.update(plaintext));
  cipher.final();
  out.set(cipher.getAuthTag(), plaintext.length);
  return out;
}

function open(
  algorithm: Algorithm,
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  sealed: Uint8Array,
): Uint8Array | undefined {
  checkAeadSizes(key, nonce);
  if (sealed.length < AEAD_TAG_OCTETS) return undefined;
  const length = sealed.length - AEAD_TAG_OCTETS;
  const decipher = decipherOf(algorithm, key, nonce)
    .setAAD(aad, { plaintextLength: length })
    .setAuthTag(sealed.subarray(length));
  const opened = decipher.update(sealed.subarray(0, length));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return plain(opened);
}

function packetCipher(algorithm: Algorithm, key: KeyObject): PacketCipher {
  return {
    seal(nonce, aad, head, body, out, outBegin) {
      const length = head.length + body.length;
      const cipher = cipherOf(algorithm, key, nonce).setAAD(aad, { plaintextLength: length });
      if (head.length > 0) out.set(cipher.update(head), outBegin);
      if (body.length > 0) out.set(cipher.update(body), outBegin + head.length);
      cipher.final();
      out.set(cipher.getAuthTag(), outBegin + length);
      return length + AEAD_TAG_OCTETS;
    },
    open(nonce, aad, sealed, out, outBegin) {
      const length = sealed.length - AEAD_TAG_OCTETS;
      if (length < 0) return false;
      const decipher = decipherOf(algorithm, key, nonce)
        .setAAD(aad, { plaintextLength: length })
        .setAuthTag(sealed.subarray(length));
      const opened = decipher.update(sealed.subarray(0, length));
      try {
        decipher.final();
      } catch {
        return false;
      }
      out.set(opened, outBegin);
      return true;
    },
  };
}

function aesHeaderCipher(key: Uint8Array): HeaderCipher {
  // ECB keeps no state between blocks, so one cipher serves for good.
  const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  return { mask: (sample) => cipher.update(sample) };
}

function chachaHeaderCipher(key: KeyObject): HeaderCipher {
  // OpenSSL's 16-octet IV of ChaCha20 is what RFC 9001 §5.4.4 makes of a sample: counter (little-endian), nonce.
  return { mask: (sample) => createCipheriv('chacha20', key, sample).update(ZERO_MASK) };
}
