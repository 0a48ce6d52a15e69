export const KEY_OCTETS = 32;
export const NONCE_OCTETS = 12;
export const XAES_NONCE_OCTETS = 24;
export const AEAD_TAG_OCTETS = 16;

/**
 * The sizes that STT uses and no others: GCM as such would take any nonce, and hash it.
 * @throws RangeError
 */
export function checkAeadSizes(key: Uint8Array, nonce: Uint8Array, nonceOctets: number = NONCE_OCTETS): void {
  checkKeySize(key);
  if (nonce.length !== nonceOctets) throw new RangeError(`the nonce has ${nonce.length} octets, not ${nonceOctets}`);
}

/** @throws RangeError */
export function checkKeySize(key: Uint8Array): void {
  if (key.length !== KEY_OCTETS) throw new RangeError(`the key has ${key.length} octets, not ${KEY_OCTETS}`);
}
