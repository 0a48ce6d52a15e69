import { serializeStt } from '../wire/serialization.js';
import type { StcRoot } from './stc-root.js';
import type { StcContext } from './stc-context.js';

const EMPTY = new Uint8Array(0);
const HASH_OCTETS = 32;

/** The keyed hash of STC (STT §2, PHE): 32 octets that only holders of the seed can compute. */
export function hashData(root: StcRoot, data: Uint8Array, context: StcContext): Uint8Array {
  const canonical = serializeStt(context);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, canonical.length);
  return root.crypto.hmacSha256(root.expand('phe', EMPTY, HASH_OCTETS), length, canonical, data);
}
