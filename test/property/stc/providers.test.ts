import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Suite, type CryptoProvider, type NoiseState } from '../../../lib/ports/crypto.js';
import { nobleProvider } from '../../../lib/stc/noble-provider.js';
import { hex, providers } from '../../support/crypto-providers.js';

const octets = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
/** Long enough for several blocks of everything; short ones and empty ones often. */
const data = fc.uint8Array({ maxLength: 300 });
const suite = fc.constantFrom(Suite.AES_256_GCM, Suite.CHACHA20_POLY1305);

/** What each provider makes of it; all must be the same. */
function agree(name: string, of: (crypto: CryptoProvider) => Uint8Array | undefined): Uint8Array | undefined {
  const results = providers.map((crypto) => of(crypto));
  const [first, ...others] = results;
  others.forEach((other, i) => expect(hex(other), `${name}: ${providers[i + 1]!.name} and noble`).toBe(hex(first)));
  return first;
}

describe('All providers agree on', () => {
  it('hashes, HMACs and HKDF', () => {
    fc.assert(
      fc.property(fc.array(data, { maxLength: 4 }), data, fc.integer({ min: 0, max: 200 }), (parts, key, length) => {
        agree('sha256', (crypto) => crypto.sha256(...parts));
        agree('hmacSha256', (crypto) => crypto.hmacSha256(key, ...parts));
        const prk = agree('hkdfExtract', (crypto) => crypto.hkdfExtract(key, parts[0] ?? key))!;
        agree('hkdfExpand', (crypto) => crypto.hkdfExpand(prk, key, length));
      }),
    );
  });

  it('X25519, whatever the octets of the keys', () => {
    fc.assert(
      fc.property(octets(32), octets(32), (privateKey, publicKey) => {
        agree('public key', (crypto) => crypto.keyPair(privateKey).publicKey);
        agree('shared secret', (crypto) => crypto.keyPair(privateKey).agree(publicKey));
      }),
      { numRuns: 50 },
    );
  });

  it('a Noise state, whatever is done to it and its copies', () => {
    const step = fc.record({
      what: fc.constantFrom('mixHash', 'mixKey', 'mixKeyAndHash', 'encrypt', 'decrypt', 'clone'),
      data: fc.uint8Array({ maxLength: 100 }),
    });
    fc.assert(
      fc.property(octets(32), fc.array(step, { maxLength: 20 }), (hash, steps) => {
        const seal = (crypto: CryptoProvider, upTo: number): NoiseState => {
          const state = crypto.noiseState(hash);
          for (const { what, data } of steps.slice(0, upTo))
            if (what !== 'clone' && what !== 'decrypt') state[what](data);
          return state;
        };
        agree('state', (crypto) => {
          let state = crypto.noiseState(hash);
          const seen: Uint8Array[] = [];
          for (const [i, { what, data }] of steps.entries()) {
            if (what === 'clone') {
              const copy = state.clone();
              state.mixHash(data);
              state.mixKey(data);
              state = copy;
            } else if (what === 'decrypt') {
              // What is not authentic is refused, on a copy, and what another sealed in the same state is opened.
              if (state.hasKey) expect(state.clone().decrypt(data)).toBeUndefined();
              expect(state.clone().decrypt(seal(nobleProvider, i).encrypt(data))).toEqual(data);
            } else {
              const out = state[what](data);
              if (out !== undefined) seen.push(out);
            }
          }
          seen.push(Uint8Array.of(Number(state.hasKey)), state.split());
          return Uint8Array.from(seen.flatMap((part) => [...part]));
        });
      }),
      { numRuns: 100 },
    );
  });

  it('sealed texts, and each opens what the others sealed, unless it was changed', () => {
    const kinds = ['ChaCha20Poly1305', 'Aes256Gcm', 'Xaes256Gcm'] as const;
    fc.assert(
      fc.property(
        fc.constantFrom(...kinds),
        octets(32),
        octets(24),
        data,
        data,
        fc.nat(),
        (kind, key, n, aad, text, at) => {
          const nonce = kind === 'Xaes256Gcm' ? n : n.subarray(0, 12);
          const sealed = agree('seal', (crypto) => crypto[`seal${kind}`](key, nonce, aad, text))!;
          expect(hex(agree('open', (crypto) => crypto[`open${kind}`](key, nonce, aad, sealed)))).toBe(hex(text));
          const changed = sealed.slice();
          changed[at % changed.length]! ^= 1 << (at % 8);
          expect(agree('open', (crypto) => crypto[`open${kind}`](key, nonce, aad, changed))).toBeUndefined();
        },
      ),
    );
  });

  it('many texts under one key, whose nonces have their first half in common or not', () => {
    const step = fc.record({ first: fc.nat(2), last: octets(12), aad: data, plaintext: data, changes: fc.boolean() });
    fc.assert(
      fc.property(octets(32), octets(12), fc.array(step, { maxLength: 8 }), (key, half, steps) => {
        const ciphers = new Map(providers.map((crypto) => [crypto, crypto.createXaesCipher(key)]));
        for (const { first, last, aad, plaintext, changes } of steps) {
          const nonce = Uint8Array.from([...half.map((octet) => octet ^ first), ...last]);
          const length = plaintext.length + 16;
          const sealed = agree('seal', (crypto) => {
            const out = new Uint8Array(length + 5);
            expect(ciphers.get(crypto)!.seal(nonce, aad, plaintext, out, 5)).toBe(length);
            return out.subarray(5);
          })!;
          expect(hex(sealed)).toBe(hex(providers[0]!.sealXaes256Gcm(key, nonce, aad, plaintext)));
          if (changes) sealed[last[0]! % length]! ^= 1;
          for (const cipher of ciphers.values()) {
            const out = new Uint8Array(plaintext.length + 3);
            expect(cipher.open(nonce, aad, sealed, out, 3)).toBe(!changes);
            expect(hex(out.subarray(3))).toBe(hex(changes ? new Uint8Array(plaintext.length) : plaintext));
          }
        }
      }),
    );
  });

  it('packets: sealed in place after head and body, opened only with the right tag', () => {
    fc.assert(
      fc.property(suite, octets(32), octets(12), octets(13), data, data, (which, key, nonce, aad, head, body) => {
        const begin = 5;
        const length = head.length + body.length + 16;
        const packet = agree('seal', (crypto) => {
          const out = new Uint8Array(begin + length + 3).fill(0xee);
          expect(crypto.createPacketCipher(which, key).seal(nonce, aad, head, body, out, begin)).toBe(length);
          return out;
        })!;
        expect([...packet.subarray(0, begin), ...packet.subarray(begin + length)]).toEqual(new Array(8).fill(0xee));
        const sealed = packet.subarray(begin, begin + length);
        for (const crypto of providers) {
          const cipher = crypto.createPacketCipher(which, key);
          const out = new Uint8Array(length + 7);
          expect(cipher.open(nonce, aad, sealed, out, 7)).toBe(true);
          expect(hex(out.subarray(7, length - 9))).toBe(hex(Uint8Array.from([...head, ...body])));
          const changed = sealed.slice();
          changed[changed.length - 1]! ^= 1;
          expect(cipher.open(nonce, aad, changed, out, 7)).toBe(false);
          // The cipher is none the worse for it.
          expect(cipher.open(nonce, aad, sealed, out, 7)).toBe(true);
        }
      }),
    );
  });

  it('header protection', () => {
    fc.assert(
      fc.property(suite, octets(32), fc.array(octets(16), { minLength: 1, maxLength: 3 }), (which, key, samples) => {
        agree('mask', (crypto) => {
          const cipher = crypto.createHeaderCipher(which, key);
          return Uint8Array.from(samples.flatMap((sample) => [...cipher.mask(sample).subarray(0, 5)]));
        });
      }),
    );
  });
});

