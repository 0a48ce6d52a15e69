// The receiving side of the file-transfer protocol (docs/file-transfer.md): files that a node sends to the page.
import { sha256 } from '@noble/hashes/sha2.js';
import { Breach, hash, hex, integer, isEqual, MessageReader, MessageWriter, text, Type } from './messages.js';

/** Octets that are handed to the browser at once, which may keep them on its disk. */
const PART = 8 * 1_048_576;

/** The octets of one file, as far as they are here; it survives the connection. */
export class PartialFile {
  size;
  mtimeMs;
  #hash = sha256.create();
  #blobs = [];
  #chunks = [];
  #held = 0;
  octets = 0;

  constructor(size, mtimeMs) {
    this.size = size;
    this.mtimeMs = mtimeMs;
  }

  append(octets) {
    this.#hash.update(octets);
    this.#chunks.push(octets);
    this.octets += octets.length;
    this.#held += octets.length;
    if (this.#held >= PART) this.#flush();
  }

  digest() {
    return this.#hash.clone().digest();
  }

  toBlob() {
    this.#flush();
    return new Blob(this.#blobs, { type: 'application/octet-stream' });
  }

  #flush() {
    this.#blobs.push(new Blob(this.#chunks));
    this.#chunks = [];
    this.#held = 0;
  }
}

/**
 * Receives one transfer. `files` is what there is of each name, kept by the caller, so that a transfer that broke off
 * goes on where it ended. The observer hears `onFile(name, partial)`, `onDone(name, partial, sha256)` and
 * `onFailed(name, why)`.
 */
export async function receiveFiles(stream, files, observer) {
  const reader = new MessageReader(stream.readable);
  const writer = new MessageWriter(stream.writable);
  try {
    await new Receiver(reader, writer, files, observer).run();
    await writer.close();
  } catch (error) {
    await Promise.all([writer.abort(0), reader.cancel(0)]);
    throw error;
  }
}

class Receiver {
  #reader;
  #writer;
  #files;
  #observer;
  #accepted = new Map();
  #current;

  constructor(reader, writer, files, observer) {
    this.#reader = reader;
    this.#writer = writer;
    this.#files = files;
    this.#observer = observer;
  }

  async run() {
    const hello = await this.#reader.next();
    if (hello?.type !== Type.HELLO) throw new Breach('a transfer that does not begin with HELLO');
    if (!Array.isArray(hello.fields.versions) || !hello.fields.versions.includes(1)) {
      await this.#writer.send(Type.REFUSED, { code: 'version', reason: 'this page speaks version 1 only' });
      return;
    }
    await this.#writer.send(Type.WELCOME, { version: 1 });
    for (;;) {
      const message = await this.#reader.next();
      if (message === undefined) throw new Breach('the stream ended before the transfer did');
      if (message.type === Type.FINISH) break;
      await this.#handle(message);
    }
    await this.#writer.send(Type.FINISHED);
  }

  async #handle({ type, fields }) {
    switch (type) {
      case Type.ENTRY:
        return this.#entry(fields);
      case Type.BEGIN:
        return this.#begin(fields);
      case Type.DATA:
        for await (const octets of this.#reader.data()) this.#take(octets);
        return;
      case Type.END:
        return this.#end(fields);
      case Type.SKIP:
        return this.#skip(fields);
      case Type.DIRECTORY:
        return;
      default:
        throw new Breach(`a message of type ${type}`);
    }
  }

  async #entry(fields) {
    const id = integer(fields, 'id');
    if (this.#accepted.size >= 256) throw new Breach('too many files at once');
    const name = text(fields, 'path', 4096);
    if (fields.kind !== 'file') {
      // The page keeps single files; where they lie is for the person to say.
      await this.#writer.send(Type.ACCEPT, { id, offset: 0 });
      return;
    }
    const size = fields.size === undefined ? undefined : integer(fields, 'size');
    let partial = this.#files.get(name);
    if (partial === undefined || size === undefined || partial.size !== size || partial.mtimeMs !== fields.mtimeMs) {
      partial = new PartialFile(size, fields.mtimeMs);
    }
    this.#accepted.set(id, { name, partial });
    await this.#writer.send(Type.ACCEPT, { id, offset: partial.octets });
  }

  async #begin(fields) {
    const id = integer(fields, 'id');
    const offset = integer(fields, 'offset');
    const accepted = this.#accepted.get(id);
    if (accepted === undefined || this.#current !== undefined) throw new Breach('a file that was not accepted');
    if (
      offset > 0 &&
      !(offset === accepted.partial.octets && isEqual(hash(fields, 'prefix'), accepted.partial.digest()))
    ) {
      // The octets here are of another file with the same name.
      const { size, mtimeMs } = accepted.partial;
      accepted.partial = new PartialFile(size, mtimeMs);
      await this.#writer.send(Type.RESTART, { id });
      return;
    }
    if (offset === 0 && accepted.partial.octets > 0) {
      accepted.partial = new PartialFile(accepted.partial.size, accepted.partial.mtimeMs);
    }
    this.#current = { id, ...accepted };
    this.#files.set(accepted.name, accepted.partial);
    this.#observer.onFile(accepted.name, accepted.partial);
  }

  #take(octets) {
    // Of a file that is to be restarted.
    if (this.#current === undefined) return;
    const { partial } = this.#current;
    if (partial.size !== undefined && partial.octets + octets.length > partial.size) {
      throw new Breach('more octets than the file has');
    }
    partial.append(octets);
  }

  async #end(fields) {
    const id = integer(fields, 'id');
    if (this.#current?.id !== id) return;
    const { name, partial } = this.#current;
    this.#current = undefined;
    this.#accepted.delete(id);
    this.#files.delete(name);
    const digest = partial.digest();
    if (partial.octets !== integer(fields, 'size') || !isEqual(digest, hash(fields, 'sha256'))) {
      await this.#writer.send(Type.REJECT, { id, code: 'integrity', reason: 'the hash differs' });
      this.#observer.onFailed(name, 'What arrived is not what was sent: its hash differs. Get it again.');
      return;
    }
    this.#observer.onDone(name, partial, hex(digest));
    await this.#writer.send(Type.DONE, { id, status: 'written' });
  }

  #skip(fields) {
    const id = integer(fields, 'id');
    const accepted = this.#accepted.get(id);
    this.#accepted.delete(id);
    if (this.#current?.id === id) this.#current = undefined;
    if (accepted !== undefined)
      this.#observer.onFailed(accepted.name, `The node gave it up: ${text(fields, 'reason')}`);
  }
}
