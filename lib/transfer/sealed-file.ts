import { randomBytes } from 'node:crypto';
import { link, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { sttError } from '../node-errors.js';
import { StreamDecoder, StreamEncoder, type STCWrapper } from '../index.js';
import { frameChunks, unframeChunks } from './framed-chunks.js';
import { OctetReader } from './octet-reader.js';

/*
 * The file form of a sealed stream (STT §8):
 *
 *   "STTC" | 0x01 | chunk size u32 | random id (8) | per chunk: length u32 | chunk
 */

const MAGIC = Buffer.from('STTC\u0001', 'latin1');
const ID_OCTETS = 8;
const HEADER_OCTETS = MAGIC.length + 4 + ID_OCTETS;
const MAX_CHUNK_OCTETS = 16 * 1_048_576;
const CHUNK_OCTETS = 65_536;

/** The sealed form of what `source` gives. */
export async function* sealedForm(
  stc: STCWrapper,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const header = Buffer.alloc(HEADER_OCTETS);
  const id = randomBytes(ID_OCTETS);
  header.set(MAGIC);
  header.writeUInt32BE(CHUNK_OCTETS, MAGIC.length);
  header.set(id, MAGIC.length + 4);
  yield header;
  yield* frameChunks(new StreamEncoder(stc.createStreamContext(id, 0), CHUNK_OCTETS).encode(source));
}

/**
 * The octets sealed in what `source` gives, proven complete only by an end without an error.
 * @throws STTCryptoError `ERR_STT_AUTHENTICATION`, `ERR_STT_CHUNK_REFUSED`, `ERR_STT_CHUNKS_INCOMPLETE`
 */
export async function* openedForm(
  stcs: readonly STCWrapper[],
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = new OctetReader(source);
  try {
    const header = Buffer.from(await reader.read(HEADER_OCTETS));
    const chunkSize = header.length === HEADER_OCTETS ? header.readUInt32BE(MAGIC.length) : 0;
    if (!header.subarray(0, MAGIC.length).equals(MAGIC) || chunkSize === 0 || chunkSize > MAX_CHUNK_OCTETS) {
      throw sttError('ERR_STT_CHUNK_REFUSED', { why: 'the file does not begin as a sealed file does' });
    }
    const id = header.subarray(MAGIC.length + 4);
    const chunks = unframeChunks(reader, chunkSize);
    const first = await chunks.next();
    const head: readonly Uint8Array[] = first.done === true ? [] : [first.value];
    const decoders = stcs.map(
      (stc) => new StreamDecoder(stc.createStreamContext(id, 0), { maxChunkSize: chunkSize, reorderWindow: 0 }),
    );
    async function* all(): AsyncGenerator<Uint8Array, void, undefined> {
      yield* head;
      yield* chunks;
    }
    // Of a ring only one seed fits; the first chunk shows which.
    const fitting = decoders.find((decoder) => opensFirst(decoder, head)) ?? decoders.at(-1)!;
    yield* fitting.decode(all());
  } finally {
    await reader.close();
  }
}

function opensFirst(decoder: StreamDecoder, head: readonly Uint8Array[]): boolean {
  try {
    decoder.decodeToBytes(head);
    return true;
  } catch (error) {
    return (error as { code?: unknown }).code !== 'ERR_STT_AUTHENTICATION';
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
      for await (const part of octets) await handle.writeFile(part).catch(named(path));
      await handle.sync().catch(named(path));
    } finally {
      await handle.close();
    }
    // A link never replaces a file that came in the meantime.
    await (force ? rename(temporary, path) : link(temporary, path));
  } finally {
    await rm(temporary, { force: true });
  }
}

/** The system does not say which file a failed write was to. */
function named(path: string): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    error.path ??= path;
    throw error;
  };
}
