import { AEAD_TAG_OCTETS, NONCE_OCTETS } from './aead-sizes.js';

/*
 * A sealed chunk (STT §8), a whole message whose boundaries the carrier keeps:
 *
 *   salt (16) | index u32 | flags u8 (1 = last) | AES-256-GCM ciphertext | tag (16)
 *   `------------ header, the AAD ------------'
 */

export const SALT_OCTETS = 16;
export const CHUNK_HEADER_OCTETS = SALT_OCTETS + 5;
export const CHUNK_OVERHEAD_OCTETS = CHUNK_HEADER_OCTETS + AEAD_TAG_OCTETS;
export const MAX_CHUNK_OCTETS = 16 * 1_048_576;
/** Chunks of a stream at most: the index is part of the nonce and never repeats. */
export const MAX_CHUNKS = 2 ** 32;
export const CHUNK_KEY_INFO = new TextEncoder().encode('STT v1 chunks');
export const LAST = 0x01;

/** Seven zeros, index and flags: the header's last five octets. */
export function chunkNonce(header: Uint8Array): Uint8Array {
  const nonce = new Uint8Array(NONCE_OCTETS);
  nonce.set(header.subarray(SALT_OCTETS, CHUNK_HEADER_OCTETS), NONCE_OCTETS - 5);
  return nonce;
}
