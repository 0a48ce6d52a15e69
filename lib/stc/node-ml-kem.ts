import * as crypto from 'node:crypto';
import { KEM_CIPHERTEXT, KEM_PUBLIC_KEY, type Kem, type KemAnswer } from '../ports/kem.js';

/** A DER SubjectPublicKeyInfo of ML-KEM-768 up to the key itself (RFC 9935). */
const SPKI = Buffer.from('308204b2300b0609608648016503040402038204a100', 'hex');

type Done<T> = (error: Error | null, value: T) => void;

/** What Node has from 24.7 on, and the types of Node 20 do not know. */
interface KemFunctions {
  generateKeyPair(
    type: 'ml-kem-768',
    options: object,
    done: (error: Error | null, publicKey: crypto.KeyObject, privateKey: crypto.KeyObject) => void,
  ): void;
  encapsulate(key: crypto.KeyObject, done: Done<{ sharedKey: Uint8Array; ciphertext: Uint8Array }>): void;
  decapsulate(key: crypto.KeyObject, ciphertext: Uint8Array, done: Done<Uint8Array>): void;
}

/** ML-KEM-768 of `node:crypto`, on libuv's threads; undefined if this Node has none. */
export function nodeMlKem(): Kem | undefined {
  const { encapsulate, decapsulate, generateKeyPair } = crypto as unknown as Partial<KemFunctions>;
  if (typeof encapsulate !== 'function' || typeof decapsulate !== 'function' || generateKeyPair === undefined)
    return undefined;
  // A Node that is linked with an older OpenSSL has the functions, but not the keys.
  if (readKey(spki(new Uint8Array(KEM_PUBLIC_KEY))) === undefined) return undefined;
  return {
    generate(done) {
      generateKeyPair('ml-kem-768', {}, (error, publicKey, privateKey) => {
        if (error !== null) return done(failed(error));
        const der = publicKey.export({ format: 'der', type: 'spki' });
        done({ kind: 'generated', publicKey: new Uint8Array(der.subarray(SPKI.length)), privateKey });
      });
    },
    encapsulate(publicKey, done) {
      const key = publicKey.length === KEM_PUBLIC_KEY ? readKey(spki(publicKey)) : undefined;
      if (key === undefined) return later(done, { kind: 'invalid' });
      encapsulate(key, (error, value) => {
        if (error !== null) return done(failed(error));
        done({
          kind: 'encapsulated',
          ciphertext: new Uint8Array(value.ciphertext),
          secret: new Uint8Array(value.sharedKey),
        });
      });
    },
    decapsulate(privateKey, ciphertext, done) {
      if (!(privateKey instanceof crypto.KeyObject) || ciphertext.length !== KEM_CIPHERTEXT) {
        return later(done, { kind: 'invalid' });
      }
      decapsulate(privateKey, ciphertext, (error, secret) => {
        if (error !== null) return done(failed(error));
        done({ kind: 'decapsulated', secret: new Uint8Array(secret) });
      });
    },
  };
}

function spki(publicKey: Uint8Array): Buffer {
  return Buffer.concat([SPKI, publicKey]);
}

/** OpenSSL checks the modulus (FIPS 203 §7.2) as it reads a key. */
function readKey(der: Buffer): crypto.KeyObject | undefined {
  try {
    return crypto.createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
}

function failed(error: Error): KemAnswer {
  return { kind: 'failed', why: error.message };
}

function later(done: (answer: KemAnswer) => void, answer: KemAnswer): void {
  setImmediate(done, answer);
}
