/** Cheap randomness for jitter and skipped packet numbers. Secrets come from `CryptoProvider.randomBytes`. */
export interface Random {
  /** An integer in 0..2^32-1. */
  u32(): number;
}