describe('A provider', () => {
  it.each(providers)('$name neither keeps nor changes what it is given, and gives memory of its own', (crypto) => {
    const key = new Uint8Array(32).fill(7);
    const nonce = new Uint8Array(12).fill(1);
    const aad = Uint8Array.of(1, 2, 3);
    const text = new Uint8Array(50).fill(9);
    const cipher = crypto.createPacketCipher(Suite.AES_256_GCM, key);
    const header = crypto.createHeaderCipher(Suite.CHACHA20_POLY1305, key);
    const sealed = crypto.sealAes256Gcm(key, nonce, aad, text);
    const mask = hex(header.mask(new Uint8Array(16)));
    expect([key[0], nonce[0], aad[0], text[0]]).toEqual([7, 1, 1, 9]);
    key.fill(0);
    const out = new Uint8Array(66);
    cipher.seal(nonce, aad, text.subarray(0, 10), text.subarray(10), out, 0);
    expect(hex(out)).toBe(hex(sealed));
    expect(hex(header.mask(new Uint8Array(16)))).toBe(mask);
    for (const result of [sealed, crypto.sha256(aad), crypto.hmacSha256(key, aad), crypto.randomBytes(8)]) {
      expect(result.buffer.byteLength).toBe(result.length);
      expect(Object.getPrototypeOf(result)).toBe(Uint8Array.prototype);
    }
  });
});
