import { sttError } from '../errors.js';
import { bytesOption } from '../options.js';
import { Suite, type PacketCipher } from '../ports/crypto.js';
import {
  CHUNK_HEADER_OCTETS,
  CHUNK_KEY_INFO,
  CHUNK_OVERHEAD_OCTETS,
  chunkNonce,
  LAST,
  SALT_OCTETS,
} from './chunk-format.js';
import type { StreamContext } from './stream-context.js';

/** What a stream that is being opened may hold. */
export interface OpenerLimits {
  /** Plaintext of one chunk, octets. */
  readonly maxChunkSize: number;
  /** How far ahead of the next chunk another may come. */
  readonly reorderWindow: number;
  /** Plaintext held because an earlier chunk is missing, octets. */
  readonly maxBuffered: number;
}

/** Opens the chunks of one stream and gives their octets in order. After an error it must not be used any more. */
export class ChunkOpener {
  readonly #context: StreamContext;
  readonly #limits: OpenerLimits;
  /** Those of the first chunk, once it proved authentic. */
  #salt: Uint8Array | undefined;
  #cipher: PacketCipher | undefined;
  /** Index of the next chunk in order. */
  #next = 0;
  #last: number | undefined;
  /** Opened, but an earlier one is missing. */
  readonly #early = new Map<number, Uint8Array>();
  #buffered = 0;
  #highest = -1;

  constructor(context: StreamContext, limits: OpenerLimits) {
    this.#context = context;
    this.#limits = limits;
  }

  /**
   * What is in order with `chunk`; nothing of it is kept.
   * @throws STTCryptoError `ERR_STT_AUTHENTICATION`, `ERR_STT_CHUNK_REFUSED`
   */
  push(chunk: Uint8Array): Uint8Array[] {
    bytesOption('chunk', chunk);
    const { index, isLast } = this.#check(chunk);
    const octets = this.#open(chunk);
    if (isLast) this.#last = index;
    this.#highest = Math.max(this.#highest, index);
    if (index !== this.#next) {
      if (this.#buffered + octets.length > this.#limits.maxBuffered) {
        throw refused(`more than ${this.#limits.maxBuffered} octets wait for chunk ${this.#next}`);
      }
      this.#early.set(index, octets);
      this.#buffered += octets.length;
      return [];
    }
    const out = [octets];
    for (this.#next++; ; this.#next++) {
      const early = this.#early.get(this.#next);
      if (early === undefined) return out;
      this.#early.delete(this.#next);
      this.#buffered -= early.length;
      out.push(early);
    }
  }

  /**
   * The carrier has no more chunks.
   * @throws STTCryptoError `ERR_STT_CHUNKS_INCOMPLETE`
   */
  end(): void {
    if (this.#last !== undefined && this.#next === this.#last + 1) return;
    throw sttError('ERR_STT_CHUNKS_INCOMPLETE', {
      what: this.#highest >= this.#next ? `chunk ${this.#next}` : 'the last chunk',
    });
  }

  /** What can be said before anything is computed, or kept. */
  #check(chunk: Uint8Array): { readonly index: number; readonly isLast: boolean } {
    if (chunk.length < CHUNK_OVERHEAD_OCTETS) throw refused(`it has ${chunk.length} octets, too few for a chunk`);
    const size = chunk.length - CHUNK_OVERHEAD_OCTETS;
    if (size > this.#limits.maxChunkSize) {
      throw refused(`it holds ${size} octets, over the limit of ${this.#limits.maxChunkSize}`);
    }
    const flags = chunk[CHUNK_HEADER_OCTETS - 1]!;
    if (flags > LAST) throw refused(`its flags are ${flags}`);
    const isLast = flags === LAST;
    if (size === 0 && !isLast) throw refused('it is empty and not the last');
    if (this.#salt !== undefined && this.#salt.some((octet, i) => octet !== chunk[i])) {
      throw refused('it is of another stream');
    }
    const index = new DataView(chunk.buffer, chunk.byteOffset).getUint32(SALT_OCTETS);
    if (index < this.#next || this.#early.has(index)) throw refused(`chunk ${index} came already`);
    if (this.#last !== undefined && (isLast || index > this.#last)) throw refused('it follows the last chunk');
    if (isLast && index < this.#highest) throw refused('it claims to be the last and is not');
    if (index - this.#next > this.#limits.reorderWindow) {
      throw refused(`chunk ${index} is too far ahead of ${this.#next}`);
    }
    return { index, isLast };
  }

  #open(chunk: Uint8Array): Uint8Array {
    const header = chunk.subarray(0, CHUNK_HEADER_OCTETS);
    // A copy: the slice of a Buffer would share memory that the carrier uses again.
    const salt = this.#salt ?? Uint8Array.from(header.subarray(0, SALT_OCTETS));
    const { crypto } = this.#context;
    const cipher =
      this.#cipher ?? crypto.createPacketCipher(Suite.AES_256_GCM, this.#context.chunkKey(salt, CHUNK_KEY_INFO));
    const octets = crypto.allocate(chunk.length - CHUNK_OVERHEAD_OCTETS);
    if (!cipher.open(chunkNonce(header), header, chunk.subarray(CHUNK_HEADER_OCTETS), octets, 0)) {
      throw sttError('ERR_STT_AUTHENTICATION');
    }
    this.#salt = salt;
    this.#cipher = cipher;
    return octets;
  }
}

function refused(why: string): Error {
  return sttError('ERR_STT_CHUNK_REFUSED', { why });
}
