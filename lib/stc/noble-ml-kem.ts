import { ml_kem768 as mlKem } from '@noble/post-quantum/ml-kem.js';
import { KEM_CIPHERTEXT, KEM_PUBLIC_KEY, type KemAnswer } from '../ports/kem.js';

/*
 * ML-KEM-768 by @noble, at once: half a millisecond each. 65 KiB of code, so this file is loaded when a key rotation
 * is due, and never at the start.
 */

export function generate(): KemAnswer {
  const { publicKey, secretKey } = mlKem.keygen();
  return { kind: 'generated', publicKey, privateKey: secretKey };
}

export function encapsulate(publicKey: Uint8Array): KemAnswer {
  if (publicKey.length !== KEM_PUBLIC_KEY) return { kind: 'invalid' };
  let made: { cipherText: Uint8Array; sharedSecret: Uint8Array };
  try {
    made = mlKem.encapsulate(publicKey);
  } catch {
    // The modulus check of FIPS 203 §7.2: nothing else can fail.
    return { kind: 'invalid' };
  }
  return { kind: 'encapsulated', ciphertext: made.cipherText, secret: made.sharedSecret };
}

/** Wipes the private key, which is of use once. */
export function decapsulate(privateKey: unknown, ciphertext: Uint8Array): KemAnswer {
  if (!(privateKey instanceof Uint8Array) || ciphertext.length !== KEM_CIPHERTEXT) return { kind: 'invalid' };
  let secret: Uint8Array;
  try {
    secret = mlKem.decapsulate(ciphertext, privateKey);
  } catch {
    return { kind: 'invalid' };
  }
  privateKey.fill(0);
  return { kind: 'decapsulated', secret };
}
