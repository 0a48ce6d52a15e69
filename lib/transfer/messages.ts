import { sttError } from '../node-errors.js';
import { deserializeStt, serializeStt, type SttValue } from '../wire/serialization.js';

/*
 * The messages of the file-transfer protocol (docs/file-transfer.md). One stream carries one transfer; every message is
 *
 *   type u8 | length u32, big-endian | body
 *
 * where the body is a serialized dictionary (STT §9), or raw octets for DATA.
 */

/** Versions of the file-transfer protocol spoken here, best first. */
export const TRANSFER_VERSIONS: readonly number[] = [1];

/** Types of messages; the top bit says that the receiver sends it. */
export const MessageType = {
  HELLO: 0x01,
  ENTRY: 0x02,
  BEGIN: 0x03,
  DATA: 0x04,
  END: 0x05,
  SKIP: 0x06,
  DIRECTORY: 0x07,
  FINISH: 0x08,
  WELCOME: 0x81,
  REFUSED: 0x82,
  ACCEPT: 0x83,
  REJECT: 0x84,
  RESTART: 0x85,
  DONE: 0x86,
  FINISHED: 0x87,
} as const;

/** Octets before a message's body. */
export const MESSAGE_HEADER = 5;
/** Largest DATA body: one read of a file. */
export const MAX_DATA = 1_048_576;
/** Largest body of any other message: a path of MAX_PATH octets, 256 roots of 255 octets, and the rest. */
export const MAX_BODY = 98_304;
/** Longest path, in octets of UTF-8: what Linux takes. */
export const MAX_PATH = 4096;
/** Longest name of one directory entry, in octets of UTF-8. */
export const MAX_NAME = 255;
/** Directories below one another; deeper than any path of MAX_PATH octets is likely to be, and bounds recursion. */
export const MAX_DEPTH = 256;
/** Names that HELLO lists at most. */
export const MAX_ROOTS = 256;
/** Entries that a sender may have announced without having begun or skipped them. */
export const MAX_OUTSTANDING = 256;
/** Entries that this sender announces ahead, so that many small files do not cost a round trip each. */
export const ANNOUNCE_AHEAD = 64;
/** Longest reason shown to a person, in characters. */
export const MAX_REASON = 300;

/** Why a receiver refuses a transfer or one entry of it. */
export type RefusalCode =
  'version' | 'busy' | 'name' | 'exists' | 'no-space' | 'unsupported' | 'integrity' | 'io' | 'cancelled';

const REFUSAL_CODES: readonly string[] = [
  'version',
  'busy',
  'name',
  'exists',
  'no-space',
  'unsupported',
  'integrity',
  'io',
  'cancelled',
];

/** Begins a transfer. */
export interface Hello {
  readonly versions: readonly number[];
  /** Files to come, and their octets; absent where unknown. */
  readonly files: number;
  readonly octets: number | undefined;
  /** First components of the paths to come; empty if too many. */
  readonly roots: readonly string[];
}

/** Announces a file or directory. */
export interface Entry {
  readonly id: number;
  readonly kind: 'file' | 'directory';
  /** Components joined by '/', relative to the receiver's directory. */
  readonly path: string;
  /** Octets; undefined for a source without known length (stdin), which cannot be resumed. */
  readonly size: number | undefined;
  /** Modification time in milliseconds since the epoch; undefined if there is none. */
  readonly mtimeMs: number | undefined;
  /** Permission bits, 0..0o777. */
  readonly mode: number | undefined;
}

/** The octets of an announced file follow, from `offset` on. `prefix` is the SHA-256 of all octets before. */
export interface Begin {
  readonly id: number;
  readonly offset: number;
  readonly prefix: Uint8Array | undefined;
}

/** All octets of a file were sent. */
export interface End {
  readonly id: number;
  readonly size: number;
  /** SHA-256 over the whole file. */
  readonly sha256: Uint8Array;
}

/** A refusal: of the transfer (`id` undefined), or of an entry. */
export interface Refusal {
  readonly id: number | undefined;
  readonly code: RefusalCode;
  /** For a person. Untrusted text. */
  readonly reason: string;
}

/** How a file ended up at the receiver: written, or already there with the same octets. */
export type DoneStatus = 'written' | 'unchanged';

/** Times and mode of a directory whose contents are complete. */
export interface DirectoryEnd {
  readonly path: string;
  readonly mtimeMs: number | undefined;
  readonly mode: number | undefined;
}

/** A breach of the protocol by the peer. */
export function breach(why: string): Error {
  return sttError('ERR_STT_TRANSFER_PROTOCOL', { why });
}

/** Header of a message. */
export function encodeHeader(type: number, length: number): Uint8Array {
  const header = new Uint8Array(MESSAGE_HEADER);
  header[0] = type;
  new DataView(header.buffer).setUint32(1, length);
  return header;
}

/** Fields of a message; undefined ones are left out. */
export type MessageBody = Readonly<Record<string, SttValue | undefined>>;

