import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IXPSK0 } from '../../../lib/protocol/handshake/noise-ixpsk0.js';
import { NoiseHandshake, noiseProtocol } from '../../../lib/protocol/noise.js';
import type { CryptoProvider, KeyPair } from '../../../lib/ports/crypto.js';
import { bytes, describeProviders, hex, provider, text } from '../../support/crypto-providers.js';
import { noisePattern } from '../../support/noise-patterns.js';
import { ReferenceNoise, referenceKeys } from '../../support/noise-ixpsk0-reference.js';
import { describeVectors } from '../../support/vectors.js';

interface Vector {
  readonly protocol_name: string;
  readonly source: string;
  readonly handshake_hash?: string;
  readonly init_prologue: string;
  readonly resp_prologue: string;
  readonly init_ephemeral?: string;
  readonly resp_ephemeral?: string;
  readonly init_static?: string;
  readonly resp_static?: string;
  readonly init_remote_static?: string;
  readonly resp_remote_static?: string;
  readonly init_psks?: readonly string[];
  readonly resp_psks?: readonly string[];
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[];
}

const optional = (value: string | undefined): Uint8Array | undefined =>
  value === undefined ? undefined : bytes(value);

function keyPair(crypto: CryptoProvider, privateKey: string | undefined): KeyPair | undefined {
  if (privateKey === undefined) return undefined;
  return crypto.keyPair(bytes(privateKey));
}

function run(crypto: CryptoProvider, vector: Vector): void {
  const name = /^Noise_(.+)_25519_ChaChaPoly_SHA256$/.exec(vector.protocol_name)![1]!;
  const protocol = noiseProtocol(crypto, name, noisePattern(name));
  const side = (initiator: boolean): NoiseHandshake =>
    NoiseHandshake.start(crypto, protocol, initiator, {
      prologue: bytes(initiator ? vector.init_prologue : vector.resp_prologue),
      s: keyPair(crypto, initiator ? vector.init_static : vector.resp_static),
      rs: optional(initiator ? vector.init_remote_static : vector.resp_remote_static),
      psks: (initiator ? vector.init_psks : vector.resp_psks)?.map(bytes),
    });
  const sides = [side(true), side(false)];
  const ephemerals = [keyPair(crypto, vector.init_ephemeral), keyPair(crypto, vector.resp_ephemeral)];
  const count = protocol.pattern.messages.length;
  for (let i = 0; i < count; i++) {
    const { payload, ciphertext } = vector.messages[i]!;
    expect(hex(sides[i % 2]!.write(bytes(payload), ephemerals[i % 2]))).toBe(ciphertext);
    expect(hex(sides[(i + 1) % 2]!.read(bytes(ciphertext)))).toBe(payload);
  }
  const [initiator, responder] = sides.map((one) => one.split());
  expect(initiator).toEqual(responder);
  if (vector.handshake_hash !== undefined) expect(hex(initiator!.hash)).toBe(vector.handshake_hash);
  // What follows in the vectors is sent under the keys of Split(), by turns, each key counting for itself.
  const nonce = [0, 0];
  for (let i = count; i < vector.messages.length; i++) {
    const { payload, ciphertext } = vector.messages[i]!;
    const key = i % 2 === 0 ? initiator!.k1 : initiator!.k2;
    const n = Uint8Array.from([0, 0, 0, 0, nonce[i % 2]!++, 0, 0, 0, 0, 0, 0, 0]);
    expect(hex(crypto.sealChaCha20Poly1305(key, n, new Uint8Array(0), bytes(payload)))).toBe(ciphertext);
  }
}

describeVectors<{ vectors: Vector[] }>('Noise vectors', 'noise_25519_chachapoly_sha256.json', ({ vectors }) => {
  it('are many', () => {
    expect(vectors.length).toBeGreaterThanOrEqual(55);
    expect(vectors.filter((vector) => vector.protocol_name.includes('psk')).length).toBeGreaterThan(20);
  });
  describeProviders('Noise', (crypto) => {
    for (const vector of vectors) {
      it(`gives the octets of ${vector.protocol_name} (${vector.source})`, () => run(crypto, vector));
    }
  });
});

describe('Noise patterns', () => {
  it('put psk tokens where their number says', () => {
    expect(noisePattern('IXpsk0')).toEqual(IXPSK0);
    expect(noisePattern('IXpsk0').messages).toEqual([
      ['psk', 'e', 's'],
      ['e', 'ee', 'se', 's', 'es'],
    ]);
    expect(noisePattern('XXpsk0+psk3').messages).toEqual([
      ['psk', 'e'],
      ['e', 'ee', 's', 'es'],
      ['s', 'se', 'psk'],
    ]);
  });

  it.each(['', 'ZZ', 'IXpsk', 'IXpsk3', 'IX psk0', 'IXpsk0psk1', '__proto__', 'constructor'])('refuse %j', (name) => {
    expect(() => noisePattern(name)).toThrow(RangeError);
  });
});

const octets = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const setting = fc.record({
  psk: octets(32),
  prologue: fc.uint8Array({ maxLength: 40 }),
  initiatorStatic: octets(32),
  responderStatic: octets(32),
  initiatorEphemeral: octets(32),
  responderEphemeral: octets(32),
  first: fc.uint8Array({ maxLength: 300 }),
  second: fc.uint8Array({ maxLength: 300 }),
});

