import { createCipheriv, createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { deriveXaesKey } from '../../../lib/stc/xaes.js';
import { bytes, describeProviders, hex, text } from '../../support/crypto-providers.js';
import { describeVectors } from '../../support/vectors.js';

interface Wycheproof<T> {
  readonly numberOfTests: number;
  readonly testGroups: readonly { readonly keySize: number; readonly ivSize: number; readonly tests: readonly T[] }[];
}
interface AeadTest {
  readonly tcId: number;
  readonly key: string;
  readonly iv: string;
  readonly aad: string;
  readonly msg: string;
  readonly ct: string;
  readonly tag: string;
  readonly result: 'valid' | 'invalid' | 'acceptable';
}
interface HkdfTest {
  readonly tcId: number;
  readonly ikm: string;
  readonly salt: string;
  readonly info: string;
  readonly size: number;
  readonly okm: string;
  readonly result: 'valid' | 'invalid' | 'acceptable';
}

describeVectors<Wycheproof<AeadTest>>('Wycheproof AES-GCM', 'wycheproof_aes_gcm_test.json', (data) => {
  describeProviders('AES-256-GCM', (crypto) => {
    it('seals and opens what is valid and refuses what is not, with keys of 32 octets and nonces of 12', () => {
      let count = 0;
      for (const { keySize, ivSize, tests } of data.testGroups) {
        if (keySize !== 256 || ivSize !== 96) continue;
        for (const test of tests) {
          const [key, nonce, aad, plaintext] = [test.key, test.iv, test.aad, test.msg].map(bytes) as [
            Uint8Array,
            Uint8Array,
            Uint8Array,
            Uint8Array,
          ];
          const sealed = bytes(test.ct + test.tag);
          const label = `test case ${test.tcId}`;
          if (test.result === 'valid') {
            expect(hex(crypto.sealAes256Gcm(key, nonce, aad, plaintext)), label).toBe(hex(sealed));
            expect(hex(crypto.openAes256Gcm(key, nonce, aad, sealed)), label).toBe(test.msg);
          } else {
            expect(crypto.openAes256Gcm(key, nonce, aad, sealed), label).toBeUndefined();
          }
          count++;
        }
      }
      expect(count).toBe(66);
    });

    it('refuses keys and nonces of every other size', () => {
      let count = 0;
      for (const { keySize, ivSize, tests } of data.testGroups) {
        if (keySize === 256 && ivSize === 96) continue;
        for (const test of tests) {
          const call = (): unknown =>
            crypto.sealAes256Gcm(bytes(test.key), bytes(test.iv), bytes(test.aad), bytes(test.msg));
          expect(call, `test case ${test.tcId}`).toThrow(RangeError);
          const open = (): unknown =>
            crypto.openAes256Gcm(bytes(test.key), bytes(test.iv), bytes(test.aad), bytes(test.ct + test.tag));
          expect(open, `test case ${test.tcId}`).toThrow(RangeError);
          count++;
        }
      }
      expect(count).toBe(data.numberOfTests - 66);
    });
  });
});

describeVectors<Wycheproof<HkdfTest>>('Wycheproof HKDF', 'wycheproof_hkdf_sha256_test.json', (data) => {
  describeProviders('HKDF-SHA-256', (crypto) => {
    it('derives what is valid and refuses what is too long', () => {
      let count = 0;
      for (const { tests } of data.testGroups) {
        for (const test of tests) {
          const derive = (): Uint8Array =>
            crypto.hkdfExpand(crypto.hkdfExtract(bytes(test.salt), bytes(test.ikm)), bytes(test.info), test.size);
          if (test.result === 'valid') expect(hex(derive()), `test case ${test.tcId}`).toBe(test.okm);
          else expect(derive, `test case ${test.tcId}`).toThrow(RangeError);
          count++;
        }
      }
      expect(count).toBe(data.numberOfTests);
    });
  });
});

interface Xaes {
  readonly vectors: readonly {
    readonly key: string;
    readonly nonce_ascii: string;
    readonly derived_key: string;
    readonly plaintext_ascii: string;
    readonly aad_ascii: string;
    readonly ciphertext: string;
  }[];
  readonly accumulated: { readonly iterations: number; readonly hash: string };
}

describeVectors<Xaes>('XAES-256-GCM of C2SP', 'xaes_256_gcm.json', ({ vectors, accumulated }) => {
  it.each(vectors)('derives the key $derived_key', ({ key, nonce_ascii, derived_key }) => {
    const aes = (k: Uint8Array, blocks: Uint8Array): Uint8Array =>
      createCipheriv('aes-256-ecb', k, null).setAutoPadding(false).update(blocks);
    const derived = deriveXaesKey(aes, bytes(key), text(nonce_ascii));
    expect(hex(derived.key)).toBe(derived_key);
    expect(hex(derived.nonce)).toBe(hex(text(nonce_ascii.slice(12))));
  });

  describeProviders('XAES-256-GCM', (crypto) => {
    it.each(vectors)('gives the octets $ciphertext', ({ key, nonce_ascii, plaintext_ascii, aad_ascii, ciphertext }) => {
      const [nonce, aad] = [text(nonce_ascii), text(aad_ascii)];
      expect(hex(crypto.sealXaes256Gcm(bytes(key), nonce, aad, text(plaintext_ascii)))).toBe(ciphertext);
      expect(hex(crypto.openXaes256Gcm(bytes(key), nonce, aad, bytes(ciphertext)))).toBe(hex(text(plaintext_ascii)));
      const changed = bytes(ciphertext);
      changed[0]! ^= 1;
      expect(crypto.openXaes256Gcm(bytes(key), nonce, aad, changed)).toBeUndefined();
    });

    it('gives the octets of ten thousand accumulated texts', () => {
      // SHAKE has a longer output begin with the shorter ones, so one call gives the whole stream.
      const longest = accumulated.iterations * (32 + 24 + 2 * 256);
      const stream = new Uint8Array(createHash('shake128', { outputLength: longest }).digest());
      let at = 0;
      const take = (length: number): Uint8Array => stream.subarray(at, (at += length));
      const hash = createHash('shake128', { outputLength: 32 });
      for (let i = 0; i < accumulated.iterations; i++) {
        const key = take(32);
        const nonce = take(24);
        const plaintext = take(take(1)[0]!);
        const aad = take(take(1)[0]!);
        const sealed = crypto.sealXaes256Gcm(key, nonce, aad, plaintext);
        hash.update(sealed);
        // Opening is proven by a part of them, since noble takes its time.
        if (i % 50 === 0) expect(hex(crypto.openXaes256Gcm(key, nonce, aad, sealed))).toBe(hex(plaintext));
      }
      expect(hash.digest('hex')).toBe(accumulated.hash);
    });

    it('refuses keys and nonces of another size', () => {
      const empty = new Uint8Array(0);
      expect(() => crypto.sealXaes256Gcm(new Uint8Array(32), new Uint8Array(12), empty, empty)).toThrow(RangeError);
      expect(() => crypto.openXaes256Gcm(new Uint8Array(16), new Uint8Array(24), empty, empty)).toThrow(RangeError);
    });
  });
});
