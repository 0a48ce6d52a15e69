import { sttError } from '../errors.js';
import { bytesOption } from '../options.js';
import { Suite, type CryptoProvider, type PacketCipher } from '../ports/crypto.js';
import {
  CHUNK_HEADER_OCTETS,
  CHUNK_KEY_INFO,
  CHUNK_OVERHEAD_OCTETS,
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
  readonly #crypto: CryptoProvider;
  readonly #salt: Uint8Array;
  readonly #cipher: PacketCipher;
  readonly #size: number;
  /** Octets that came and are not sealed: the first `#held` of it, fewer than a chunk has. */
  #pending: Uint8Array = EMPTY;
  #held = 0;
  /** A full chunk that waits for one more octet, which shows that it is not the last. */
  #ready: Uint8Array | undefined;
  #index = 0;

  constructor(context: StreamContext, chunkSize: number) {
    this.#crypto = context.crypto;
    this.#salt = this.#crypto.randomBytes(SALT_OCTETS);
    this.#cipher = this.#crypto.createPacketCipher(Suite.AES_256_GCM, context.chunkKey(this.#salt, CHUNK_KEY_INFO));
    this.#size = chunkSize;
  }

  /** The chunks that are complete with `piece`. It is not kept: once all are taken it may be used again. */
  *push(piece: Uint8Array): Generator<Uint8Array, void, undefined> {
    bytesOption('source', piece);
    let at = 0;
    while (at < piece.length) {
      if (this.#ready !== undefined) {
        const ready = this.#ready;
        this.#ready = undefined;
        yield ready;
      }
      const end = at + this.#size - this.#held;
      if (end > piece.length) break;
      // Sealed now and not when the next octet comes, so that the octets need not be copied until then.
      this.#ready = this.#seal(this.#pending.subarray(0, this.#held), piece.subarray(at, end), 0);
      this.#held = 0;
      at = end;
    }
    if (at === piece.length) return;
    if (this.#pending.length === 0) this.#pending = new Uint8Array(this.#size);
    this.#pending.set(piece.subarray(at), this.#held);
    this.#held += piece.length - at;
  }

  /** The last chunk. */
  end(): Uint8Array {
    if (this.#ready === undefined) return this.#seal(this.#pending.subarray(0, this.#held), EMPTY, LAST);
    const octets = this.#unseal(this.#ready);
    // In its place, under a nonce of its own: the flags are part of it.
    this.#index--;
    return this.#seal(octets, EMPTY, LAST);
  }

  #seal(head: Uint8Array, body: Uint8Array, flags: number): Uint8Array {
    if (this.#index >= MAX_CHUNKS) throw sttError('ERR_STT_CHUNKS_EXHAUSTED', { limit: MAX_CHUNKS });
    const chunk = this.#crypto.allocate(CHUNK_OVERHEAD_OCTETS + head.length + body.length);
    const header = chunk.subarray(0, CHUNK_HEADER_OCTETS);
    header.set(this.#salt);
    new DataView(chunk.buffer).setUint32(SALT_OCTETS, this.#index++);
    header[CHUNK_HEADER_OCTETS - 1] = flags;
    this.#cipher.seal(chunkNonce(header), header, head, body, chunk, CHUNK_HEADER_OCTETS);
    return chunk;
  }

  /** The octets of a chunk that was never given away. */
  #unseal(chunk: Uint8Array): Uint8Array {
    const header = chunk.subarray(0, CHUNK_HEADER_OCTETS);
    const octets = new Uint8Array(chunk.length - CHUNK_OVERHEAD_OCTETS);
    if (!this.#cipher.open(chunkNonce(header), header, chunk.subarray(CHUNK_HEADER_OCTETS), octets, 0)) {
      throw sttError('ERR_STT_AUTHENTICATION');
    }
    return octets;
  }
}