/** A whole message with a dictionary as its body; undefined values are left out. */
export function encodeMessage(type: number, body: MessageBody): Uint8Array {
  const present = Object.entries(body).filter((field): field is [string, SttValue] => field[1] !== undefined);
  const fields = Object.fromEntries(present);
  const octets = serializeStt(fields);
  const message = new Uint8Array(MESSAGE_HEADER + octets.length);
  message.set(encodeHeader(type, octets.length));
  message.set(octets, MESSAGE_HEADER);
  return message;
}

/** The fields of a body that came from the peer, taken out one by one with their types and ranges checked. */
export class Fields {
  readonly #fields: ReadonlyMap<string, unknown>;

  /** @throws STTTransferError `ERR_STT_TRANSFER_PROTOCOL` */
  constructor(body: Uint8Array) {
    let value: unknown;
    try {
      value = deserializeStt(body);
    } catch {
      throw breach('a message is no serialized value');
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
      throw breach('a message is no dictionary');
    }
    this.#fields = new Map(Object.entries(value));
  }

  integer(name: string, min: number, max: number): number {
    return this.optionalInteger(name, min, max) ?? missing(name);
  }

  optionalInteger(name: string, min: number, max: number): number | undefined {
    const value = this.#fields.get(name);
    if (value === undefined) return undefined;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) throw wrong(name);
    return value;
  }

  text(name: string, maxLength: number): string {
    const value = this.#fields.get(name) ?? missing(name);
    if (typeof value !== 'string' || value.length > maxLength) throw wrong(name);
    return value;
  }

  optionalHash(name: string): Uint8Array | undefined {
    const value = this.#fields.get(name);
    if (value === undefined) return undefined;
    if (!(value instanceof Uint8Array) || value.length !== 32) throw wrong(name);
    return value;
  }

  hash(name: string): Uint8Array {
    return this.optionalHash(name) ?? missing(name);
  }

  list<T>(name: string, max: number, isItem: (item: unknown) => item is T): readonly T[] {
    const value = this.#fields.get(name) ?? missing(name);
    if (!Array.isArray(value) || value.length > max || !value.every(isItem)) throw wrong(name);
    return value;
  }
}

export function parseHello(body: Uint8Array): Hello {
  const fields = new Fields(body);
  return {
    versions: fields.list('versions', 16, (item): item is number => Number.isInteger(item)),
    files: fields.integer('files', 0, Number.MAX_SAFE_INTEGER),
    octets: fields.optionalInteger('octets', 0, Number.MAX_SAFE_INTEGER),
    roots: fields.list('roots', MAX_ROOTS, (item): item is string => typeof item === 'string'),
  };
}

export function parseEntry(body: Uint8Array): Entry {
  const fields = new Fields(body);
  const kind = fields.text('kind', 16);
  if (kind !== 'file' && kind !== 'directory') throw wrong('kind');
  return {
    id: fields.integer('id', 0, Number.MAX_SAFE_INTEGER),
    kind,
    // Longer ones are refused by name, not as a breach, so that the sender hears which file it was.
    path: fields.text('path', MAX_BODY),
    size: fields.optionalInteger('size', 0, Number.MAX_SAFE_INTEGER),
    ...parseAttributes(fields),
  };
}

export function parseDirectoryEnd(body: Uint8Array): DirectoryEnd {
  const fields = new Fields(body);
  return { path: fields.text('path', MAX_BODY), ...parseAttributes(fields) };
}

export function parseBegin(body: Uint8Array): Begin {
  const fields = new Fields(body);
  const offset = fields.integer('offset', 0, Number.MAX_SAFE_INTEGER);
  const prefix = fields.optionalHash('prefix');
  if (offset > 0 && prefix === undefined) missing('prefix');
  return { id: fields.integer('id', 0, Number.MAX_SAFE_INTEGER), offset, prefix };
}

export function parseEnd(body: Uint8Array): End {
  const fields = new Fields(body);
  return {
    id: fields.integer('id', 0, Number.MAX_SAFE_INTEGER),
    size: fields.integer('size', 0, Number.MAX_SAFE_INTEGER),
    sha256: fields.hash('sha256'),
  };
}

/** ACCEPT, RESTART, DONE, SKIP: an id, and what else the caller asks for. */
export function parseId(fields: Fields): number {
  return fields.integer('id', 0, Number.MAX_SAFE_INTEGER);
}

export function parseRefusal(body: Uint8Array): Refusal {
  const fields = new Fields(body);
  const code = fields.text('code', 32);
  return {
    id: fields.optionalInteger('id', 0, Number.MAX_SAFE_INTEGER),
    // A code of a later minor revision is an unspecific failure to this one.
    code: REFUSAL_CODES.includes(code) ? (code as RefusalCode) : 'io',
    reason: fields.text('reason', MAX_BODY).slice(0, MAX_REASON),
  };
}

function parseAttributes(fields: Fields): { mtimeMs: number | undefined; mode: number | undefined } {
  return {
    // 8.64e15 ms is as far as a Date reaches.
    mtimeMs: fields.optionalInteger('mtimeMs', -8.64e15, 8.64e15),
    mode: fields.optionalInteger('mode', 0, 0o777),
  };
}

function missing(name: string): never {
  throw breach(`a message lacks \`${name}\``);
}

function wrong(name: string): Error {
  return breach(`\`${name}\` of a message has a wrong type or is out of range`);
}
