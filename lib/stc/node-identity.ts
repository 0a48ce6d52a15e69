import type { CryptoProvider, KeyPair } from '../ports/crypto.js';
import { ascii } from '../wire/ascii.js';
import { identityKeyPair } from './cke.js';
import { StcRoot } from './stc-root.js';

/** The identity under which a node proves itself (STT §2). */
export const NODE_IDENTITY = ascii('stt_node_identity');
const HASH_OCTETS = 32;

/**
 * The static keys of a node; the public one is its node id (STT §2).
 * @throws STTCryptoError `ERR_STT_SEED_TOO_SHORT`
 */
export function nodeKeyPair(crypto: CryptoProvider, nodeSeed: Uint8Array): KeyPair {
  return identityKeyPair(new StcRoot(crypto, nodeSeed, 'nodeSeed'), NODE_IDENTITY);
}

/**
 * Key of a node's stateless-reset tokens (STT §5). `instance` must differ between processes that share the seed.
 * @throws STTCryptoError `ERR_STT_SEED_TOO_SHORT`
 */
export function nodeResetKey(crypto: CryptoProvider, nodeSeed: Uint8Array, instance: string): Uint8Array {
  return new StcRoot(crypto, nodeSeed, 'nodeSeed').expand('reset', new TextEncoder().encode(instance), HASH_OCTETS);
}
