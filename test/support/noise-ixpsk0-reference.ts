import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';

/*
 * Noise_IXpsk0_25519_ChaChaPoly_SHA256 once more, written out line by line from revision 34 of the specification on
 * top of node:crypto. It shares no code with the product, so that both can check each other.
 *
 *   -> psk, e, s
 *   <- e, ee, se, s, es
 */

const NAME = 'Noise_IXpsk0_25519_ChaChaPoly_SHA256';
const PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex');
const SPKI = Buffer.from('302a300506032b656e032100', 'hex');

export interface ReferenceResult {
  readonly hash: Uint8Array;
  readonly k1: Uint8Array;
  readonly k2: Uint8Array;
}

/** An X25519 key pair from a private key, or a new one. */
export function referenceKeys(privateKey?: Uint8Array): { secret: KeyObject; raw: Uint8Array } {
  const secret =
    privateKey === undefined
      ? generateKeyPairSync('x25519').privateKey
      : createPrivateKey({ key: Buffer.concat([PKCS8, privateKey]), format: 'der', type: 'pkcs8' });
  const raw = createPublicKey(secret).export({ format: 'der', type: 'spki' }).subarray(SPKI.length);
  return { secret, raw };
}

export class ReferenceNoise {
  readonly #psk: Uint8Array;
  readonly #s: ReturnType<typeof referenceKeys>;
  #h: Uint8Array;
  #ck: Uint8Array;
  #k: Uint8Array = Buffer.alloc(0);
  #n = 0n;
  #e: ReturnType<typeof referenceKeys> | undefined;
  #re: Uint8Array = Buffer.alloc(0);
  /** The peer's static public key, once it was read. */
  remoteStatic: Uint8Array = Buffer.alloc(0);

  constructor(options: { psk: Uint8Array; prologue: Uint8Array; staticPrivateKey: Uint8Array }) {
    this.#psk = options.psk;
    this.#s = referenceKeys(options.staticPrivateKey);
    // The name is longer than a hash, so it is hashed.
    this.#h = createHash('sha256').update(NAME).digest();
    this.#ck = this.#h;
    this.#mixHash(options.prologue);
  }

  /** Initiator: -> psk, e, s */
  writeFirst(payload: Uint8Array, ephemeral?: Uint8Array): Uint8Array {
    this.#mixKeyAndHash(this.#psk);
    this.#e = referenceKeys(ephemeral);
    this.#mixHash(this.#e.raw);
    this.#mixKey(this.#e.raw);
    const s = this.#encrypt(this.#s.raw);
    return Buffer.concat([this.#e.raw, s, this.#encrypt(payload)]);
  }

  /** Responder: takes -> psk, e, s */
  readFirst(message: Uint8Array): Uint8Array {
    this.#mixKeyAndHash(this.#psk);
    this.#re = Buffer.from(message.subarray(0, 32));
    this.#mixHash(this.#re);
    this.#mixKey(this.#re);
    this.remoteStatic = this.#decrypt(message.subarray(32, 80));
    return this.#decrypt(message.subarray(80));
  }

  /** Responder: <- e, ee, se, s, es */
  writeSecond(payload: Uint8Array, ephemeral?: Uint8Array): Uint8Array {
    this.#e = referenceKeys(ephemeral);
    this.#mixHash(this.#e.raw);
    this.#mixKey(this.#e.raw);
    this.#mixKey(dh(this.#e.secret, this.#re));
    this.#mixKey(dh(this.#e.secret, this.remoteStatic));
    const s = this.#encrypt(this.#s.raw);
    this.#mixKey(dh(this.#s.secret, this.#re));
    return Buffer.concat([this.#e.raw, s, this.#encrypt(payload)]);
  }

  /** Initiator: takes <- e, ee, se, s, es */
  readSecond(message: Uint8Array): Uint8Array {
    this.#re = Buffer.from(message.subarray(0, 32));
    this.#mixHash(this.#re);
    this.#mixKey(this.#re);
    this.#mixKey(dh(this.#e!.secret, this.#re));
    this.#mixKey(dh(this.#s.secret, this.#re));
    this.remoteStatic = this.#decrypt(message.subarray(32, 80));
    this.#mixKey(dh(this.#e!.secret, this.remoteStatic));
    return this.#decrypt(message.subarray(80));
  }

  split(): ReferenceResult {
    const [k1, k2] = this.#hkdf(Buffer.alloc(0), 2);
    return { hash: this.#h, k1: k1!, k2: k2! };
  }

  #hkdf(input: Uint8Array, outputs: number): Uint8Array[] {
    // Noise's HKDF is RFC 5869's with the chaining key as salt and no info.
    const all = Buffer.from(hkdfSync('sha256', input, this.#ck, '', 32 * outputs));
    return Array.from({ length: outputs }, (_, i) => all.subarray(32 * i, 32 * i + 32));
  }

  #mixKey(input: Uint8Array): void {
    const [ck, k] = this.#hkdf(input, 2);
    this.#ck = ck!;
    this.#k = k!;
    this.#n = 0n;
  }

  #mixHash(data: Uint8Array): void {
    this.#h = createHash('sha256').update(this.#h).update(data).digest();
  }

  #mixKeyAndHash(input: Uint8Array): void {
    const [ck, h, k] = this.#hkdf(input, 3);
    this.#ck = ck!;
    this.#mixHash(h!);
    this.#k = k!;
    this.#n = 0n;
  }

  #nonce(): Uint8Array {
    const nonce = Buffer.alloc(12);
    nonce.writeBigUInt64LE(this.#n++, 4);
    return nonce;
  }

  #encrypt(plaintext: Uint8Array): Uint8Array {
    const cipher = createCipheriv('chacha20-poly1305', this.#k, this.#nonce(), { authTagLength: 16 });
    cipher.setAAD(this.#h, { plaintextLength: plaintext.length });
    const sealed = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
    this.#mixHash(sealed);
    return sealed;
  }

  #decrypt(sealed: Uint8Array): Uint8Array {
    const length = sealed.length - 16;
    const decipher = createDecipheriv('chacha20-poly1305', this.#k, this.#nonce(), { authTagLength: 16 });
    decipher.setAAD(this.#h, { plaintextLength: length });
    decipher.setAuthTag(sealed.subarray(length));
    const plaintext = Buffer.concat([decipher.update(sealed.subarray(0, length)), decipher.final()]);
    this.#mixHash(sealed);
    return plaintext;
  }
}

function dh(secret: KeyObject, publicKey: Uint8Array): Uint8Array {
  const key = createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: 'der', type: 'spki' });
  return diffieHellman({ privateKey: secret, publicKey: key });
}
