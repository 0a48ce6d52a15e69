import type { CryptoProvider, KeyPair } from '../ports/crypto.js';
import { ascii } from '../wire/ascii.js';
import { serializeStt } from '../wire/serialization.js';
import type { StcContext } from './stc-context.js';
import type { StcRoot } from './stc-root.js';

/** Keys, scalars and identities are all of this size. */
const KEY_OCTETS = 32;
const ROTATE = ascii('STC v1 rotate');

/** A key for a context (STT §2, CKE): 32 octets. */
export function deriveSessionKey(root: StcRoot, context: StcContext): Uint8Array {
  return root.expand('cke', serializeStt(context), KEY_OCTETS);
}

/** The key that follows `key`, given a nonce both sides know (STT §2): 32 octets. */
export function rotateSessionKey(crypto: CryptoProvider, key: Uint8Array, nonce: Uint8Array): Uint8Array {
  return crypto.hkdfExpand(crypto.hkdfExtract(nonce, key), ROTATE, KEY_OCTETS);
}

/** The X25519 key pair of an identity; its public key is the node id (STT §2). */
export function identityKeyPair(root: StcRoot, identity: Uint8Array): KeyPair {
  const privateKey = root.expand('node', identity, KEY_OCTETS);
  return root.crypto.keyPair(privateKey);
}
