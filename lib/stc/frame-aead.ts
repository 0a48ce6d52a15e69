import { sttError } from '../errors.js';
import { serializeStt } from '../wire/serialization.js';
import { KEY_OCTETS, XAES_NONCE_OCTETS } from './aead-sizes.js';
import type { StcContext } from './stc-context.js';
import type { StcRoot } from './stc-root.js';

/** First octet of the metadata: XAES-256-GCM, its nonce follows. */
const XAES = 0x01;
const EMPTY = new Uint8Array(0);

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
  const ciphertext = root.crypto.sealXaes256Gcm(frameKey(root), nonce, serializeStt(context), payload);
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
  const opened =
    metadata.length === 1 + XAES_NONCE_OCTETS && metadata[0] === XAES
      ? root.crypto.openXaes256Gcm(frameKey(root), metadata.subarray(1), serializeStt(context), ciphertext)
      : undefined;
  if (opened === undefined) throw sttError('ERR_STT_AUTHENTICATION');
  return opened;
}

function frameKey(root: StcRoot): Uint8Array {
  return root.expand('frame', EMPTY, KEY_OCTETS);
}
