import { loadNative, type NativeAddon, type NativeKeyAgreement, type NativeNoiseState } from '../native/binding.js';
import { Suite, type CryptoProvider, type KeyPair, type NoiseState } from '../ports/crypto.js';
import { AEAD_TAG_OCTETS, checkAeadSizes, checkKeySize, XAES_NONCE_OCTETS } from './aead-sizes.js';
import { checkExpandLength } from './hkdf.js';
import { nodeProvider } from './node-provider.js';

/** The primitives of OpenSSL, by the addon where that is faster: without the objects that node:crypto makes for every call. */
export function nativeProvider(addon: NativeAddon): CryptoProvider {
  const seal = (suite: Suite, key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array) => {
    checkAeadSizes(key, nonce);
    return addon.sealAead(suite, key, nonce, aad, plaintext);
  };
  const open = (suite: Suite, key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array) => {
    checkAeadSizes(key, nonce);
    return sealed.length < AEAD_TAG_OCTETS ? undefined : addon.openAead(suite, key, nonce, aad, sealed);
  };

  return {
    name: 'native',
    fastAes: addon.probe().aes,
    randomBytes: nodeProvider.randomBytes,
    allocate: nodeProvider.allocate,
    sha256: (...parts) => addon.sha256(parts),
    hmacSha256: (key, ...parts) => addon.hmacSha256(key, parts),
    hkdfExtract: (salt, ikm) => addon.hkdfExtract(salt, ikm),
    hkdfExpand(prk, info, length) {
      checkExpandLength(length);
      return length === 0 ? new Uint8Array(0) : addon.hkdfExpand(prk, info, length);
    },
    keyPair: (privateKey) => new NativeKeyPair(addon, privateKey),
    noiseState: (hash) => new NativeState(addon, addon.createNoiseState(hash)),
    sealChaCha20Poly1305: (key, nonce, aad, plaintext) => seal(Suite.CHACHA20_POLY1305, key, nonce, aad, plaintext),
    openChaCha20Poly1305: (key, nonce, aad, sealed) => open(Suite.CHACHA20_POLY1305, key, nonce, aad, sealed),
    sealAes256Gcm: (key, nonce, aad, plaintext) => seal(Suite.AES_256_GCM, key, nonce, aad, plaintext),
    openAes256Gcm: (key, nonce, aad, sealed) => open(Suite.AES_256_GCM, key, nonce, aad, sealed),
    sealXaes256Gcm(key, nonce, aad, plaintext) {
      checkAeadSizes(key, nonce, XAES_NONCE_OCTETS);
      const out = new Uint8Array(plaintext.length + AEAD_TAG_OCTETS);
      addon.createXaesCipher(key).seal(nonce, aad, plaintext, out, 0);
      return out;
    },
    openXaes256Gcm(key, nonce, aad, sealed) {
      checkAeadSizes(key, nonce, XAES_NONCE_OCTETS);
      if (sealed.length < AEAD_TAG_OCTETS) return undefined;
      const out = new Uint8Array(sealed.length - AEAD_TAG_OCTETS);
      return addon.createXaesCipher(key).open(nonce, aad, sealed, out, 0) ? out : undefined;
    },
    equal: (a, b) => a.length === b.length && addon.equal(a, b),
    createXaesCipher(key) {
      checkKeySize(key);
      return addon.createXaesCipher(key);
    },
    createPacketCipher(suite, key) {
      checkKeySize(key);
      return addon.createPacketCipher(suite, key);
    },
    createHeaderCipher(suite, key) {
      checkKeySize(key);
      return addon.createHeaderCipher(suite, key);
    },
  };
}

class NativeKeyPair implements KeyPair {
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly #agreement: NativeKeyAgreement;

  constructor(addon: NativeAddon, privateKey: Uint8Array) {
    checkKeySize(privateKey);
    this.privateKey = privateKey;
    this.#agreement = addon.createKeyAgreement(privateKey);
    this.publicKey = this.#agreement.publicKey();
  }

  agree(publicKey: Uint8Array): Uint8Array | undefined {
    checkKeySize(publicKey);
    return this.#agreement.agree(publicKey);
  }

  destroy(): void {
    this.privateKey.fill(0);
    this.#agreement.destroy();
  }
}

class NativeState implements NoiseState {
  hasKey = false;
  readonly #addon: NativeAddon;
  readonly #state: NativeNoiseState;

  constructor(addon: NativeAddon, state: NativeNoiseState) {
    this.#addon = addon;
    this.#state = state;
  }

  mixHash(data: Uint8Array): void {
    this.#state.mixHash(data);
  }

  mixKey(material: Uint8Array): void {
    this.#state.mixKey(material);
    this.hasKey = true;
  }

  mixKeyAndHash(material: Uint8Array): void {
    this.#state.mixKeyAndHash(material);
    this.hasKey = true;
  }

  encrypt(plaintext: Uint8Array): Uint8Array {
    return this.#state.encrypt(plaintext);
  }

  decrypt(sealed: Uint8Array): Uint8Array | undefined {
    return this.#state.decrypt(sealed);
  }

  split(): Uint8Array {
    return this.#state.split();
  }

  clone(): NoiseState {
    const copy = new NativeState(this.#addon, this.#addon.createNoiseState(this.#state));
    copy.hasKey = this.hasKey;
    return copy;
  }
}

/** The addon's primitives, or why there are none. The addon is looked for at first use only. */
export function loadNativeProvider(): { readonly provider: CryptoProvider } | { readonly why: string } {
  const { addon, why } = loadNative();
  return addon === undefined ? { why } : { provider: nativeProvider(addon) };
}
