// The messages of the file-transfer protocol (docs/file-transfer.md) on a pair of Web Streams:
//
//   type u8 | length u32, big-endian | body
//
// where the body is a serialized dictionary, or octets of a file for DATA.
import { deserializeStt, serializeStt } from 'seigr-toolset-transmissions';

export const Type = {
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
};

/** Largest body of DATA, and of any other message. */
export const MAX_DATA = 1_048_576;
const MAX_BODY = 98_304;
const HEADER = 5;

/** The peer does not keep to the protocol. */
export class Breach extends Error {}

function header(type, length) {
  const octets = new Uint8Array(HEADER);
  octets[0] = type;
  new DataView(octets.buffer).setUint32(1, length);
  return octets;
}

/** Writes messages; every promise resolves when there is room for more. */
export class MessageWriter {
  #writer;

  constructor(writable) {
    this.#writer = writable.getWriter();
    // Told by whoever writes next.
    this.#writer.closed.catch(() => {});
  }

  async send(type, fields = {}) {
    const body = serializeStt(fields);
    await this.#writer.ready;
    await this.#writer.write(concat(header(type, body.length), body));
  }

  /** At most MAX_DATA octets, at least one. They are the writer's from now on. */
  async sendData(octets) {
    await this.#writer.ready;
    void this.#writer.write(header(Type.DATA, octets.length)).catch(() => {});
    await this.#writer.write(octets);
  }

  /** Resolves when the peer has acknowledged everything. */
  close() {
    return this.#writer.close();
  }

  abort(reason) {
    return this.#writer.abort(reason).catch(() => {});
  }
}

/** Reads messages, with no more of them in memory than the one at hand. */
export class MessageReader {
  #reader;
  #rest = new Uint8Array();
  #dataLeft = 0;

  constructor(readable) {
    this.#reader = readable.getReader();
  }

  /** `{ type, fields }`, `{ type: Type.DATA }`, or undefined at the end of the stream. Take all data before. */
  async next() {
    const head = await this.#exactly(HEADER, true);
    if (head === undefined) return undefined;
    const type = head[0];
    const length = new DataView(head.buffer, head.byteOffset).getUint32(1);
    if (type === Type.DATA) {
      if (length === 0 || length > MAX_DATA) throw new Breach(`${length} octets of data in one message`);
      this.#dataLeft = length;
      return { type };
    }
    if (length > MAX_BODY) throw new Breach(`a message of ${length} octets`);
    return { type, fields: dictionary(await this.#exactly(length)) };
  }

  /** The octets of a DATA message, in pieces as they come. */
  async *data() {
    while (this.#dataLeft > 0) {
      const piece = await this.#some(this.#dataLeft);
      if (piece === undefined) throw new Breach('the stream ended inside of a file');
      this.#dataLeft -= piece.length;
      yield piece;
    }
  }

  cancel(reason) {
    return this.#reader.cancel(reason).catch(() => {});
  }

  async #some(most) {
    if (this.#rest.length === 0) {
      const { value, done } = await this.#reader.read();
      if (done) return undefined;
      this.#rest = value;
    }
    const piece = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(piece.length);
    return piece;
  }

  async #exactly(length, mayEnd = false) {
    const whole = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const piece = await this.#some(length - at);
      if (piece === undefined) {
        if (mayEnd && at === 0) return undefined;
        throw new Breach('the stream ended inside of a message');
      }
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }
}

function dictionary(body) {
  let value;
  try {
    value = deserializeStt(body);
  } catch {
    throw new Breach('a message that cannot be read');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    throw new Breach('a message that is no dictionary');
  }
  return value;
}

/** A field that must be an integer of at least 0. */
export function integer(fields, name) {
  const value = fields[name];
  if (!Number.isSafeInteger(value) || value < 0) throw new Breach(`a message without a good \`${name}\``);
  return value;
}

/** A field that must be text; cut to what a person can read. */
export function text(fields, name, most = 300) {
  const value = fields[name];
  if (typeof value !== 'string') throw new Breach(`a message without a good \`${name}\``);
  return value.slice(0, most);
}

/** A field that must be a SHA-256. */
export function hash(fields, name) {
  const value = fields[name];
  if (!(value instanceof Uint8Array) || value.length !== 32) throw new Breach(`a message without a good \`${name}\``);
  return value;
}

export function hex(octets) {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join('');
}

export function isEqual(a, b) {
  return a.length === b.length && a.every((octet, i) => octet === b[i]);
}

function concat(a, b) {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}
