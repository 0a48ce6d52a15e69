import { hkdfSync, randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { RECORD_KINDS, RecordKind, MAX_VALUE_OCTETS } from '../../chamber/record.js';
import { MAX_ID_OCTETS, idOctets } from '../../chamber/ids.js';
import { sttError, type STTError } from '../../node-errors.js';
import { STCWrapper, StreamDecoder, StreamEncoder, deserializeStt } from '../../index.js';
import type { StreamContext } from '../../stc/stream-context.js';
import { frameChunks, unframeChunks } from '../../transfer/framed-chunks.js';
import { OctetReader } from '../../transfer/octet-reader.js';

/*
 * The export of a chamber (docs/chamber.md):
 *
 *   "STTCHEXP" | version u8 = 1 | salt (16) | per chunk of STT §8: length u32 | chunk
 *
 * What is sealed in the chunks: per record
 *
 *   kind u8 | length of the id u16 | id | length of the value u32 | value
 */

const MAGIC = Buffer.from('STTCHEXP', 'latin1');
const VERSION = 1;
const SALT_OCTETS = 16;
const HEADER_OCTETS = MAGIC.length + 1 + SALT_OCTETS;
const CHUNK_OCTETS = 65_536;
/** 128 MiB and about half a second for each guess. Part of the version: a file cannot ask for more. */
const SCRYPT = { N: 131_072, r: 8, p: 1, maxmem: 256 * 1_048_576 };

/** A record outside of its chamber. */
export interface PlainRecord {
  readonly kind: RecordKind;
  readonly id: string;
  readonly value: Uint8Array;
}

/** What seals and opens exports: a passphrase, stretched once for each salt. */
export class ArchiveKey {
  readonly #passphrase: string;
  #salt: Buffer | undefined;
  #stretched: Promise<Buffer> | undefined;

  constructor(passphrase: string) {
    // One passphrase, however a keyboard composes its accents.
    this.#passphrase = passphrase.normalize('NFC');
  }

  /** @internal What an export with this header is sealed under. */
  async context(header: Uint8Array): Promise<StreamContext> {
    const salt = Buffer.from(header.subarray(MAGIC.length + 1));
    if (this.#stretched === undefined || this.#salt?.equals(salt) !== true) {
      this.#salt = salt;
      this.#stretched = promisify<string, Uint8Array, number, typeof SCRYPT, Buffer>(scrypt)(
        this.#passphrase,
        salt,
        32,
        SCRYPT,
      );
    }
    const seed = new Uint8Array(hkdfSync('sha256', await this.#stretched, new Uint8Array(0), header, 32));
    return new STCWrapper(seed).createStreamContext(new Uint8Array(8), 0);
  }
}

/** The octets of an export. */
export async function* sealArchive(
  key: ArchiveKey,
  records: AsyncIterable<PlainRecord>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const header = Buffer.concat([MAGIC, Uint8Array.of(VERSION), randomBytes(SALT_OCTETS)]);
  const encoder = new StreamEncoder(await key.context(header), CHUNK_OCTETS);
  yield header;
  yield* frameChunks(encoder.encode(recordOctets(records)));
}

/**
 * The records of an export. That none are missing is proven only when it completes without an error.
 * @throws STTChamberError `ERR_STT_CHAMBER_EXPORT`, `ERR_STT_CHAMBER_VERSION`
 */
export async function* openArchive(
  key: ArchiveKey,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<PlainRecord, void, undefined> {
  const reader = new OctetReader(source);
  try {
    const header = Buffer.from(await reader.read(HEADER_OCTETS));
    if (!header.subarray(0, MAGIC.length).equals(MAGIC)) throw unreadable('it does not begin as one does');
    const version = header[MAGIC.length];
    if (version === undefined || header.length < HEADER_OCTETS) throw unreadable('it is cut short');
    if (version !== VERSION) throw sttError('ERR_STT_CHAMBER_VERSION', { record: 'The export', version });
    const decoder = new StreamDecoder(await key.context(header), {
      maxChunkSize: CHUNK_OCTETS,
      reorderWindow: 0,
    });
    yield* parseRecords(new OctetReader(decoder.decode(unframeChunks(reader, CHUNK_OCTETS))));
  } catch (error) {
    throw explained(error);
  } finally {
    await reader.close();
  }
}

async function* recordOctets(records: AsyncIterable<PlainRecord>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const { kind, id, value } of records) {
    const octets = idOctets(id);
    const head = Buffer.alloc(7 + octets.length);
    head[0] = kind;
    head.writeUInt16BE(octets.length, 1);
    head.set(octets, 3);
    head.writeUInt32BE(value.length, 3 + octets.length);
    yield head;
    if (value.length > 0) yield value;
  }
}

async function* parseRecords(reader: OctetReader): AsyncGenerator<PlainRecord, void, undefined> {
  const exactly = async (length: number): Promise<Uint8Array> => {
    const octets = await reader.read(length);
    if (octets.length < length) throw unreadable('a record in it is cut short');
    return octets;
  };
  for (;;) {
    const [first] = await reader.read(1);
    if (first === undefined) return;
    const kind = RECORD_KINDS.find((known) => known === first);
    if (kind === undefined) throw unreadable(`a record in it is of kind ${first}, which is unknown`);
    const idLength = Buffer.from(await exactly(2)).readUInt16BE();
    if (idLength === 0 || idLength > MAX_ID_OCTETS) throw unreadable('an id in it is empty or too long');
    const id = text(await exactly(idLength));
    const length = Buffer.from(await exactly(4)).readUInt32BE();
    if (length > MAX_VALUE_OCTETS) throw unreadable('a value in it is too large');
    const value = await exactly(length);
    if (kind !== RecordKind.KEY && !isDict(value)) throw unreadable('a record in it is no dictionary');
    yield { kind, id, value };
  }
}

function text(octets: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets);
  } catch (cause) {
    throw unreadable('an id in it is no text', cause);
  }
}

function isDict(octets: Uint8Array): boolean {
  try {
    const value = deserializeStt(octets);
    return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
  } catch {
    return false;
  }
}

function explained(error: unknown): unknown {
  switch ((error as Partial<STTError>).code) {
    case 'ERR_STT_AUTHENTICATION':
      return unreadable('it was changed, or the passphrase is another', error);
    case 'ERR_STT_CHUNK_REFUSED':
    case 'ERR_STT_CHUNKS_INCOMPLETE':
      return unreadable('it was changed or cut short', error);
    default:
      return error;
  }
}

function unreadable(why: string, cause?: unknown): Error {
  return sttError('ERR_STT_CHAMBER_EXPORT', { why }, cause === undefined ? {} : { cause });
}
