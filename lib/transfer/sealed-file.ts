import { randomBytes } from 'node:crypto';
import { link, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { sttError } from '../errors.js';
import { StreamDecoder, StreamEncoder, type STCWrapper } from '../index.js';

/*
 * The file form of a sealed stream (STT §8):
 *
 *   "STTC" | 0x01 | chunk size u32 | random id (8) | per chunk: length u32 | chunk
 */

const MAGIC = Buffer.from('STTC\u0001', 'latin1');
const ID_OCTETS = 8;
const HEADER_OCTETS = MAGIC.length + 4 + ID_OCTETS;
const CHUNK_OVERHEAD_OCTETS = 37;
const MAX_CHUNK_OCTETS = 16 * 1_048_576;
const CHUNK_OCTETS = 65_536;

/** The sealed form of what `file` holds. */
export async function* sealedForm(stc: STCWrapper, file: FileHandle): AsyncGenerator<Uint8Array, void, undefined> {
  const header = Buffer.alloc(HEADER_OCTETS);
  const id = randomBytes(ID_OCTETS);
  header.set(MAGIC);
  header.writeUInt32BE(CHUNK_OCTETS, MAGIC.length);
  header.set(id, MAGIC.length + 4);
  yield header;
  const source = file.createReadStream({ autoClose: false, highWaterMark: 4 * CHUNK_OCTETS });
  for await (const chunk of new StreamEncoder(stc.createStreamContext(id, 0), CHUNK_OCTETS).encode(source)) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(chunk.length);
    yield length;
    yield chunk;
  }
}

/**
 * The octets sealed in `file`, proven complete only by an end without an error.
 * @throws STTCryptoError `ERR_STT_AUTHENTICATION`, `ERR_STT_CHUNK_REFUSED`, `ERR_STT_CHUNKS_INCOMPLETE`
 */
export async function* openedForm(
  stcs: readonly STCWrapper[],
  file: FileHandle,
): AsyncGenerator<Uint8Array, void, undefined> {
  const header = await readAt(file, 0, HEADER_OCTETS);
  const chunkSize = header.length === HEADER_OCTETS ? header.readUInt32BE(MAGIC.length) : 0;
  if (!header.subarray(0, MAGIC.length).equals(MAGIC) || chunkSize === 0 || chunkSize > MAX_CHUNK_OCTETS) {
    throw sttError('ERR_STT_CHUNK_REFUSED', { why: 'the file does not begin as a sealed file does' });
  }
  const id = header.subarray(MAGIC.length + 4);
  for (const [i, stc] of stcs.entries()) {
    const decoder = new StreamDecoder(stc.createStreamContext(id, 0), { maxChunkSize: chunkSize, reorderWindow: 0 });
    let hasOpened = false;
    try {
      for await (const octets of decoder.decode(chunksOf(file, chunkSize))) {
        hasOpened = true;
        yield octets;
      }
      return;
    } catch (error) {
      // Of a ring only one seed fits; the first chunk shows which.
      const isForged = (error as { code?: unknown }).code === 'ERR_STT_AUTHENTICATION';
      if (!isForged || hasOpened || i === stcs.length - 1) throw error;
    }
  }
}

/**
 * Writes a file that has its name only when it is complete and on the disk; until then it is a hidden file beside it,
 * which a failure removes.
 */
export async function writeComplete(
  path: string,
  octets: AsyncIterable<Uint8Array>,
  { force }: { readonly force: boolean },
): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.stt-part`);
  const handle = await open(temporary, 'wx', 0o600);
  try {
    try {
      for await (const part of octets) await handle.writeFile(part);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // A link never replaces a file that came in the meantime.
    await (force ? rename(temporary, path) : link(temporary, path));
  } finally {
    await rm(temporary, { force: true });
  }
}

async function* chunksOf(file: FileHandle, chunkSize: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = HEADER_OCTETS; ;) {
    const prefix = await readAt(file, at, 4);
    if (prefix.length === 0) return;
    const length = prefix.length === 4 ? prefix.readUInt32BE() : 0;
    if (length > chunkSize + CHUNK_OVERHEAD_OCTETS) {
      throw sttError('ERR_STT_CHUNK_REFUSED', { why: `it claims ${length} octets, over the limit of the file` });
    }
    const chunk = await readAt(file, at + 4, length);
    if (prefix.length < 4 || chunk.length < length) {
      throw sttError('ERR_STT_CHUNKS_INCOMPLETE', { what: `the end of a chunk, at octet ${at}` });
    }
    yield chunk;
    at += 4 + length;
  }
}

/** Fewer octets at the end of the file. */
async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
