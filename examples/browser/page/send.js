// The sending side of the file-transfer protocol (docs/file-transfer.md), for one file of the browser's.
import { sha256 } from '@noble/hashes/sha2.js';
import { Breach, hex, integer, MAX_DATA, MessageReader, MessageWriter, text, Type } from './messages.js';

/** The node does not want the file, or could not keep it. Sending it again would not help. */
export class Refused extends Error {}

/** One file on its way to the node. A new one, made after the connection broke, goes on where the last one ended. */
export class Upload {
  #file;
  #onBegin;
  #stream;
  #writer;
  #given = 0;
  #offset;
  #begun;
  #mustRestart = false;
  #isOver = false;
  #isFinished = false;
  #status;
  #failure;
  #wake = () => {};

  /** `onBegin(offset)` is called when octets begin to cross; the node had `offset` of them. */
  constructor(file, onBegin) {
    this.#file = file;
    this.#onBegin = onBegin;
  }

  /** Octets that the node has, those of an earlier attempt included: what is still on its way does not count. */
  get octets() {
    if (this.#begun === undefined) return 0;
    return Math.max(0, this.#given - this.#stream.unacknowledgedOctets);
  }

  /** Sends the file. Resolves to `{ status, sha256 }` when the node has it on its disk and its hash is right. */
  async run(session) {
    const file = this.#file;
    this.#stream = await session.openStream();
    const reader = new MessageReader(this.#stream.readable);
    const writer = (this.#writer = new MessageWriter(this.#stream.writable));
    try {
      void this.#listen(reader);
      await writer.send(Type.HELLO, { versions: [1], files: 1, octets: file.size, roots: [file.name] });
      await writer.send(Type.ENTRY, {
        id: 0,
        kind: 'file',
        path: file.name,
        size: file.size,
        mtimeMs: Math.round(file.lastModified),
      });
      await this.#until(() => this.#offset !== undefined);
      let digest;
      do {
        this.#mustRestart = false;
        digest = await this.#octetsFrom(this.#offset);
        await this.#until(() => this.#status !== undefined || this.#mustRestart);
      } while (this.#mustRestart);
      await writer.send(Type.FINISH);
      await this.#until(() => this.#isFinished);
      await writer.close();
      return { status: this.#status, sha256: hex(digest) };
    } catch (error) {
      await Promise.all([writer.abort(0), reader.cancel(0)]);
      throw this.#failure ?? error;
    }
  }

  /** Ends the attempt. */
  cancel(reason) {
    this.#failure ??= reason;
    this.#isOver = true;
    this.#wake();
    // Whoever waits for room waits no more.
    void this.#writer?.abort(1);
  }

  async #octetsFrom(offset) {
    const file = this.#file;
    const hash = sha256.create();
    for (let at = 0; at < offset;) {
      const octets = await piece(file, at, Math.min(offset, at + MAX_DATA));
      hash.update(octets);
      at += octets.length;
    }
    const prefix = offset > 0 ? { prefix: hash.clone().digest() } : {};
    await this.#writer.send(Type.BEGIN, { id: 0, offset, ...prefix });
    this.#begun = offset;
    this.#given = offset;
    this.#onBegin(offset);
    // Read ahead by one piece: the disk and the network work at once.
    let next = piece(file, offset, offset + MAX_DATA);
    for (let at = offset; at < file.size;) {
      const octets = await next;
      at += octets.length;
      next = piece(file, at, at + MAX_DATA);
      next.catch(() => {});
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#mustRestart) return undefined;
      hash.update(octets);
      this.#given += octets.length;
      await this.#writer.sendData(octets);
    }
    const digest = hash.digest();
    await this.#writer.send(Type.END, { id: 0, size: file.size, sha256: digest });
    return digest;
  }

  async #listen(reader) {
    try {
      for (;;) {
        const message = await reader.next();
        if (message === undefined) break;
        this.#handle(message);
        this.#wake();
      }
      if (!this.#isFinished) throw new Breach('the node ended the transfer before it was complete');
    } catch (error) {
      this.#failure ??= error;
    }
    this.#isOver = true;
    this.#wake();
  }

  #handle({ type, fields }) {
    switch (type) {
      case Type.WELCOME:
        if (integer(fields, 'version') !== 1) throw new Breach('a version that was not offered');
        return;
      case Type.REFUSED:
      case Type.REJECT:
        throw new Refused(text(fields, 'reason'));
      case Type.ACCEPT:
        this.#offset = integer(fields, 'offset');
        if (this.#offset > this.#file.size) throw new Breach('the node has more than the file');
        return;
      case Type.RESTART:
        if (!(this.#begun > 0)) throw new Breach('a restart of what was not resumed');
        this.#offset = 0;
        this.#begun = 0;
        this.#mustRestart = true;
        return;
      case Type.DONE:
        this.#status = text(fields, 'status');
        return;
      case Type.FINISHED:
        this.#isFinished = true;
        return;
      default:
        throw new Breach(`a message of type ${type}`);
    }
  }

  async #until(isMet) {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (isMet()) return;
      if (this.#isOver) throw new Breach('the node ended the transfer before it was complete');
      await new Promise((resolve) => (this.#wake = resolve));
    }
  }
}

async function piece(file, begin, end) {
  return new Uint8Array(await file.slice(begin, end).arrayBuffer());
}
