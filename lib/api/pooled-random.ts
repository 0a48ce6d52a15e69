import type { CryptoProvider } from '../ports/crypto.js';
import type { Random } from '../ports/random.js';

/** Words out of a block of random octets, so that a number costs no call of the system. */
export function pooledRandom(crypto: CryptoProvider): Random {
  const words = new Uint32Array(64);
  let left = 0;
  return {
    u32: () => {
      if (left === 0) {
        new Uint8Array(words.buffer).set(crypto.randomBytes(words.byteLength));
        left = words.length;
      }
      return words[--left]!;
    },
  };
}
