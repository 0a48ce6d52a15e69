import type { CryptoProvider, XaesCipher } from '../ports/crypto.js';
import { sttError } from '../errors.js';
import { ascii } from '../wire/ascii.js';
import { KEY_OCTETS } from './aead-sizes.js';

/** Fewer octets can be searched. */
const MIN_SEED_OCTETS = 16;
/** What all keys made of a seed have. */
const GOOD_SEED_OCTETS = 32;
const SALT = ascii('STC v1 root');
const EMPTY = new Uint8Array(0);

/** What everything of a seed is derived from (STT §2). */
export class StcRoot {
  readonly crypto: CryptoProvider;
  readonly #root: Uint8Array;
  #frameCipher: XaesCipher | undefined;

  /** @throws STTCryptoError `ERR_STT_SEED_TOO_SHORT` under 16 octets */
  constructor(crypto: CryptoProvider, seed: Uint8Array, name = 'seed') {
    checkSeed(name, seed);
    this.crypto = crypto;
    this.#root = crypto.hkdfExtract(SALT, seed);
  }

  /** Octets for one purpose: `label` names it, `info` tells its instances apart. */
  expand(label: string, info: Uint8Array, length: number): Uint8Array {
    const name = ascii(label);
    const full = new Uint8Array(name.length + 1 + info.length);
    full.set(name);
    full.set(info, name.length + 1);
    return this.crypto.hkdfExpand(this.#root, full, length);
  }

  /** What seals frames. Made at first use. */
  get frameCipher(): XaesCipher {
    this.#frameCipher ??= this.crypto.createXaesCipher(this.expand('frame', EMPTY, KEY_OCTETS));
    return this.#frameCipher;
  }
}

/** Called with a seed that is usable and shorter than it should be. */
export type WarnOfSeed = (name: string, octets: number) => void;

/**
 * Refuses seeds that are too short, and warns of short ones.
 * @throws STTCryptoError `ERR_STT_SEED_TOO_SHORT` under 16 octets
 */
export function checkSeed(name: string, seed: Uint8Array, warn?: WarnOfSeed): void {
  if (seed.length < MIN_SEED_OCTETS) throw sttError('ERR_STT_SEED_TOO_SHORT', { name, length: seed.length });
  if (seed.length < GOOD_SEED_OCTETS) warn?.(name, seed.length);
}
