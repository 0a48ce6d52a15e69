import { expect, it } from 'vitest';
import { Suite } from '../../../lib/ports/crypto.js';
import { bytes, describeProviders, hex, text } from '../../support/crypto-providers.js';

const range = (first: number, count: number): Uint8Array => Uint8Array.from({ length: count }, (_, i) => first + i);
const filled = (value: number, count: number): Uint8Array => new Uint8Array(count).fill(value);
const EMPTY = new Uint8Array(0);

describeProviders('SHA-256 and HMAC', (crypto) => {
  it('hashes the concatenation of its parts (FIPS 180-4)', () => {
    expect(hex(crypto.sha256(text('a'), EMPTY, text('bc')))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
    expect(hex(crypto.sha256())).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });

  // RFC 4231 §4.2-§4.8; case 5 truncates.
  const cases: readonly [number, Uint8Array, Uint8Array, string][] = [
    [1, filled(0x0b, 20), text('Hi There'), 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
    [
      2,
      text('Jefe'),
      text('what do ya want for nothing?'),
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    ],
    [3, filled(0xaa, 20), filled(0xdd, 50), '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe'],
    [4, range(1, 25), filled(0xcd, 50), '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b'],
    [5, filled(0x0c, 20), text('Test With Truncation'), 'a3b6167473100ee06e0c796c2955552b'],
    [
      6,
      filled(0xaa, 131),
      text('Test Using Larger Than Block-Size Key - Hash Key First'),
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    ],
    [
      7,
      filled(0xaa, 131),
      text(
        'This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.',
      ),
      '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
    ],
  ];
  it.each(cases)('agrees with RFC 4231 case %i', (_, key, data, mac) => {
    expect(hex(crypto.hmacSha256(key, data))!.slice(0, mac.length)).toBe(mac);
    expect(hex(crypto.hmacSha256(key, data.subarray(0, 3), data.subarray(3)))!.slice(0, mac.length)).toBe(mac);
  });
});

describeProviders('HKDF', (crypto) => {
  // RFC 5869 appendix A.1-A.3.
  it.each([
    {
      ikm: filled(0x0b, 22),
      salt: range(0, 13),
      info: range(0xf0, 10),
      prk: '077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5',
      okm: '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    },
    {
      ikm: range(0, 80),
      salt: range(0x60, 80),
      info: range(0xb0, 80),
      prk: '06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244',
      okm: 'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87',
    },
    {
      ikm: filled(0x0b, 22),
      salt: EMPTY,
      info: EMPTY,
      prk: '19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04',
      okm: '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
    },
  ])('agrees with RFC 5869 ($okm)', ({ ikm, salt, info, prk, okm }) => {
    expect(hex(crypto.hkdfExtract(salt, ikm))).toBe(prk);
    expect(hex(crypto.hkdfExpand(bytes(prk), info, okm.length / 2))).toBe(okm);
  });

  it('gives 0 to 8,160 octets and refuses more', () => {
    expect(crypto.hkdfExpand(filled(1, 32), EMPTY, 0).length).toBe(0);
    expect(crypto.hkdfExpand(filled(1, 32), EMPTY, 8160).length).toBe(8160);
    expect(() => crypto.hkdfExpand(filled(1, 32), EMPTY, 8161)).toThrow(RangeError);
  });
});

// RFC 7748 §6.1.
const ALICE = {
  secret: '77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a',
  public: '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a',
};
const BOB = {
  secret: '5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb',
  public: 'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f',
};
const SHARED = '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742';

describeProviders('X25519', (crypto) => {
  it.each([
    [
      'a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4',
      'e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c',
      'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552',
    ],
    [
      '4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d',
      'e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493',
      '95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957',
    ],
  ])('agrees with RFC 7748 §5.2 (%s)', (scalar, u, shared) => {
    expect(hex(crypto.keyPair(bytes(scalar)).agree(bytes(u)))).toBe(shared);
  });

  it('agrees with RFC 7748 §6.1', () => {
    const a = bytes(ALICE.secret);
    expect(hex(crypto.keyPair(a).publicKey)).toBe(ALICE.public);
    expect(hex(crypto.keyPair(bytes(BOB.secret)).publicKey)).toBe(BOB.public);
    expect(hex(crypto.keyPair(a).agree(bytes(BOB.public)))).toBe(SHARED);
    expect(hex(crypto.keyPair(bytes(BOB.secret)).agree(bytes(ALICE.public)))).toBe(SHARED);
  });

  it('agrees with a thousand iterations of RFC 7748 §5.2', () => {
    let k = Uint8Array.from([9, ...new Uint8Array(31)]);
    let u = k;
    for (let i = 1; i <= 1000; i++) {
      const next = crypto.keyPair(k).agree(u)!;
      u = k;
      k = new Uint8Array(next);
      if (i === 1) expect(hex(k)).toBe('422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079');
    }
    expect(hex(k)).toBe('684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51');
  });

  // The points of small order and their twins above the prime, as in RFC 7748 §6.1 and the curve's own pages.
  it.each([
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  ])('gives nothing for the low-order point %s', (point) => {
    expect(crypto.keyPair(filled(0x42, 32)).agree(bytes(point))).toBeUndefined();
  });

  it('sees that an array now holds another key', () => {
    const key = bytes(ALICE.secret);
    expect(hex(crypto.keyPair(key).publicKey)).toBe(ALICE.public);
    key.set(bytes(BOB.secret));
    expect(hex(crypto.keyPair(key).publicKey)).toBe(BOB.public);
  });

  it('refuses keys of another size', () => {
    expect(() => crypto.keyPair(filled(1, 31)).agree(filled(9, 32))).toThrow();
    expect(() => crypto.keyPair(filled(1, 32)).agree(filled(9, 33))).toThrow();
    expect(() => crypto.keyPair(filled(1, 33)).publicKey).toThrow();
  });
});

describeProviders('ChaCha20-Poly1305', (crypto) => {
  const key = range(0x80, 32);
  const nonce = bytes('070000004041424344454647');
  const aad = bytes('50515253c0c1c2c3c4c5c6c7');
  const plaintext = text(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  );
  const sealed = bytes(`
    d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b
    1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc
    3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691`);

  it('agrees with RFC 8439 §2.8.2', () => {
    expect(hex(crypto.sealChaCha20Poly1305(key, nonce, aad, plaintext))).toBe(hex(sealed));
    expect(hex(crypto.openChaCha20Poly1305(key, nonce, aad, sealed))).toBe(hex(plaintext));
  });

  it('gives nothing for a wrong tag, text, aad, nonce or key', () => {
    const flipped = (octets: Uint8Array, at: number): Uint8Array =>
      octets.map((octet, i) => (i === at ? octet ^ 1 : octet));
    expect(crypto.openChaCha20Poly1305(key, nonce, aad, flipped(sealed, sealed.length - 1))).toBeUndefined();
    expect(crypto.openChaCha20Poly1305(key, nonce, aad, flipped(sealed, 0))).toBeUndefined();
    expect(crypto.openChaCha20Poly1305(key, nonce, flipped(aad, 0), sealed)).toBeUndefined();
    expect(crypto.openChaCha20Poly1305(key, flipped(nonce, 11), aad, sealed)).toBeUndefined();
    expect(crypto.openChaCha20Poly1305(flipped(key, 31), nonce, aad, sealed)).toBeUndefined();
    for (const length of [0, 1, 15]) {
      expect(crypto.openChaCha20Poly1305(key, nonce, aad, sealed.subarray(0, length))).toBeUndefined();
    }
  });

  it('refuses keys and nonces of another size', () => {
    expect(() => crypto.sealChaCha20Poly1305(key.subarray(1), nonce, aad, plaintext)).toThrow(RangeError);
    expect(() => crypto.openChaCha20Poly1305(key, nonce.subarray(1), aad, sealed)).toThrow(RangeError);
  });
});

describeProviders('AES-256-GCM', (crypto) => {
  // Test cases 13 to 16 of the GCM specification (McGrew and Viega), keys of 256 bits and nonces of 96.
  const key = bytes('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308');
  const nonce = bytes('cafebabefacedbaddecaf888');
  const plaintext = bytes(`
    d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72
    1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255`);
  const ciphertext = `
    522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa
    8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad`;
  it.each([
    [13, filled(0, 32), filled(0, 12), EMPTY, EMPTY, '530f8afbc74536b9a963b4f1c4cb738b'],
    [
      14,
      filled(0, 32),
      filled(0, 12),
      EMPTY,
      filled(0, 16),
      'cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919',
    ],
    [15, key, nonce, EMPTY, plaintext, `${ciphertext}b094dac5d93471bdec1a502270e3cc6c`],
    [
      16,
      key,
      nonce,
      bytes('feedfacedeadbeeffeedfacedeadbeefabaddad2'),
      plaintext.subarray(0, 60),
      `${ciphertext.trimEnd().slice(0, -8)}76fc6ece0f4e1768cddf8853bb2d551b`,
    ],
  ])('agrees with test case %i of the specification', (_, k, iv, aad, p, sealed) => {
    expect(hex(crypto.sealAes256Gcm(k, iv, aad, p))).toBe(hex(bytes(sealed)));
    expect(hex(crypto.openAes256Gcm(k, iv, aad, bytes(sealed)))).toBe(hex(p));
  });
});

describeProviders('Header protection', (crypto) => {
  it('masks as RFC 9001 §5.4.4 and its sample in A.5', () => {
    const hp = crypto.createHeaderCipher(
      Suite.CHACHA20_POLY1305,
      bytes('25a282b9e82f06f21f488917a4fc8f1b73573685608597d0efcb076b0ab7a7a4'),
    );
    expect(hex(hp.mask(bytes('5e5cd55c41f69080575d7999c25a5bfb')).subarray(0, 5))).toBe('aefefe7d03');
  });

  it('masks by AES-256 of the sample (FIPS 197, C.3)', () => {
    const hp = crypto.createHeaderCipher(Suite.AES_256_GCM, range(0, 32));
    expect(hex(hp.mask(bytes('00112233445566778899aabbccddeeff')).subarray(0, 5))).toBe('8ea2b7ca51');
    expect(hex(hp.mask(bytes('00112233445566778899aabbccddeeff')).subarray(0, 5))).toBe('8ea2b7ca51');
  });
});

describeProviders('The rest', (crypto) => {
  it('draws random octets of any number', () => {
    expect(crypto.randomBytes(0).length).toBe(0);
    expect(crypto.randomBytes(70_000).length).toBe(70_000);
    expect(hex(crypto.randomBytes(32))).not.toBe(hex(crypto.randomBytes(32)));
  });

  it('compares, and holds arrays of different length unequal', () => {
    expect(crypto.equal(range(0, 16), range(0, 16))).toBe(true);
    expect(crypto.equal(range(0, 16), range(1, 16))).toBe(false);
    expect(crypto.equal(range(0, 16), range(0, 15))).toBe(false);
    expect(crypto.equal(EMPTY, EMPTY)).toBe(true);
  });
});
