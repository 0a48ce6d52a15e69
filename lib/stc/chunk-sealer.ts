import { sttError } from '../errors.js';
import { Suite, type PacketCipher } from '../ports/crypto.js';
import {
  CHUNK_HEADER_OCTETS,
  CHUNK_KEY_INFO,
  CHUNK_OVERHEAD_OCTETS,
  checkOctets,
  chunkNonce,
  LAST,
  MAX_CHUNKS,
  SALT_OCTETS,
} from './chunk-format.js';
import type { StreamContext } from './stream-context.js';

const EMPTY = new Uint8Array(0);

/**
 * Seals the octets of one stream into chunks. Holds back at most one chunk: only the end of the input tells which is
 * the last. Every sealer draws a salt, and with it a key, of its own, so that no nonce is ever used twice.
 */
export class ChunkSealer {
  readonly #salt: Uint8Array;
  readonly #cipher: PacketCipher;
  readonly #size: number;
  /** Octets that came and are not sealed, the first `#held` of it. */
  #pending: Uint8Array = EMPTY;
  #held = 0;
  #index = 0;

  constructor(context: StreamContext, chunkSize: number) {
    this.#salt = context.crypto.randomBytes(SALT_OCTETS);
    this.#cipher = context.crypto.createPacketCipher(Suite.AES_256_GCM, context.chunkKey(this.#salt, CHUNK_KEY_INFO));
    this.#size = chunkSize;
  }

  /** The chunks that are complete with `piece`. It is not kept: once all are taken it may be used again. */
  *push(piece: Uint8Array): Generator<Uint8Array, void, undefined> {
    checkOctets('source', piece);
    let at = 0;
    // A full chunk waits until one more octet shows that it is not the last.
    while (this.#held + piece.length - at > this.#size) {
      const end = at + this.#size - this.#held;
      const chunk = this.#seal(this.#pending.subarray(0, this.#held), piece.subarray(at, end), 0);
      this.#held = 0;
      at = end;
      yield chunk;
    }
    if (at === piece.length) return;
    if (this.#pending.length === 0) this.#pending = new Uint8Array(this.#size);
    this.#pending.set(piece.subarray(at), this.#held);
    this.#held += piece.length - at;
  }

  /** The last chunk. */
  end(): Uint8Array {
    return this.#seal(this.#pending.subarray(0, this.#held), EMPTY, LAST);
  }

  #seal(head: Uint8Array, body: Uint8Array, flags: number): Uint8Array {
    if (this.#index >= MAX_CHUNKS) throw sttError('ERR_STT_CHUNKS_EXHAUSTED', { limit: MAX_CHUNKS });
    const chunk = new Uint8Array(CHUNK_OVERHEAD_OCTETS + head.length + body.length);
    const header = chunk.subarray(0, CHUNK_HEADER_OCTETS);
    header.set(this.#salt);
    new DataView(chunk.buffer).setUint32(SALT_OCTETS, this.#index++);
    header[CHUNK_HEADER_OCTETS - 1] = flags;
    this.#cipher.seal(chunkNonce(header), header, head, body, chunk, CHUNK_HEADER_OCTETS);
    return chunk;
  }
}