describeProviders('Noise_IXpsk0 against a second implementation', (crypto) => {
  const protocol = noiseProtocol(crypto, 'IXpsk0', IXPSK0);
  const product = (initiator: boolean, psk: Uint8Array, prologue: Uint8Array, privateKey: Uint8Array): NoiseHandshake =>
    NoiseHandshake.start(crypto, protocol, initiator, {
      prologue,
      psks: [psk],
      s: crypto.keyPair(privateKey),
    });
  const keys = (privateKey: Uint8Array): KeyPair => crypto.keyPair(privateKey);

  it('initiates', () => {
    fc.assert(
      fc.property(setting, (s) => {
        const initiator = product(true, s.psk, s.prologue, s.initiatorStatic);
        const responder = new ReferenceNoise({ ...s, staticPrivateKey: s.responderStatic });
        expect(hex(responder.readFirst(initiator.write(s.first, keys(s.initiatorEphemeral))!))).toBe(hex(s.first));
        expect(hex(responder.remoteStatic)).toBe(hex(crypto.keyPair(s.initiatorStatic).publicKey));
        expect(hex(initiator.read(responder.writeSecond(s.second, s.responderEphemeral)))).toBe(hex(s.second));
        expect(hex(initiator.remoteStatic)).toBe(hex(referenceKeys(s.responderStatic).raw));
        const [ours, theirs] = [initiator.split(), responder.split()];
        expect([hex(ours.hash), hex(ours.k1), hex(ours.k2)]).toEqual([
          hex(theirs.hash),
          hex(theirs.k1),
          hex(theirs.k2),
        ]);
      }),
      { numRuns: 25 },
    );
  });

  it('responds', () => {
    fc.assert(
      fc.property(setting, (s) => {
        const initiator = new ReferenceNoise({ ...s, staticPrivateKey: s.initiatorStatic });
        const responder = product(false, s.psk, s.prologue, s.responderStatic);
        expect(hex(responder.read(initiator.writeFirst(s.first, s.initiatorEphemeral)))).toBe(hex(s.first));
        const message = responder.write(s.second, keys(s.responderEphemeral))!;
        expect(hex(initiator.readSecond(message))).toBe(hex(s.second));
        const [ours, theirs] = [responder.split(), initiator.split()];
        expect([hex(ours.hash), hex(ours.k1), hex(ours.k2)]).toEqual([
          hex(theirs.hash),
          hex(theirs.k1),
          hex(theirs.k2),
        ]);
      }),
      { numRuns: 25 },
    );
  });
});

describe('A bad Noise message', () => {
  const protocol = noiseProtocol(provider, 'IXpsk0', IXPSK0);
  const fresh = (): KeyPair => keyPair(provider, hex(provider.randomBytes(32)))!;
  const psk = provider.randomBytes(32);
  const side = (initiator: boolean): NoiseHandshake =>
    NoiseHandshake.start(provider, protocol, initiator, { prologue: text('p'), psks: [psk], s: fresh() });

  it('is refused when any octet is changed or missing, and a copy of the state goes on after it', () => {
    const initiator = side(true);
    const responder = side(false);
    const first = initiator.write(text('hello'), fresh())!;
    for (let at = 0; at < first.length; at++) {
      const changed = first.map((octet, i) => (i === at ? octet ^ 0x40 : octet));
      expect(responder.clone().read(changed)).toBeUndefined();
      expect(responder.clone().read(first.subarray(0, at))).toBeUndefined();
    }
    expect(hex(responder.read(first))).toBe(hex(text('hello')));
    const second = responder.write(text('answer'), fresh())!;
    for (let at = 0; at < second.length; at++) {
      const changed = second.map((octet, i) => (i === at ? octet ^ 0x40 : octet));
      expect(initiator.clone().read(changed)).toBeUndefined();
    }
    expect(hex(initiator.read(second))).toBe(hex(text('answer')));
    expect(initiator.split()).toEqual(responder.split());
  });

  it('prepared for a static key ends the same, whether the guess was right or wrong', () => {
    for (const guess of ['right', 'wrong', 'of low order']) {
      const [s, initiator] = [fresh(), side(true)];
      const responder = NoiseHandshake.start(provider, protocol, false, { prologue: text('p'), psks: [psk], s });
      expect(responder.read(initiator.write(text(''), fresh())!)).toBeDefined();
      const guesses: Record<string, Uint8Array> = { right: s.publicKey, wrong: fresh().publicKey };
      initiator.prepare(guesses[guess] ?? new Uint8Array(32));
      const answer = responder.write(text('answer'), fresh())!;
      expect(initiator.clone().read(answer)).toEqual(text('answer'));
      expect(initiator.read(answer)).toEqual(text('answer'));
      expect(initiator.split()).toEqual(responder.split());
    }
  });

  it('with an ephemeral key of low order gets no answer', () => {
    const initiator = side(true);
    const responder = side(false);
    const zero: KeyPair = { ...fresh(), publicKey: new Uint8Array(32), agree: () => undefined, destroy: () => {} };
    expect(responder.read(initiator.write(text(''), zero)!)).toBeDefined();
    expect(responder.write(text(''), fresh())).toBeUndefined();
  });
});
