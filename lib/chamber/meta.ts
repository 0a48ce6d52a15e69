import { sttError } from '../node-errors.js';
import type { STCWrapper } from '../stc/stc-wrapper.js';
import { AEAD_TAG_OCTETS, XAES_NONCE_OCTETS } from '../stc/aead-sizes.js';
import { ascii } from '../wire/ascii.js';
import { concat } from '../wire/concat.js';
import { beginsWith } from './store.js';

/*
 * The meta record (docs/chamber.md), twice in a store, under the names 00 00 and 00 01:
 *
 *   "STTCHMBR" | version u8 | state u8 | epoch u32 | chamber id (16) | lock | lock of the next epoch, while resealing
 *
 * A lock is nonce (24) and the tag of an empty XAES-256-GCM box, which opens with the right seed and node id alone.
 * Its AAD is everything in front of the locks and the node id.
 */

const MAGIC = ascii('STTCHMBR');
const VERSION_AT = MAGIC.length;
const STATE_AT = VERSION_AT + 1;
const EPOCH_AT = STATE_AT + 1;
const ID_AT = EPOCH_AT + 4;
const HEAD_OCTETS = ID_AT + 16;
const LOCK_OCTETS = XAES_NONCE_OCTETS + AEAD_TAG_OCTETS;
const EMPTY = new Uint8Array(0);

export const META_VERSION = 1;
export const META_NAMES = [Uint8Array.of(0, 0), Uint8Array.of(0, 1)] as const;

const State = { STABLE: 0, RESEALING: 1 } as const;

/** Who may open a chamber. */
export interface KeyHolder {
  readonly stc: STCWrapper;
  readonly nodeId: Uint8Array;
}

/** What a meta record says. */
export interface Meta {
  readonly chamberId: Uint8Array;
  /** Counts the reseals. */
  readonly epoch: number;
  /** True from the beginning to the end of a reseal, from `epoch` to the next one. */
  readonly isResealing: boolean;
  readonly octets: Uint8Array;
}

/** The meta record of a new chamber, or of one that was resealed. */
export function makeMeta(holder: KeyHolder, chamberId: Uint8Array, epoch: number): Uint8Array {
  const head = makeHead(State.STABLE, chamberId, epoch);
  return concat([head, makeLock(holder, head)]);
}

/** The meta record of a chamber that is being resealed for `next`. */
export function makeResealingMeta(
  holder: KeyHolder,
  next: KeyHolder,
  chamberId: Uint8Array,
  epoch: number,
): Uint8Array {
  const head = makeHead(State.RESEALING, chamberId, epoch);
  return concat([head, makeLock(holder, head), makeLock(next, head)]);
}

/**
 * What the octets under a meta name say; undefined if they are no meta record.
 * @throws STTChamberError `ERR_STT_CHAMBER_VERSION`
 */
export function parseMeta(octets: Uint8Array, where: string): Meta | undefined {
  if (octets.length < HEAD_OCTETS || !beginsWith(octets, MAGIC)) return undefined;
  const version = octets[VERSION_AT]!;
  if (version > META_VERSION) throw sttError('ERR_STT_CHAMBER_VERSION', { record: `The chamber ${where}`, version });
  const state = octets[STATE_AT]!;
  const locks = state === State.RESEALING ? 2 : 1;
  if (version !== META_VERSION || state > State.RESEALING || octets.length !== HEAD_OCTETS + locks * LOCK_OCTETS) {
    return undefined;
  }
  return {
    chamberId: Uint8Array.from(octets.subarray(ID_AT, HEAD_OCTETS)),
    epoch: new DataView(octets.buffer, octets.byteOffset).getUint32(EPOCH_AT),
    isResealing: state === State.RESEALING,
    octets,
  };
}

/** True if the holder's seed and node id are those of the meta record. */
export function holds(meta: Meta, holder: KeyHolder): boolean {
  return opens(meta, holder, 0);
}

/** True if the holder's seed and node id are those that the chamber is being resealed for. */
export function holdsNext(meta: Meta, holder: KeyHolder): boolean {
  return meta.isResealing && opens(meta, holder, 1);
}

function opens({ octets }: Meta, holder: KeyHolder, index: number): boolean {
  const head = octets.subarray(0, HEAD_OCTETS);
  const at = HEAD_OCTETS + index * LOCK_OCTETS;
  const nonce = octets.subarray(at, at + XAES_NONCE_OCTETS);
  const tag = octets.subarray(at + XAES_NONCE_OCTETS, at + LOCK_OCTETS);
  return holder.stc.crypto.openXaes256Gcm(lockKey(holder, head), nonce, lockAad(holder, head), tag) !== undefined;
}

function makeHead(state: number, chamberId: Uint8Array, epoch: number): Uint8Array {
  const head = new Uint8Array(HEAD_OCTETS);
  head.set(MAGIC);
  head[VERSION_AT] = META_VERSION;
  head[STATE_AT] = state;
  new DataView(head.buffer).setUint32(EPOCH_AT, epoch);
  head.set(chamberId, ID_AT);
  return head;
}

function makeLock(holder: KeyHolder, head: Uint8Array): Uint8Array {
  const nonce = holder.stc.crypto.randomBytes(XAES_NONCE_OCTETS);
  return concat([nonce, holder.stc.crypto.sealXaes256Gcm(lockKey(holder, head), nonce, lockAad(holder, head), EMPTY)]);
}

function lockKey({ stc, nodeId }: KeyHolder, head: Uint8Array): Uint8Array {
  const chamber = head.subarray(ID_AT, HEAD_OCTETS);
  return stc.deriveSessionKey({ purpose: 'STT chamber v1', use: 'lock', chamber, node: nodeId });
}

function lockAad({ nodeId }: KeyHolder, head: Uint8Array): Uint8Array {
  return concat([head, nodeId]);
}
