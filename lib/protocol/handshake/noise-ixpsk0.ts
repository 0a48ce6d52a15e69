import type { CryptoProvider, KeyPair } from '../../ports/crypto.js';
import { ascii } from '../../wire/ascii.js';
import { NoiseHandshake, noiseProtocol, type NoisePattern, type NoiseProtocol } from '../noise.js';

/** IX of Noise §7.5, with psk0 (§9.4): each side tells its static key. */
export const IXPSK0: NoisePattern = {
  initiatorKnown: false,
  responderKnown: false,
  messages: [
    ['psk', 'e', 's'],
    ['e', 'ee', 'se', 's', 'es'],
  ],
};
const PROLOGUE = ascii('STT v1');

/** The same for all nodes, whatever computes it. */
let protocol: NoiseProtocol | undefined;

/** Noise_IXpsk0_25519_ChaChaPoly_SHA256. */
export function ixpsk0(crypto: CryptoProvider): NoiseProtocol {
  protocol ??= noiseProtocol(crypto, 'IXpsk0', IXPSK0);
  return protocol;
}

/** One side of STT's handshake before its first message (STT §4). */
export function startNoise(
  crypto: CryptoProvider,
  protocol: NoiseProtocol,
  initiator: boolean,
  handshakeId: Uint8Array,
  psk: Uint8Array,
  staticKeys: KeyPair,
): NoiseHandshake {
  const prologue = new Uint8Array(PROLOGUE.length + handshakeId.length);
  prologue.set(PROLOGUE);
  prologue.set(handshakeId, PROLOGUE.length);
  return NoiseHandshake.start(crypto, protocol, initiator, { prologue, s: staticKeys, psks: [psk] });
}

/** A fresh X25519 key pair. */
export function freshKeyPair(crypto: CryptoProvider): KeyPair {
  return crypto.keyPair(crypto.randomBytes(32));
}
