import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { FileHash, HashWorker } from './hash-worker.js';
import { MAX_DATA } from './messages.js';

/** Octets per read: large, since each read is a round through the thread pool. */
export const READ_OCTETS = 524_288;

/** Octets of one file or stream to be sent. */
export interface Outgoing {
  /** SHA-256 of the first `offset` octets, which need not be sent if the receiver has the same. */
  prefix(offset: number): Promise<Uint8Array>;
  /** The octets from `offset` on, in fresh chunks of at most MAX_DATA octets. */
  chunks(offset: number): AsyncIterable<Uint8Array>;
  /** SHA-256 over everything, after all chunks were taken. */
  digest(): Promise<{ readonly size: number; readonly sha256: Uint8Array }>;
  close(): Promise<void>;
}

/** The first `size` octets of a file: one that grows is sent as it was announced. */
export class OutgoingFile implements Outgoing {
  readonly #handle: FileHandle;
  readonly #size: number;
  readonly #hashes: HashWorker;
  #hash: FileHash;
  /** SHA-256 of the first octets, as many as the receiver has. */
  #prefix: { readonly offset: number; readonly sha256: Uint8Array } | undefined;

  private constructor(handle: FileHandle, size: number, hashes: HashWorker) {
    this.#handle = handle;
    this.#size = size;
    this.#hashes = hashes;
    this.#hash = hashes.hash();
  }

  static async open(path: string, size: number, hashes: HashWorker): Promise<OutgoingFile> {
    // O_NONBLOCK: a pipe that took the file's place meanwhile must not hold the thread.
    const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stats = await handle.stat();
    if (!stats.isFile() || stats.size < size) {
      await handle.close();
      throw changed();
    }
    return new OutgoingFile(handle, size, hashes);
  }

  async prefix(offset: number): Promise<Uint8Array> {
    await this.#hash.advance(this.#handle.fd, offset);
    const sha256 = await this.#hash.digest();
    this.#prefix = { offset, sha256 };
    return sha256;
  }

  async *chunks(offset: number): AsyncGenerator<Uint8Array, void, undefined> {
    if (offset === 0 && this.#prefix !== undefined) {
      // The receiver has other octets: from the beginning.
      await this.#hash.close();
      this.#hash = this.#hashes.hash();
      this.#prefix = undefined;
    }
    let next = this.#read(offset);
    try {
      for (let at = offset; at < this.#size;) {
        const chunk = await next;
        if (chunk.length === 0) throw changed();
        at += chunk.length;
        // One read ahead, while the chunk is being sent.
        next = this.#read(at);
        await this.#hash.advance(this.#handle.fd, at);
        yield chunk;
      }
    } finally {
      await next.catch(ignore);
    }
  }

  async digest(): Promise<{ size: number; sha256: Uint8Array }> {
    const known = this.#prefix?.offset === this.#size ? this.#prefix.sha256 : undefined;
    return { size: this.#size, sha256: known ?? (await this.#hash.digest()) };
  }

  async close(): Promise<void> {
    await this.#hash.close();
    await this.#handle.close();
  }

  /** A fresh buffer every time: the stream keeps it until it is acknowledged. */
  async #read(at: number): Promise<Uint8Array> {
    const length = Math.min(READ_OCTETS, this.#size - at);
    if (length === 0) return new Uint8Array(0);
    const buffer = Buffer.allocUnsafeSlow(length);
    const { bytesRead } = await this.#handle.read(buffer, 0, length, at);
    return bytesRead === length ? buffer : buffer.subarray(0, bytesRead);
  }
}

/** Octets of unknown length, such as stdin: read once, not resumable. */
export class OutgoingStream implements Outgoing {
  readonly #input: NodeJS.ReadableStream;
  readonly #hash: FileHash;
  #size = 0;

  constructor(input: NodeJS.ReadableStream, hashes: HashWorker) {
    this.#input = input;
    this.#hash = hashes.hash();
  }

  prefix(): Promise<Uint8Array> {
    return Promise.reject(new Error('a stream cannot be resumed'));
  }

  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const octets of this.#input as AsyncIterable<Uint8Array | string>) {
      const whole = typeof octets === 'string' ? Buffer.from(octets) : octets;
      for (let at = 0; at < whole.length; at += MAX_DATA) {
        const chunk = whole.subarray(at, at + MAX_DATA);
        this.#size += chunk.length;
        await this.#hash.bytes(chunk);
        yield chunk;
      }
    }
  }

  async digest(): Promise<{ size: number; sha256: Uint8Array }> {
    return { size: this.#size, sha256: await this.#hash.digest() };
  }

  close(): Promise<void> {
    return this.#hash.close();
  }
}

function changed(): Error {
  return Object.assign(new Error('it changed while it was being sent'), { code: 'ERR_STT_TRANSFER_FAILED' });
}

function ignore(): void {}
