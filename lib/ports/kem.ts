/** Sizes of ML-KEM-768 (FIPS 203, table 3), in octets. */
export const KEM_PUBLIC_KEY = 1_184;
export const KEM_CIPHERTEXT = 1_088;
export const KEM_SECRET = 32;

/** What came of a question to `Kem`. */
export type KemAnswer =
  | {
      readonly kind: 'generated';
      /** KEM_PUBLIC_KEY octets. */
      readonly publicKey: Uint8Array;
      /** For `decapsulate` of the same `Kem`, once. */
      readonly privateKey: unknown;
    }
  | {
      readonly kind: 'encapsulated';
      /** KEM_CIPHERTEXT octets. */
      readonly ciphertext: Uint8Array;
      /** KEM_SECRET octets, the asker's to wipe. */
      readonly secret: Uint8Array;
    }
  | { readonly kind: 'decapsulated'; readonly secret: Uint8Array }
  /** The public key is none (FIPS 203 §7.2), or something has the wrong length. */
  | { readonly kind: 'invalid' }
  /** It cannot be computed here. */
  | { readonly kind: 'failed'; readonly why: string };

/**
 * ML-KEM-768, the post-quantum key exchange of key rotation (STT §5). Two implementations, tested against each other:
 * that of `node:crypto`, and @noble. Each answer comes later, never from within the call, and exactly once.
 */
export interface Kem {
  /** Gets ready, if there is something to get ready, so that the first question costs no more than the others. */
  prepare?(): void;
  generate(done: (answer: KemAnswer) => void): void;
  encapsulate(publicKey: Uint8Array, done: (answer: KemAnswer) => void): void;
  decapsulate(privateKey: unknown, ciphertext: Uint8Array, done: (answer: KemAnswer) => void): void;
}
