import { optionError } from '../options.js';
import type { CryptoProvider, KeyPair } from '../ports/crypto.js';
import { KEY_OCTETS } from './aead-sizes.js';
import { deriveSessionKey, identityKeyPair, rotateSessionKey } from './cke.js';
import { decryptFrame, encryptFrame, type EncryptedFrame } from './frame-aead.js';
import { hashData } from './phe.js';
import type { StcContext } from './stc-context.js';
import { checkSeed, StcRoot, type WarnOfSeed } from './stc-root.js';
import { StreamContext } from './stream-context.js';

/**
 * The cryptographic contract of STT, bound to one seed (STT §2): keyed hashes, derived keys, sealed frames. Built on
 * HMAC, HKDF, X25519 and XAES-256-GCM.
 */
export class STCWrapper {
  readonly #root: StcRoot;
  /** @internal Who is told of short seeds. */
  readonly warn: WarnOfSeed | undefined;

  /**
   * @param seed at least 16 octets, 32 random ones are right; never a password
   * @throws STTCryptoError `ERR_STT_SEED_TOO_SHORT`
   */
  constructor(seed: Uint8Array, options: { readonly provider: CryptoProvider; readonly warn?: WarnOfSeed }) {
    checkSeed('seed', seed, options.warn);
    this.warn = options.warn;
    this.#root = new StcRoot(options.provider, seed);
  }

  /** @internal */
  get crypto(): CryptoProvider {
    return this.#root.crypto;
  }

  /** @internal The key pair behind `generateNodeId`. */
  identityKeyPair(identity: Uint8Array): KeyPair {
    return identityKeyPair(this.#root, identity);
  }

  /** A keyed hash of `data` in a context: 32 octets that only holders of the seed can compute. */
  hashData(data: Uint8Array, context: StcContext = {}): Uint8Array {
    return hashData(this.#root, data, context);
  }

  /** The node id of an identity: the X25519 public key (32 octets) whose private key follows from the seed. */
  generateNodeId(identity: Uint8Array): Uint8Array {
    return this.identityKeyPair(identity).publicKey;
  }

  /** A key of 32 octets for a context. */
  deriveSessionKey(context: StcContext): Uint8Array {
    return deriveSessionKey(this.#root, context);
  }

  /**
   * The key (32 octets) that follows `key`, given a nonce that both sides know.
   * @throws STTConfigError `ERR_STT_OPTION_RANGE` if `key` has other than 32 octets
   */
  rotateSessionKey(key: Uint8Array, nonce: Uint8Array): Uint8Array {
    if (key.length !== KEY_OCTETS) {
      throw optionError('key', `${key.length} octets long`, `${KEY_OCTETS} octets`);
    }
    return rotateSessionKey(this.#root.crypto, key, nonce);
  }

  /** Seals a payload; it opens only with the same seed and the same `associatedData`. */
  encryptFrame(payload: Uint8Array, associatedData: StcContext = {}): EncryptedFrame {
    return encryptFrame(this.#root, payload, associatedData);
  }

  /**
   * Opens what `encryptFrame` sealed.
   * @throws STTCryptoError `ERR_STT_AUTHENTICATION`, one for every cause
   */
  decryptFrame(ciphertext: Uint8Array, metadata: Uint8Array, associatedData: StcContext = {}): Uint8Array {
    return decryptFrame(this.#root, ciphertext, metadata, associatedData);
  }

  /**
   * A context whose sealed chunks are apart from those of all others.
   * @param sessionId 8 octets
   * @param streamId 0..2^32-1
   * @throws STTConfigError `ERR_STT_OPTION_RANGE`
   */
  createStreamContext(sessionId: Uint8Array, streamId: number): StreamContext {
    return new StreamContext(this.#root, sessionId, streamId);
  }
}
