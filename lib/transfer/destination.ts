import type { Writable } from 'node:stream';
import type { FileHash, HashWorker } from './hash-worker.js';
import { IncomingFile, type Incoming } from './incoming-file.js';
import type { Begin, DirectoryEnd, DoneStatus, End, Entry, Hello, RefusalCode } from './messages.js';
import { EntryRefused, type TargetDirectory } from './target-directory.js';

/** Where a receiver puts what comes. Methods refuse by throwing `EntryRefused`. */
export interface Destination {
  /** Refuses a whole transfer before anything of it is sent. */
  admit(hello: Hello): Promise<void>;
  accept(entry: Entry, hashes: HashWorker): Promise<{ readonly file: Incoming; readonly offset: number }>;
  makeDirectory(entry: Entry): Promise<void>;
  finishDirectory(end: DirectoryEnd): Promise<void>;
}

/** Into a directory. */
export class DirectoryDestination implements Destination {
  readonly #target: TargetDirectory;

  constructor(target: TargetDirectory) {
    this.#target = target;
  }

  async admit({ octets, roots }: Hello): Promise<void> {
    if (octets === undefined) return;
    const free = await this.#target.freeOctets();
    if (octets <= free) return;
    // Part of it may be here already: then each file is judged by what it still needs.
    if (roots.length === 0 || (await this.#target.hasAny(roots))) return;
    throw new EntryRefused('no-space', `${octets} octets are needed, ${Math.max(0, free)} are free`);
  }

  async accept(entry: Entry, hashes: HashWorker): Promise<{ file: Incoming; offset: number }> {
    const place = await this.#target.place(entry);
    return { file: new IncomingFile(entry, place, this.#target, hashes), offset: place.offset };
  }

  makeDirectory(entry: Entry): Promise<void> {
    return this.#target.makeDirectory(entry.path, entry.mode);
  }

  finishDirectory(end: DirectoryEnd): Promise<void> {
    return this.#target.finishDirectory(end);
  }
}

/** Onto a stream such as stdout, as it arrives: one file, no resuming. What was written cannot be taken back. */
export class StreamDestination implements Destination {
  readonly #output: Writable;
  #isTaken = false;

  constructor(output: Writable) {
    this.#output = output;
  }

  admit({ files }: Hello): Promise<void> {
    return files > 1 ? refuse('the receiver writes to its standard output and takes one file') : Promise.resolve();
  }

  accept(entry: Entry, hashes: HashWorker): Promise<{ file: Incoming; offset: number }> {
    if (this.#isTaken) return refuse('the receiver writes to its standard output and takes one file');
    this.#isTaken = true;
    return Promise.resolve({ file: new IncomingStream(entry, this.#output, hashes), offset: 0 });
  }

  makeDirectory(): Promise<void> {
    return refuse('the receiver writes to its standard output and takes no directories');
  }

  finishDirectory(): Promise<void> {
    return Promise.resolve();
  }
}

/** Takes nothing, and says why. */
export class RefusingDestination implements Destination {
  readonly #refusal: EntryRefused;

  constructor(code: RefusalCode, reason: string) {
    this.#refusal = new EntryRefused(code, reason);
  }

  admit(): Promise<never> {
    return Promise.reject(this.#refusal);
  }

  accept(): Promise<never> {
    return this.admit();
  }

  makeDirectory(): Promise<never> {
    return this.admit();
  }

  finishDirectory(): Promise<never> {
    return this.admit();
  }
}

class IncomingStream implements Incoming {
  readonly entry: Entry;
  readonly #output: Writable;
  readonly #hash: FileHash;
  #received = 0;

  constructor(entry: Entry, output: Writable, hashes: HashWorker) {
    this.entry = entry;
    this.#output = output;
    this.#hash = hashes.hash();
  }

  prepare(): void {}

  begin(begin: Begin): Promise<boolean> {
    return Promise.resolve(begin.offset === 0 && this.#received === 0);
  }

  async write(octets: Uint8Array): Promise<void> {
    this.#received += octets.length;
    await this.#hash.bytes(octets);
    if (this.#output.destroyed) throw new EntryRefused('io', 'the receiver’s standard output was closed');
    if (!this.#output.write(octets)) await room(this.#output);
  }

  async finish(end: End): Promise<DoneStatus> {
    const sha256 = await this.#hash.digest();
    await this.#hash.close();
    if (end.size !== this.#received || Buffer.compare(sha256, end.sha256) !== 0) {
      throw new EntryRefused('integrity', 'the octets differ from the ones that the sender hashed');
    }
    return 'written';
  }

  async abandon(): Promise<string | undefined> {
    await this.#hash.close();
    return undefined;
  }
}

/** Resolves when a stream takes more, or never will. */
function room(output: Writable): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      output.off('drain', settle);
      output.off('close', settle);
      resolve();
    };
    output.on('drain', settle);
    output.on('close', settle);
  });
}

function refuse(reason: string): Promise<never> {
  return Promise.reject(new EntryRefused('unsupported', reason));
}
