import type { CryptoProvider, XaesCipher } from '../ports/crypto.js';
import type { STCWrapper } from '../stc/stc-wrapper.js';
import { NODE_ID_OCTETS } from '../constants.js';
import { sttError } from '../node-errors.js';
import { AEAD_TAG_OCTETS, XAES_NONCE_OCTETS } from '../stc/aead-sizes.js';
import { MAX_ID_OCTETS, shownId } from './ids.js';

/*
 * A record (docs/chamber.md):
 *
 *   name    kind u8 | epoch u32 | HMAC-SHA-256(name key, kind u8 | id) (32)
 *   record  version u8 | nonce (24) | length of the id's box u16 | id's box | value's box
 *
 * A box is XAES-256-GCM ciphertext and tag. Both are under one key, with nonces that differ in the last bit:
 * 0 for the id, 1 for the value. AAD:
 *
 *   id      version u8 | 0 | kind u8 | epoch u32 | node id (32) | hash of the name (32)
 *   value   version u8 | 1 | kind u8 | epoch u32 | node id (32) | id
 */

/** What a record is about: the first octet of its name. */
export const RecordKind = { META: 0, KEY: 1, SESSION: 2, NODE: 3, PEER: 4 } as const;
export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind];

/** Kinds of what is sealed. */
export const RECORD_KINDS = [RecordKind.KEY, RecordKind.SESSION, RecordKind.NODE, RecordKind.PEER] as const;

const KIND_NAMES = ['meta record', 'key', 'session', 'node record', 'peer'] as const;

export const RECORD_VERSION = 1;
/** Largest value, in octets. */
export const MAX_VALUE_OCTETS = 16 * 1_048_576;
const PREFIX_OCTETS = 5;
const HASH_OCTETS = 32;
/** Version and nonce: no two records begin with the same. */
export const REVISION_OCTETS = 1 + XAES_NONCE_OCTETS;
const HEAD_OCTETS = REVISION_OCTETS + 2;
const ID_BOX = 0;
const VALUE_BOX = 1;
const AAD_PREFIX = 7;
const AAD_HEAD_OCTETS = AAD_PREFIX + NODE_ID_OCTETS;

/** Which chamber this is: what its keys are derived for, besides the seed. */
export interface ChamberIdentity {
  readonly stc: STCWrapper;
  /** Of the node whose chamber it is. */
  readonly nodeId: Uint8Array;
  /** Random, of this chamber alone. */
  readonly chamberId: Uint8Array;
  /** Counts the reseals. */
  readonly epoch: number;
}

/** Names, seals and opens the records of one chamber. */
export class RecordCodec {
  readonly #crypto: CryptoProvider;
  readonly #nameKey: Uint8Array;
  readonly #xaes: XaesCipher;
  readonly #prefixes: readonly Uint8Array[];
  /** Filled anew for every box. What does not change of it, the node's id and the epoch, stays. */
  readonly #aad = new Uint8Array(AAD_HEAD_OCTETS + MAX_ID_OCTETS);
  readonly #nonce = new Uint8Array(XAES_NONCE_OCTETS);

