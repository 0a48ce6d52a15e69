import { Worker } from 'node:worker_threads';

/*
 * SHA-256 on a thread of its own: hashing inside the event loop would take half of a core away from the packets.
 * File octets are read by the worker itself, right behind the reading or writing side (page cache), so nothing is
 * copied between the threads. The worker's code is a string because it then is the same thing in dist/, in tests that
 * run the TypeScript sources, and in bundles.
 */
const WORKER = `
const { parentPort } = require('node:worker_threads');
const { createHash } = require('node:crypto');
const { readSync } = require('node:fs');
const hashes = new Map();
const buffer = Buffer.allocUnsafeSlow(1048576);
const operations = {
  open({ id }) { hashes.set(id, createHash('sha256')); },
  bytes({ id, bytes }) { hashes.get(id).update(bytes); },
  file({ id, fd, begin, end }) {
    const hash = hashes.get(id);
    let at = begin;
    while (at < end) {
      const count = readSync(fd, buffer, 0, Math.min(buffer.length, end - at), at);
      if (count === 0) break;
      hash.update(buffer.subarray(0, count));
      at += count;
    }
    return at;
  },
  peek({ id }) { return hashes.get(id).copy().digest(); },
  close({ id }) { hashes.delete(id); },
};
parentPort.on('message', (request) => {
  let value, error;
  try { value = operations[request.op](request); } catch (e) { error = e; }
  parentPort.postMessage({ value, error });
});
`;

/** Octets hashed per request, so that several files being hashed take turns. */
const STEP = 8 * 1_048_576;

/** Octets that a hash may be behind; more would leave the page cache and be read from the disk again. */
export const MAX_LAG = 64 * 1_048_576;

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** A worker thread that hashes any number of files at once. Holds the process only while something is being hashed. */
export class HashWorker {
  #worker: Worker | undefined;
  /** Answers come in the order of requests. */
  #waiting: Waiting[] = [];
  #nextId = 1;
  #isClosed = false;

  /** A SHA-256 that begins. */
  hash(): FileHash {
    const id = this.#nextId++;
    return new FileHash((op, details, transfer) => this.#request({ op, id, ...details }, transfer));
  }

  /** Ends the thread; what is being hashed fails. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#isClosed = true;
    this.#fail(closed());
    await worker?.terminate();
  }

  #request(request: object, transfer: readonly ArrayBuffer[] = []): Promise<unknown> {
    if (this.#isClosed) return Promise.reject(closed());
    const worker = (this.#worker ??= this.#start());
    if (this.#waiting.length === 0) worker.ref();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      worker.postMessage(request, transfer);
    });
  }

  #start(): Worker {
    const worker = new Worker(WORKER, { eval: true, name: 'stt-hash' });
    worker.unref();
    worker.on('message', ({ value, error }: { value: unknown; error?: Error }) => {
      const waiting = this.#waiting.shift();
      if (this.#waiting.length === 0) worker.unref();
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(error);
    });
    worker.on('error', (error) => {
      this.#worker = undefined;
      this.#fail(error as Error);
    });
    return worker;
  }

  #fail(error: Error): void {
    for (const waiting of this.#waiting) waiting.reject(error);
    this.#waiting = [];
  }
}

function closed(): Error {
  return new Error('the hash worker was closed');
}

type Request = (op: string, details?: object, transfer?: readonly ArrayBuffer[]) => Promise<unknown>;

/**
 * One SHA-256, fed in order from a file or with octets. Requests are posted without waiting for the ones before, which
 * the worker does in order: a small file costs one round trip between the threads.
 */
export class FileHash {
  readonly #request: Request;
  /** Settles when all that was asked for is done. */
  #tail: Promise<unknown>;
  /** Octets asked for, and done. */
  #asked = 0;
  #done = 0;
  /** Ranges that are hashed in several steps; what is asked for meanwhile waits for them. */
  #stepping = 0;
  #isClosed = false;

  /** @internal */
  constructor(request: Request) {
    this.#request = request;
    this.#tail = request('open');
    this.#tail.catch(ignore);
  }

  /**
   * Hashes the file up to `end`, from where this hash is. Resolves at once while the hash is less than MAX_LAG behind.
   * `fd` must stay open until `close()` settled.
   */
  async advance(fd: number, end: number): Promise<void> {
    const begin = this.#asked;
    this.#asked = end;
    if (this.#stepping > 0 || end - begin > STEP) await this.#lag(this.#inSteps(fd, begin, end), end);
    else await this.#lag(this.#hashRange(fd, begin, end), end);
  }

  /** Hashes a copy of the octets. Resolves at once while the hash is less than MAX_LAG behind. */
  async bytes(octets: Uint8Array): Promise<void> {
    const bytes = new Uint8Array(octets);
    this.#asked += bytes.length;
    const target = this.#asked;
    const hashing = this.#request('bytes', { bytes }, [bytes.buffer]).then(() => (this.#done = target));
    await this.#lag(hashing, target);
  }

  /** SHA-256 of everything so far; more may follow. */
  async digest(): Promise<Uint8Array> {
    if (this.#stepping > 0) await this.#tail;
    const [, digest] = await Promise.all([this.#tail, this.#request('peek')]);
    return digest as Uint8Array;
  }

  /** Forgets the hash. Resolves when no file is read any more, soon also if much was asked for. Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#tail.catch(ignore);
    this.#request('close').catch(ignore);
  }

  async #lag(hashing: Promise<unknown>, end: number): Promise<void> {
    this.#tail = Promise.all([this.#tail, hashing]);
    this.#tail.catch(ignore);
    if (end - this.#done > MAX_LAG) await this.#tail;
  }

  async #inSteps(fd: number, begin: number, end: number): Promise<void> {
    const before = this.#tail;
    this.#stepping++;
    try {
      await before;
      for (let at = begin; at < end && !this.#isClosed; at += STEP) {
        await this.#hashRange(fd, at, Math.min(end, at + STEP));
      }
    } finally {
      this.#stepping--;
    }
  }

  async #hashRange(fd: number, begin: number, end: number): Promise<void> {
    const reached = (await this.#request('file', { fd, begin, end })) as number;
    this.#done = reached;
    if (reached < end) throw new Error('the file became shorter while it was hashed');
  }
}

function ignore(): void {}
