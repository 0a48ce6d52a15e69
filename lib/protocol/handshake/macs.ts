import type { CryptoProvider } from '../../ports/crypto.js';
import { MAC_OCTETS, type HandshakeParts } from '../../wire/handshake-messages.js';
import type { SeedKeys } from './seed-keys.js';

/** mac1 of a HELLO (STT §4): `digest` is SHA-256(handshake_id || payload up to mac1). */
export function helloMac1(crypto: CryptoProvider, seed: SeedKeys, digest: Uint8Array): Uint8Array {
  return crypto.hmacSha256(seed.mac1Key, digest).subarray(0, MAC_OCTETS);
}

/** mac1 of a HELLO_RESP: bound to the HELLO it answers (STT §4). */
export function responseMac1(
  crypto: CryptoProvider,
  seed: SeedKeys,
  helloMac: Uint8Array,
  parts: HandshakeParts,
): Uint8Array {
  return crypto
    .hmacSha256(seed.mac1Key, crypto.sha256(parts.handshakeId, helloMac, parts.authenticated))
    .subarray(0, MAC_OCTETS);
}

/** Index of the first seed whose mac1 fits a HELLO, -1 if none does: one hash of the datagram, one short HMAC per seed. */
export function findSeed(crypto: CryptoProvider, seeds: readonly SeedKeys[], parts: HandshakeParts): number {
  const digest = crypto.sha256(parts.handshakeId, parts.authenticated);
  return seeds.findIndex(({ mac1Key }) =>
    crypto.equal(crypto.hmacSha256(mac1Key, digest).subarray(0, MAC_OCTETS), parts.mac1),
  );
}
