import { sttError } from '../errors.js';
import { serializeStt } from '../wire/serialization.js';
import { AEAD_TAG_OCTETS, XAES_NONCE_OCTETS } from './aead-sizes.js';
import type { StcContext } from './stc-context.js';
import type { StcRoot } from './stc-root.js';

/** First octet of the metadata: XAES-256-GCM, its nonce follows. */
const XAES = 0x01;

/** A sealed payload and what is needed, besides the seed, to open it. */
export interface EncryptedFrame {
  /** As long as the payload, and 16 octets of tag. */
  readonly ciphertext: Uint8Array;
  /** 25 octets. */
  readonly metadata: Uint8Array;
}

/** Seals a payload together with a context (STT §2). */
export function encryptFrame(root: StcRoot, payload: Uint8Array, context: StcContext): EncryptedFrame {
  const nonce = root.crypto.randomBytes(XAES_NONCE_OCTETS);
  const metadata = new Uint8Array(1 + XAES_NONCE_OCTETS);
  metadata[0] = XAES;
  metadata.set(nonce, 1);
  const ciphertext = new Uint8Array(payload.length + AEAD_TAG_OCTETS);
  root.frameCipher.seal(nonce, serializeStt(context), payload, ciphertext, 0);
  return { ciphertext, metadata };
}

/**
 * Opens what `encryptFrame` sealed under the same seed and context.
 * @throws STTCryptoError `ERR_STT_AUTHENTICATION`, one for every cause
 */
export function decryptFrame(
  root: StcRoot,
  ciphertext: Uint8Array,
  metadata: Uint8Array,
  context: StcContext,
): Uint8Array {
  const aad = serializeStt(context);
  const isWhole =
    metadata.length === 1 + XAES_NONCE_OCTETS && metadata[0] === XAES && ciphertext.length >= AEAD_TAG_OCTETS;
  if (!isWhole) throw sttError('ERR_STT_AUTHENTICATION');
  const payload = new Uint8Array(ciphertext.length - AEAD_TAG_OCTETS);
  if (!root.frameCipher.open(metadata.subarray(1), aad, ciphertext, payload, 0)) {
    throw sttError('ERR_STT_AUTHENTICATION');
  }
  return payload;
}
