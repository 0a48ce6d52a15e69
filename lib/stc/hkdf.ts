/** HMAC-SHA-256 of the concatenation of `parts`. */
export type Hmac = (key: Uint8Array, ...parts: readonly Uint8Array[]) => Uint8Array;

const HASH_OCTETS = 32;
/** RFC 5869: 255 blocks. */
const MAX_OCTETS = 255 * HASH_OCTETS;
const ZEROS = new Uint8Array(HASH_OCTETS);

/** RFC 5869 §2.2; an empty salt is 32 zeros. */
export function hkdfExtract(hmac: Hmac, salt: Uint8Array, ikm: Uint8Array): Uint8Array {
  return hmac(salt.length === 0 ? ZEROS : salt, ikm);
}

/** RFC 5869 §2.3. */
export function hkdfExpand(hmac: Hmac, prk: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  checkExpandLength(length);
  // All keys of STT are of one block; this way they cost one HMAC and no copy.
  if (length === HASH_OCTETS) return hmac(prk, info, Uint8Array.of(1));
  const out = new Uint8Array(length);
  let block = new Uint8Array(0);
  for (let at = 0, counter = 1; at < length; at += HASH_OCTETS, counter++) {
    block = new Uint8Array(hmac(prk, block, info, Uint8Array.of(counter)));
    out.set(block.subarray(0, Math.min(HASH_OCTETS, length - at)), at);
  }
  return out;
}

/** @throws RangeError beyond what RFC 5869 allows */
export function checkExpandLength(length: number): void {
  if (!Number.isInteger(length) || length < 0 || length > MAX_OCTETS) {
    throw new RangeError(`HKDF gives 0 to ${MAX_OCTETS} octets, not ${length}`);
  }
}
