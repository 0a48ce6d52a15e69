import type { CryptoProvider } from '../../ports/crypto.js';
import { ascii } from '../../wire/ascii.js';

const KEY_OCTETS = 32;
const PSK_SALT = ascii('STT v1 psk');
const NOISE = ascii('noise');
const MAC1 = ascii('mac1');
const COOKIE = ascii('cookie');

/** What the handshake derives from one shared seed (STT §4). */
export interface SeedKeys {
  readonly psk: Uint8Array;
  readonly mac1Key: Uint8Array;
  readonly cookieKey: Uint8Array;
}

/** Derives the handshake's keys of a shared seed. The length of the seed is the caller's to check. */
export function deriveSeedKeys(crypto: CryptoProvider, sharedSeed: Uint8Array): SeedKeys {
  const prk = crypto.hkdfExtract(PSK_SALT, sharedSeed);
  return {
    psk: crypto.hkdfExpand(prk, NOISE, KEY_OCTETS),
    mac1Key: crypto.hkdfExpand(prk, MAC1, KEY_OCTETS),
    cookieKey: crypto.hkdfExpand(prk, COOKIE, KEY_OCTETS),
  };
}
