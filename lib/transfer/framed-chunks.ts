import { sttError } from '../node-errors.js';
import type { OctetReader } from './octet-reader.js';

/** What a sealed chunk has more than its plaintext (STT §8). */
const CHUNK_OVERHEAD_OCTETS = 37;

/** Chunks in a row of octets: u32 length and chunk, each. */
export async function* frameChunks(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(chunk.length);
    yield length;
    yield chunk;
  }
}

/**
 * The chunks in a row of octets, none longer than one of `chunkSize` octets of plaintext.
 * @throws STTCryptoError `ERR_STT_CHUNK_REFUSED`, `ERR_STT_CHUNKS_INCOMPLETE`
 */
export async function* unframeChunks(
  reader: OctetReader,
  chunkSize: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const at = reader.position;
    const prefix = await reader.read(4);
    if (prefix.length === 0) return;
    const length = prefix.length === 4 ? new DataView(prefix.buffer, prefix.byteOffset).getUint32(0) : 0;
    if (length > chunkSize + CHUNK_OVERHEAD_OCTETS) {
      throw sttError('ERR_STT_CHUNK_REFUSED', { why: `it claims ${length} octets, over the limit of the file` });
    }
    const chunk = await reader.read(length);
    if (prefix.length < 4 || chunk.length < length) {
      throw sttError('ERR_STT_CHUNKS_INCOMPLETE', { what: `the end of a chunk, at octet ${at}` });
    }
    yield chunk;
  }
}
