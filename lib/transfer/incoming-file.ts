import type { FileHandle } from 'node:fs/promises';
import type { FileHash, HashWorker } from './hash-worker.js';
import { EntryRefused, type Place, type TargetDirectory } from './target-directory.js';
import type { Begin, DoneStatus, End, Entry } from './messages.js';

/** Octets given to one write: few system calls, and short enough that the queue keeps moving. */
const WRITE_OCTETS = 1_048_576;
/** Octets that may wait for the disk before the stream is no longer read. */
const MAX_WAITING = 4 * 1_048_576;

/** Where the octets of a file go. Methods are called one at a time. */
export interface Incoming {
  readonly entry: Entry;
  /** Begins to hash what is here already, ahead of `begin`. */
  prepare(): void;
  /** The sender begins: false if its octets before `offset` are not the ones that are here, and it must start over. */
  begin(begin: Begin): Promise<boolean>;
  /** The next octets, kept. May resolve before they are written. */
  write(octets: Uint8Array): Promise<void> | undefined;
  /** Everything was sent: verifies and gives the file its name. */
  finish(end: End): Promise<DoneStatus>;
  /** Gives up. What can be resumed is kept; resolves to where it is. Idempotent; nothing after `finish`. */
  abandon(): Promise<string | undefined>;
}

/** A file that is received into a directory: a partial file until it is complete and verified. */
export class IncomingFile implements Incoming {
  readonly entry: Entry;
  readonly #place: Place;
  readonly #target: TargetDirectory;
  readonly #hashes: HashWorker;
  #handle: FileHandle | undefined;
  #hash: FileHash | undefined;
  /** Octets that are in the file, and that were given to `write`. */
  #written = 0;
  #received = 0;
  #queue: Uint8Array[] = [];
  #waiting = 0;
  #writing: Promise<void> | undefined;
  #failure: Error | undefined;
  #over = false;
  /** The prefix is being hashed since the entry was accepted, while the sender hashes its own. */
  #prefix: Promise<Uint8Array> | undefined;
  /** Octets that `#prefix` is the hash of, once the sender has proved to have the same. */
  #prefixOctets = 0;

  constructor(entry: Entry, place: Place, target: TargetDirectory, hashes: HashWorker) {
    this.entry = entry;
    this.#place = place;
    this.#target = target;
    this.#hashes = hashes;
  }

