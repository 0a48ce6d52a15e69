// Sealing and opening one packet, by the interface that the JS engine and the handshake use.
import { Suite } from '../../dist/ports/crypto.js';
import { byProvider } from './providers.mjs';

const SIZES = [64, 256, 1355, 8_927, 65_462];
const SUITES = { 'AES-256-GCM': Suite.AES_256_GCM, 'ChaCha20-Poly1305': Suite.CHACHA20_POLY1305 };
const KEY = new Uint8Array(32).fill(1);
const AAD = new Uint8Array(13);
const HEAD = new Uint8Array(0);
const NONCE = new Uint8Array(12);

function sealing(provider, suite, size) {
  const cipher = provider.createPacketCipher(suite, KEY);
  const body = new Uint8Array(size).fill(7);
  const out = new Uint8Array(size + 16);
  return () => cipher.seal(NONCE, AAD, HEAD, body, out, 0);
}

function opening(provider, suite, size) {
  const cipher = provider.createPacketCipher(suite, KEY);
  const sealed = new Uint8Array(size + 16);
  cipher.seal(NONCE, AAD, HEAD, new Uint8Array(size).fill(7), sealed, 0);
  const out = new Uint8Array(size);
  return () => {
    if (!cipher.open(NONCE, AAD, sealed, out, 0)) throw new Error('does not open');
  };
}

export const title = 'one packet sealed, opened; octets of payload';
export const cases = Object.entries(SUITES).flatMap(([suite, id]) =>
  SIZES.flatMap((octets) => [
    { name: `${suite}, seal ${octets}`, octets, variants: byProvider((it) => sealing(it, id, octets)) },
    { name: `${suite}, open ${octets}`, octets, variants: byProvider((it) => opening(it, id, octets)) },
  ]),
);