  constructor({ stc, nodeId, chamberId, epoch }: ChamberIdentity) {
    const key = (use: string): Uint8Array =>
      stc.deriveSessionKey({ purpose: 'STT chamber v1', use, chamber: chamberId, node: nodeId });
    this.#crypto = stc.crypto;
    this.#nameKey = key('name');
    this.#xaes = stc.crypto.createXaesCipher(key('seal'));
    this.#prefixes = KIND_NAMES.map((_, kind) => prefixOf(kind, epoch));
    this.#aad[0] = RECORD_VERSION;
    new DataView(this.#aad.buffer).setUint32(3, epoch);
    this.#aad.set(nodeId, AAD_PREFIX);
  }

  /** What the names of a kind begin with. */
  prefix(kind: RecordKind): Uint8Array {
    return this.#prefixes[kind]!;
  }

  name(kind: RecordKind, id: Uint8Array): Uint8Array {
    const prefix = this.prefix(kind);
    const name = new Uint8Array(PREFIX_OCTETS + HASH_OCTETS);
    name.set(prefix);
    name.set(this.#crypto.hmacSha256(this.#nameKey, prefix.subarray(0, 1), id), PREFIX_OCTETS);
    return name;
  }

  seal(kind: RecordKind, name: Uint8Array, id: Uint8Array, value: Uint8Array): Uint8Array {
    const valueAt = HEAD_OCTETS + id.length + AEAD_TAG_OCTETS;
    const record = madeForStore(valueAt + value.length + AEAD_TAG_OCTETS);
    const nonce = this.#crypto.randomBytes(XAES_NONCE_OCTETS);
    setLastBit(nonce, ID_BOX);
    record[0] = RECORD_VERSION;
    record.set(nonce, 1);
    record[REVISION_OCTETS] = (valueAt - HEAD_OCTETS) >>> 8;
    record[REVISION_OCTETS + 1] = valueAt - HEAD_OCTETS;
    this.#xaes.seal(nonce, this.#aadOf(ID_BOX, kind, hashOf(name)), id, record, HEAD_OCTETS);
    setLastBit(nonce, VALUE_BOX);
    this.#xaes.seal(nonce, this.#aadOf(VALUE_BOX, kind, id), value, record, valueAt);
    return record;
  }

  /**
   * The value of a record whose id is known.
   * @throws STTChamberError `ERR_STT_CHAMBER_DAMAGED` or `ERR_STT_CHAMBER_VERSION`, naming the id
   */
  openValue(kind: RecordKind, id: Uint8Array, record: Uint8Array): Uint8Array {
    const valueAt = this.#valueAt(record);
    const value = valueAt === undefined ? undefined : this.#open(VALUE_BOX, record, valueAt, record.length, kind, id);
    if (value === undefined) throw damaged(recordLabel(kind, id), record);
    return value;
  }

  /**
   * The id of a record.
   * @throws STTChamberError `ERR_STT_CHAMBER_DAMAGED` or `ERR_STT_CHAMBER_VERSION`, naming the hash
   */
  openId(kind: RecordKind, name: Uint8Array, record: Uint8Array): Uint8Array {
    const valueAt = this.#valueAt(record);
    const id =
      valueAt === undefined || name.length !== PREFIX_OCTETS + HASH_OCTETS
        ? undefined
        : this.#open(ID_BOX, record, HEAD_OCTETS, valueAt, kind, hashOf(name));
    if (id === undefined) throw damaged(hashLabel(kind, name), record);
    return id;
  }

  #valueAt(record: Uint8Array): number | undefined {
    if (record.length < HEAD_OCTETS + 2 * AEAD_TAG_OCTETS || record[0] !== RECORD_VERSION) return undefined;
    const length = (record[REVISION_OCTETS]! << 8) | record[REVISION_OCTETS + 1]!;
    if (length < AEAD_TAG_OCTETS || length > MAX_ID_OCTETS + AEAD_TAG_OCTETS) return undefined;
    const at = HEAD_OCTETS + length;
    return record.length < at + AEAD_TAG_OCTETS ? undefined : at;
  }

  #open(
    box: number,
    record: Uint8Array,
    begin: number,
    end: number,
    kind: RecordKind,
    rest: Uint8Array,
  ): Uint8Array | undefined {
    const nonce = this.#nonce;
    for (let i = 0; i < XAES_NONCE_OCTETS; i++) nonce[i] = record[1 + i]!;
    // A record in which this bit is set is not one that was written.
    if ((nonce[XAES_NONCE_OCTETS - 1]! & 1) !== ID_BOX) return undefined;
    setLastBit(nonce, box);
    const out = new Uint8Array(end - begin - AEAD_TAG_OCTETS);
    const isAuthentic = this.#xaes.open(nonce, this.#aadOf(box, kind, rest), record.subarray(begin, end), out, 0);
    return isAuthentic ? out : undefined;
  }

  /** Valid until the next call. */
  #aadOf(box: number, kind: RecordKind, rest: Uint8Array): Uint8Array {
    const aad = this.#aad;
    aad[1] = box;
    aad[2] = kind;
    aad.set(rest, AAD_HEAD_OCTETS);
    return aad.subarray(0, AAD_HEAD_OCTETS + rest.length);
  }
}

/** What a record begins with: another one after every write. */
export function revisionOf(record: Uint8Array): Uint8Array {
  return record.subarray(0, REVISION_OCTETS);
}

/** A record as messages name it. */
export function recordLabel(kind: RecordKind, id: Uint8Array): string {
  return `${KIND_NAMES[kind]} ${shownId(new TextDecoder().decode(id))}`;
}

/** A record whose id cannot be known. */
export function hashLabel(kind: RecordKind, name: Uint8Array): string {
  return `${KIND_NAMES[kind]} of hash ${Buffer.from(hashOf(name)).toString('hex')}`;
}

function damaged(record: string, octets: Uint8Array): Error {
  const version = octets[0]!;
  // Only a hint: a changed octet may say so, too.
  if (version > RECORD_VERSION) return sttError('ERR_STT_CHAMBER_VERSION', { record: `The ${record}`, version });
  return sttError('ERR_STT_CHAMBER_DAMAGED', { record });
}

/** Of Node's pool, as nothing in it is secret: a small buffer of its own costs more than sealing into it. */
function madeForStore(length: number): Uint8Array {
  const { buffer, byteOffset } = Buffer.allocUnsafe(length);
  return new Uint8Array(buffer, byteOffset, length);
}

function prefixOf(kind: number, epoch: number): Uint8Array {
  const prefix = new Uint8Array(PREFIX_OCTETS);
  prefix[0] = kind;
  new DataView(prefix.buffer).setUint32(1, epoch);
  return prefix;
}

function hashOf(name: Uint8Array): Uint8Array {
  return name.subarray(PREFIX_OCTETS);
}

function setLastBit(nonce: Uint8Array, bit: number): void {
  nonce[nonce.length - 1] = (nonce.at(-1)! & 0xfe) | bit;
}
