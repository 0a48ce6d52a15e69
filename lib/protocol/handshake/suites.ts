import { Suite, type CryptoProvider } from '../../ports/crypto.js';

/** The suites a node offers and accepts, best first: ChaCha20-Poly1305 before an AES that is slow (STT §5). */
export function preferredSuites(crypto: CryptoProvider): readonly Suite[] {
  return crypto.fastAes ? [Suite.AES_256_GCM, Suite.CHACHA20_POLY1305] : [Suite.CHACHA20_POLY1305, Suite.AES_256_GCM];
}

/**
 * The suite of a session: the first of the initiator's that this side likes; but one that would rather not have AES
 * takes ChaCha20-Poly1305 wherever it is offered (STT §5). Undefined if they have none in common.
 */
export function chooseSuite(own: readonly Suite[], offered: readonly number[]): Suite | undefined {
  if (own[0] === Suite.CHACHA20_POLY1305 && offered.includes(Suite.CHACHA20_POLY1305)) return own[0];
  for (const suite of offered) {
    const known = own.find((candidate) => candidate === suite);
    if (known !== undefined) return known;
  }
  return undefined;
}
