import { Suite } from '../ports/crypto.js';

/** Largest packet for which AES-GCM may seal 2^28 of them under one key; beyond it 2^23 (STT §5). */
const SMALL_PACKET = 2048;

/** Packets that one key may seal. */
export function sealLimit(suite: Suite, packetSize: number): number {
  if (suite === Suite.CHACHA20_POLY1305) return Number.MAX_SAFE_INTEGER;
  return packetSize <= SMALL_PACKET ? 2 ** 28 : 2 ** 23;
}