  prepare(): void {
    if (this.#place.offset === 0) return;
    this.#prefix = this.#hashPrefix();
    this.#prefix.catch(ignore);
  }

  async begin(begin: Begin): Promise<boolean> {
    const { action, offset } = this.#place;
    if (begin.offset > 0) {
      if (begin.offset !== offset) throw new EntryRefused('io', 'it was not begun where the receiver said');
      this.#prefix ??= this.#hashPrefix();
      const prefix = await this.#prefix;
      if (Buffer.compare(prefix, begin.prefix!) === 0) {
        this.#written = this.#received = this.#prefixOctets = offset;
        return true;
      }
      if (action === 'compare') await this.#target.overwrite(this.#place);
      return false;
    }
    if (action === 'compare' && offset > 0) await this.#target.overwrite(this.#place);
    await this.#startOver();
    return true;
  }

  write(octets: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    this.#received += octets.length;
    if (this.entry.size !== undefined && this.#received > this.entry.size) {
      throw new EntryRefused('io', 'more octets came than were announced');
    }
    this.#queue.push(octets);
    this.#waiting += octets.length;
    this.#writing ??= this.#writeQueued();
    return this.#waiting > MAX_WAITING ? this.#writing : undefined;
  }

  async finish(end: End): Promise<DoneStatus> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
    if (end.size !== this.#received || (this.entry.size ?? end.size) !== end.size) {
      throw new EntryRefused('io', 'its length is not the one that was announced');
    }
    const isKnown = this.#received > 0 && this.#received === this.#prefixOctets;
    const sha256 = await (isKnown ? this.#prefix! : this.#hash!.digest());
    if (Buffer.compare(sha256, end.sha256) !== 0) {
      await this.#close();
      if (this.#place.action === 'write') await this.#target.discardPartial(this.#place);
      throw new EntryRefused('integrity', 'the octets differ from the ones that the sender hashed');
    }
    if (this.#place.action === 'compare') {
      await this.#end();
      await this.#target.discardPartial(this.#place);
      return 'unchanged';
    }
    const handle = this.#handle!;
    await handle.chmod(this.entry.mode ?? 0o600);
    if (this.entry.mtimeMs !== undefined) await handle.utimes(this.entry.mtimeMs / 1000, this.entry.mtimeMs / 1000);
    // On the disk before it has its name: after a power failure there is a whole file or none.
    await handle.sync();
    await this.#close();
    await this.#target.complete(this.#place);
    await this.#end();
    return 'written';
  }

  async abandon(): Promise<string | undefined> {
    if (this.#over) return undefined;
    this.#over = true;
    this.#queue = [];
    // Stops a prefix that is being hashed; a large one would take long.
    void this.#hash?.close();
    await this.#writing?.catch(ignore);
    await this.#prefix?.catch(ignore);
    const isResumable = this.entry.size !== undefined && this.#written > 0 && this.#place.action === 'write';
    const wasOpen = this.#handle !== undefined;
    await this.#end();
    if (isResumable) return this.#place.partialPath;
    if (wasOpen && this.#place.action === 'write') await this.#target.discardPartial(this.#place);
    return undefined;
  }

  async #hashPrefix(): Promise<Uint8Array> {
    const { action, offset } = this.#place;
    this.#handle =
      action === 'compare'
        ? await this.#target.openExisting(this.#place)
        : await this.#target.openPartial(this.#place, offset);
    this.#written = offset;
    this.#hash = this.#hashes.hash();
    await this.#hash.advance(this.#handle.fd, offset);
    return this.#hash.digest();
  }

  async #startOver(): Promise<void> {
    await this.#prefix?.catch(ignore);
    await this.#close();
    this.#written = this.#received = 0;
    this.#hash = this.#hashes.hash();
    if (this.#place.action === 'write') this.#handle = await this.#target.openPartial(this.#place, 0);
  }

  async #writeQueued(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        const batch = this.#takeBatch();
        const octets = batch.reduce((sum, piece) => sum + piece.length, 0);
        await writeAll(this.#handle!, batch, this.#written);
        this.#written += octets;
        this.#waiting -= octets;
        this.#target.spend(this.#place, octets);
        await this.#hash!.advance(this.#handle!.fd, this.#written);
      }
    } catch (error) {
      this.#failure = error as Error;
      this.#queue = [];
    } finally {
      this.#writing = undefined;
    }
  }

  #takeBatch(): Uint8Array[] {
    let octets = 0;
    let count = 0;
    while (count < this.#queue.length && octets < WRITE_OCTETS) octets += this.#queue[count++]!.length;
    return this.#queue.splice(0, count);
  }

  async #end(): Promise<void> {
    this.#over = true;
    await this.#close();
    this.#target.release(this.#place);
  }

  async #close(): Promise<void> {
    const hash = this.#hash;
    const handle = this.#handle;
    this.#hash = this.#handle = undefined;
    await hash?.close();
    await handle?.close();
  }
}

/** Writes everything; a system call may take less. */
async function writeAll(handle: FileHandle, pieces: Uint8Array[], position: number): Promise<void> {
  let left = pieces;
  let at = position;
  for (;;) {
    const { bytesWritten } = await handle.writev(left, at);
    at += bytesWritten;
    left = withoutFirst(left, bytesWritten);
    if (left.length === 0) return;
  }
}

function withoutFirst(pieces: readonly Uint8Array[], octets: number): Uint8Array[] {
  let skip = octets;
  let index = 0;
  while (index < pieces.length && skip >= pieces[index]!.length) skip -= pieces[index++]!.length;
  const rest = pieces.slice(index);
  if (skip > 0) rest[0] = rest[0]!.subarray(skip);
  return rest;
}

function ignore(): void {}
