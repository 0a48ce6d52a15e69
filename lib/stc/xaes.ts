import type { CryptoProvider, XaesCipher } from '../ports/crypto.js';
import { checkAeadSizes, checkKeySize, NONCE_OCTETS, XAES_NONCE_OCTETS } from './aead-sizes.js';

/*
 * XAES-256-GCM (c2sp.org/XAES-256-GCM): AES-256-GCM under a key derived from the first half of a 24-octet nonce, by
 * CMAC as key-derivation function (SP 800-108r1). With so long a nonce, random ones never meet.
 */

const BLOCK_OCTETS = 16;

/** AES-256 of each 16-octet block of `blocks`, by itself (ECB). */
export type AesBlocks = (key: Uint8Array, blocks: Uint8Array) => Uint8Array;

/** Key and nonce under which AES-256-GCM is to be used. */
export interface DerivedKey {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
}

/** @throws RangeError for other sizes than 32 and 24 octets */
export function deriveXaesKey(aes: AesBlocks, key: Uint8Array, nonce: Uint8Array): DerivedKey {
  checkAeadSizes(key, nonce, XAES_NONCE_OCTETS);
  const subkey = doubled(aes(key, new Uint8Array(BLOCK_OCTETS)));
  const blocks = new Uint8Array(2 * BLOCK_OCTETS);
  for (let counter = 1; counter <= 2; counter++) {
    const at = (counter - 1) * BLOCK_OCTETS;
    blocks[at + 1] = counter;
    blocks[at + 2] = 0x58; // 'X'
    blocks.set(nonce.subarray(0, NONCE_OCTETS), at + 4);
    for (let i = 0; i < BLOCK_OCTETS; i++) blocks[at + i]! ^= subkey[i]!;
  }
  return { key: aes(key, blocks), nonce: nonce.subarray(NONCE_OCTETS) };
}

/** Times x in GF(2^128): the subkey of CMAC for whole blocks (SP 800-38B §6.1). */
function doubled(block: Uint8Array): Uint8Array {
  const out = new Uint8Array(BLOCK_OCTETS);
  for (let i = 0; i < BLOCK_OCTETS; i++) out[i] = (block[i]! << 1) | ((block[i + 1] ?? 0) >>> 7);
  // No branch on a secret bit.
  out[BLOCK_OCTETS - 1]! ^= 0x87 & -(block[0]! >>> 7);
  return out;
}

/** The cipher for many texts of a provider that does each by itself. */
export function xaesCipher(
  { sealXaes256Gcm, openXaes256Gcm }: Pick<CryptoProvider, 'sealXaes256Gcm' | 'openXaes256Gcm'>,
  key: Uint8Array,
): XaesCipher {
  checkKeySize(key);
  const own = Uint8Array.from(key);
  return {
    seal(nonce, aad, plaintext, out, outBegin) {
      const sealed = sealXaes256Gcm(own, nonce, aad, plaintext);
      out.set(sealed, outBegin);
      return sealed.length;
    },
    open(nonce, aad, sealed, out, outBegin) {
      const plaintext = openXaes256Gcm(own, nonce, aad, sealed);
      if (plaintext !== undefined) out.set(plaintext, outBegin);
      return plaintext !== undefined;
    },
  };
}
