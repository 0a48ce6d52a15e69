import { createHash } from 'node:crypto';
import * as nodeCrypto from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { ml_kem768 as mlKem } from '@noble/post-quantum/ml-kem.js';
import { KEM_CIPHERTEXT, KEM_PUBLIC_KEY, KEM_SECRET, type Kem, type KemAnswer } from '../../../lib/ports/kem.js';
import * as noble from '../../../lib/stc/noble-ml-kem.js';
import { nodeMlKem } from '../../../lib/stc/node-ml-kem.js';
import { WorkerMlKem } from '../../../lib/stc/node-ml-kem-worker.js';
import { pageMlKem } from '../../../lib/web/ml-kem.js';
import known from '../../support/ml-kem-768.json' with { type: 'json' };

type Answer<K extends KemAnswer['kind']> = Extract<KemAnswer, { kind: K }>;

function ask(call: (done: (answer: KemAnswer) => void) => void): Promise<KemAnswer> {
  return new Promise((resolve) => {
    let inside = true;
    call((answer) => {
      expect(inside, 'answers come later').toBe(false);
      resolve(answer);
    });
    inside = false;
  });
}
const generate = async (kem: Kem) => (await ask((done) => kem.generate(done))) as Answer<'generated'>;
const encapsulate = (kem: Kem, publicKey: Uint8Array) => ask((done) => kem.encapsulate(publicKey, done));
const decapsulate = (kem: Kem, key: unknown, ciphertext: Uint8Array) =>
  ask((done) => kem.decapsulate(key, ciphertext, done));

const worker = new WorkerMlKem();
const ofNode = nodeMlKem();
const kems = [
  ['a worker thread', worker],
  ['a page', pageMlKem],
  ['node:crypto', ofNode],
] as const;
const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');
const sha256 = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex');

afterAll(() => worker.close());

describe('ML-KEM-768 by @noble', () => {
  // Made by OpenSSL 3.5 from seeds counted up: d || z of FIPS 203, then what it encapsulated and decapsulated.
  it('makes the keys of OpenSSL, and opens what OpenSSL encapsulated', () => {
    expect(known).toHaveLength(4);
    for (const { seed, publicKeySha256, ciphertext, secret, rejected } of known) {
      const { publicKey, secretKey } = mlKem.keygen(Buffer.from(seed, 'hex'));
      expect(sha256(publicKey)).toBe(publicKeySha256);
      const sealed = Buffer.from(ciphertext, 'base64');
      expect(noble.decapsulate(secretKey.slice(), sealed)).toEqual({
        kind: 'decapsulated',
        secret: new Uint8Array(Buffer.from(secret, 'hex')),
      });
      // Implicit rejection (FIPS 203 §6.3): a ciphertext that was tampered with gives a secret of its own.
      sealed[7]! ^= 1;
      const other = noble.decapsulate(secretKey.slice(), sealed) as Answer<'decapsulated'>;
      expect(hex(other.secret)).toBe(rejected);
    }
  });

  it('wipes a private key that was used', () => {
    const { publicKey, privateKey } = noble.generate() as Answer<'generated'>;
    const { ciphertext } = noble.encapsulate(publicKey) as Answer<'encapsulated'>;
    noble.decapsulate(privateKey, ciphertext);
    expect((privateKey as Uint8Array).every((octet) => octet === 0)).toBe(true);
  });
});

describe.each(kems)('ML-KEM-768 in %s', (_name, kem) => {
  const its = it.skipIf(kem === undefined);

  its('agrees on a secret with every other implementation, both ways', async () => {
    for (const [, other] of kems) {
      if (other === undefined) continue;
      const { publicKey, privateKey } = await generate(kem!);
      expect(publicKey).toHaveLength(KEM_PUBLIC_KEY);
      const sealed = (await encapsulate(other, publicKey)) as Answer<'encapsulated'>;
      expect([sealed.kind, sealed.ciphertext.length, sealed.secret.length]).toEqual([
        'encapsulated',
        KEM_CIPHERTEXT,
        KEM_SECRET,
      ]);
      const opened = (await decapsulate(kem!, privateKey, sealed.ciphertext)) as Answer<'decapsulated'>;
      expect(hex(opened.secret)).toBe(hex(sealed.secret));
    }
  });

  its('never gives a secret twice', async () => {
    const { publicKey } = await generate(kem!);
    const secrets = await Promise.all(Array.from({ length: 8 }, () => encapsulate(kem!, publicKey)));
    expect(new Set(secrets.map((answer) => hex((answer as Answer<'encapsulated'>).secret))).size).toBe(8);
  });

  its('refuses what is no public key: coefficients beyond the modulus, wrong lengths', async () => {
    const { publicKey } = await generate(kem!);
    const beyond = publicKey.slice();
    // 3,329 = 0xd01 is the modulus; coefficients have twelve bits.
    beyond[0] = 0x01;
    beyond[1] = (beyond[1]! & 0xf0) | 0x0d;
    expect(await encapsulate(kem!, beyond)).toEqual({ kind: 'invalid' });
    for (const length of [0, 1, KEM_PUBLIC_KEY - 1, KEM_PUBLIC_KEY + 1]) {
      expect(await encapsulate(kem!, new Uint8Array(length))).toEqual({ kind: 'invalid' });
    }
    expect((await encapsulate(kem!, publicKey)).kind).toBe('encapsulated');
  });

  its('refuses ciphertexts of a wrong length, and private keys that are none', async () => {
    const { privateKey } = await generate(kem!);
    for (const key of [undefined, 1, 'key', {}, new Uint8Array(0)]) {
      expect(await decapsulate(kem!, key, new Uint8Array(KEM_CIPHERTEXT))).toEqual({ kind: 'invalid' });
    }
    expect(await decapsulate(kem!, privateKey, new Uint8Array(KEM_CIPHERTEXT - 1))).toEqual({ kind: 'invalid' });
  });
});

describe('the worker of ML-KEM', () => {
  it('that ends takes the keys along that were moved to it; all else is computed without it from then on', async () => {
    const kem = new WorkerMlKem();
    const { publicKey, privateKey } = await generate(kem);
    const { ciphertext } = (await encapsulate(kem, publicKey)) as Answer<'encapsulated'>;
    const generating = generate(kem);
    const lost = decapsulate(kem, privateKey, ciphertext);
    await kem.close();
    expect((await lost).kind).toBe('failed');
    const made = await generating;
    const sealed = (await encapsulate(kem, made.publicKey)) as Answer<'encapsulated'>;
    const opened = (await decapsulate(kem, made.privateKey, sealed.ciphertext)) as Answer<'decapsulated'>;
    expect(hex(opened.secret)).toBe(hex(sealed.secret));
  });

  it('moves private keys: none is left where it came from', async () => {
    const { publicKey, privateKey } = await generate(worker);
    const { ciphertext } = (await encapsulate(worker, publicKey)) as Answer<'encapsulated'>;
    await decapsulate(worker, privateKey, ciphertext);
    expect((privateKey as Uint8Array).byteLength).toBe(0);
  });
});

describe('ML-KEM of node:crypto', () => {
  it('is there from Node 24.7 on, and not before', () => {
    const has = typeof (nodeCrypto as { encapsulate?: unknown }).encapsulate === 'function';
    expect(ofNode === undefined).toBe(!has);
  });
});
