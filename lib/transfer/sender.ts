import { createReadStream } from 'node:fs';
import type { Duplex } from 'node:stream';
import { sttError } from '../node-errors.js';
import type { HashWorker } from './hash-worker.js';
import { MessageReader, MessageWriter, type Message } from './message-stream.js';
import {
  ANNOUNCE_AHEAD,
  Fields,
  MAX_ROOTS,
  MessageType,
  TRANSFER_VERSIONS,
  breach,
  parseId,
  parseRefusal,
  type DoneStatus,
  type Entry,
  type Refusal,
} from './messages.js';
import { OutgoingFile, OutgoingStream, READ_OCTETS, type Outgoing } from './outgoing-file.js';
import { printable } from './safe-path.js';
import { measureSources, walkSources, type Source, type SourceItem } from './source-tree.js';

/** What a sender tells while it works. */
export interface SendObserver {
  onStart?(total: { readonly files: number; readonly octets: number | undefined }): void;
  /** A file is sent now; the receiver has `offset` octets of it already. */
  onFile?(entry: Entry, offset: number): void;
  /** Octets of the current file were handed to the stream. */
  onOctets?(octets: number): void;
  onFileDone?(entry: Entry, status: DoneStatus, size: number, sha256: Uint8Array): void;
  onFileFailed?(path: string, error: Error): void;
  /** Something that is not sent, by rule. */
  onOmitted?(path: string, why: string): void;
}

/** Totals of a transfer. */
export interface SendSummary {
  readonly filesDone: number;
  /** Files that the receiver had already. */
  readonly filesUnchanged: number;
  readonly filesFailed: number;
  /** Octets handed to the stream, without those that the receiver had already. */
  readonly octets: number;
  /** The first of the failures. */
  readonly firstFailure: Error | undefined;
}

/**
 * Sends files and directories over a stream (docs/file-transfer.md). Resolves when the receiver has everything on its
 * disk or has refused it; single files may have failed. Rejects if the transfer broke off.
 *
 * @throws STTTransferError `ERR_STT_TRANSFER_REFUSED` (as a whole), `ERR_STT_TRANSFER_PROTOCOL`,
 *   `ERR_STT_TRANSFER_FAILED`; the stream's or session's error
 */
export async function sendFiles(
  stream: Duplex,
  sources: readonly Source[],
  hashes: HashWorker,
  observer: SendObserver = {},
): Promise<SendSummary> {
  try {
    return await new Sender(stream, sources, hashes, observer).run();
  } catch (error) {
    stream.destroy(error as Error);
    throw error;
  }
}

/** An announced entry, until its outcome is known. */
interface Announced {
  readonly entry: Entry;
  /** Undefined for directories. */
  readonly item: SourceItem | undefined;
  offset: number | undefined;
  isEnded: boolean;
  mustRestart: boolean;
  /** Known as done, refused or skipped. */
  isOver: boolean;
  size: number;
  sha256: Uint8Array | undefined;
}

class Sender {
  readonly #stream: Duplex;
  readonly #reader: MessageReader;
  readonly #writer: MessageWriter;
  readonly #sources: readonly Source[];
  readonly #hashes: HashWorker;
  readonly #observer: SendObserver;
  readonly #announced = new Map<number, Announced>();
  /** In the order of their turn. */
  readonly #turns: (Announced | Extract<SourceItem, { kind: 'directory' | 'directory-end' }>)[] = [];
  /** Ended, but the receiver wants them from the beginning. */
  readonly #again: Announced[] = [];
  #nextId = 0;
  #isWelcome = false;
  #isFinished = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;
  #done = 0;
  #unchanged = 0;
  #failed = 0;
  #octets = 0;
  #firstFailure: Error | undefined;

  constructor(stream: Duplex, sources: readonly Source[], hashes: HashWorker, observer: SendObserver) {
    this.#stream = stream;
    this.#reader = new MessageReader(stream);
    this.#writer = new MessageWriter(stream);
    this.#sources = sources;
    this.#hashes = hashes;
    this.#observer = observer;
  }

  async run(): Promise<SendSummary> {
    const total = await measureSources(this.#sources);
    this.#observer.onStart?.(total);
    const roots = this.#sources.length > MAX_ROOTS ? [] : this.#sources.map(({ name }) => name);
    await this.#writer.send(MessageType.HELLO, { versions: TRANSFER_VERSIONS, ...total, roots });
    const listening = this.#listen();
    await this.#until(() => this.#isWelcome);
    await this.#sendAll();
    await this.#writer.send(MessageType.FINISH);
    await this.#until(() => this.#isFinished);
    this.#stream.end();
    await listening;
    return {
      filesDone: this.#done,
      filesUnchanged: this.#unchanged,
      filesFailed: this.#failed,
      octets: this.#octets,
      firstFailure: this.#firstFailure,
    };
  }

  async #sendAll(): Promise<void> {
    const walk = walkSources(this.#sources);
    let isWalked = false;
    for (;;) {
      while (!isWalked && this.#turns.length < ANNOUNCE_AHEAD) {
        const { value, done } = await walk.next();
        if (done === true) isWalked = true;
        else await this.#announce(value);
      }
      const turn = this.#again.shift() ?? this.#turns.shift();
      if (turn === undefined) {
        if (this.#announced.size === 0) return;
        await this.#until(() => this.#announced.size === 0 || this.#again.length > 0);
      } else if ('kind' in turn) {
        await this.#writer.send(MessageType.DIRECTORY, { path: turn.path, ...attributes(turn.stats) });
      } else {
        await this.#until(() => turn.offset !== undefined || turn.isOver);
        if (!turn.isOver) await this.#sendFile(turn);
      }
    }
  }

  async #announce(item: SourceItem): Promise<void> {
    switch (item.kind) {
      case 'omitted':
        if (item.error === undefined) this.#observer.onOmitted?.(item.path, item.why);
        else this.#fail(item.path, item.error);
        return;
      case 'directory-end':
        this.#turns.push(item);
        return;
      default:
    }
    const id = this.#nextId++;
    const entry: Entry =
      item.kind === 'stream'
        ? { id, kind: 'file', path: item.path, size: undefined, mtimeMs: undefined, mode: undefined }
        : {
            id,
            kind: item.kind,
            path: item.path,
            size: item.kind === 'file' ? item.stats.size : undefined,
            ...attributes(item.stats),
          };
    const announced: Announced = {
      entry,
      item: item.kind === 'directory' ? undefined : item,
      offset: undefined,
      isEnded: false,
      mustRestart: false,
      isOver: false,
      size: 0,
      sha256: undefined,
    };
    this.#announced.set(id, announced);
    if (item.kind !== 'directory') this.#turns.push(announced);
    await this.#writer.send(MessageType.ENTRY, { ...entry });
  }

  async #sendFile(announced: Announced): Promise<void> {
    const { entry, item } = announced;
    let outgoing: Outgoing | undefined;
    // Hashing what the receiver has already can take long; it ends with the stream.
    const onClose = (): void => void outgoing?.close();
    this.#stream.once('close', onClose);
    try {
      outgoing = await this.#open(item!);
      do {
        announced.mustRestart = false;
        await this.#sendOctets(announced, outgoing);
      } while (announced.mustRestart);
    } catch (error) {
      if (this.#stream.destroyed || this.#failure !== undefined) throw error;
      // Only this file cannot be read; the transfer goes on.
      await this.#writer.send(MessageType.SKIP, { id: entry.id, reason: describe(error) });
      if (!announced.isOver) this.#fail(entry.path, error as Error, announced);
    } finally {
      this.#stream.off('close', onClose);
      await outgoing?.close();
    }
  }

  async #open(item: SourceItem): Promise<Outgoing> {
    if (item.kind === 'file') return OutgoingFile.open(item.local, item.stats.size, this.#hashes);
    if (item.kind !== 'stream') throw new TypeError('nothing to open');
    const { input, path } = item.source;
    if (input !== undefined) return new OutgoingStream(input, this.#hashes);
    return new OutgoingStream(createReadStream(path!, { highWaterMark: READ_OCTETS }), this.#hashes);
  }

  /** One run over a file, from where the receiver wants it. Ends early if it was refused or is to be restarted. */
  async #sendOctets(announced: Announced, outgoing: Outgoing): Promise<void> {
    const { id } = announced.entry;
    const offset = announced.offset!;
    const prefix = offset > 0 ? await outgoing.prefix(offset) : undefined;
    await this.#writer.send(MessageType.BEGIN, { id, offset, prefix });
    this.#observer.onFile?.(announced.entry, offset);
    for await (const chunk of outgoing.chunks(offset)) {
      if (announced.isOver || announced.mustRestart) return;
      this.#octets += chunk.length;
      this.#observer.onOctets?.(chunk.length);
      await this.#writer.sendData(chunk);
    }
    const { size, sha256 } = await outgoing.digest();
    if (announced.isOver || announced.mustRestart) return;
    announced.size = size;
    announced.sha256 = sha256;
    announced.isEnded = true;
    await this.#writer.send(MessageType.END, { id, size, sha256 });
  }

  /** Takes what the receiver says until the stream ends. Never rejects: a failure is found by `#until`. */
  async #listen(): Promise<void> {
    try {
      for (;;) {
        const message = await this.#reader.next();
        if (message === undefined) break;
        this.#handle(message);
        this.#signal();
      }
      if (!this.#isFinished) throw breach('the receiver ended the stream before the transfer was complete');
    } catch (error) {
      // After FINISHED everything is on the receiver's disk, however the stream ends.
      if (!this.#isFinished) this.#failure = error as Error;
    }
    this.#signal();
  }

  #handle({ type, body, dataLength }: Message): void {
    if (dataLength > 0) throw breach('DATA from a receiver');
    switch (type) {
      case MessageType.WELCOME: {
        const version = new Fields(body).integer('version', 0, Number.MAX_SAFE_INTEGER);
        if (!TRANSFER_VERSIONS.includes(version)) throw breach(`version ${version} was chosen but not offered`);
        this.#isWelcome = true;
        return;
      }
      case MessageType.REFUSED:
        throw refusalError('the transfer', parseRefusal(body));
      case MessageType.ACCEPT:
        return this.#accepted(new Fields(body));
      case MessageType.REJECT:
        return this.#rejected(parseRefusal(body));
      case MessageType.RESTART:
        return this.#restarted(parseId(new Fields(body)));
      case MessageType.DONE:
        return this.#fileDone(new Fields(body));
      case MessageType.FINISHED:
        if (this.#announced.size > 0) throw breach('FINISHED before all entries were answered');
        this.#isFinished = true;
        return;
      default:
        throw breach(`message of unknown or misplaced type ${type}`);
    }
  }

  #accepted(fields: Fields): void {
    const announced = this.#announced.get(parseId(fields));
    const offset = fields.integer('offset', 0, Number.MAX_SAFE_INTEGER);
    if (announced === undefined) return;
    if (announced.item === undefined) {
      this.#announced.delete(announced.entry.id);
      return;
    }
    if (announced.offset !== undefined) throw breach('an entry was accepted twice');
    if (offset > (announced.entry.size ?? 0)) throw breach('the receiver has more than the file');
    announced.offset = offset;
  }

  #rejected(refusal: Refusal): void {
    const announced = this.#announced.get(refusal.id ?? -1);
    if (announced !== undefined)
      this.#fail(announced.entry.path, refusalError(announced.entry.path, refusal), announced);
  }

  #restarted(id: number): void {
    const announced = this.#announced.get(id);
    if (announced === undefined) return;
    if (announced.offset === undefined || announced.offset === 0) throw breach('a file was restarted twice');
    announced.offset = 0;
    if (announced.isEnded) this.#again.push(announced);
    else announced.mustRestart = true;
    announced.isEnded = false;
  }

  #fileDone(fields: Fields): void {
    const announced = this.#announced.get(parseId(fields));
    if (announced?.isEnded !== true) throw breach('DONE for a file that was not sent');
    const status = fields.text('status', 16) === 'unchanged' ? 'unchanged' : 'written';
    if (status === 'unchanged') this.#unchanged++;
    else this.#done++;
    this.#over(announced);
    this.#observer.onFileDone?.(announced.entry, status, announced.size, announced.sha256!);
  }

  #fail(path: string, error: Error, announced?: Announced): void {
    if (announced !== undefined) this.#over(announced);
    this.#failed++;
    this.#firstFailure ??= error;
    this.#observer.onFileFailed?.(path, error);
  }

  #over(announced: Announced): void {
    announced.isOver = true;
    this.#announced.delete(announced.entry.id);
  }

  /** Waits for what the receiver says to make a condition true. */
  async #until(isMet: () => boolean): Promise<void> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (isMet()) return;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #signal(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

function attributes(stats: { mtimeMs: number; mode: number }): { mtimeMs: number; mode: number } {
  return { mtimeMs: Math.round(stats.mtimeMs), mode: stats.mode & 0o777 };
}

function refusalError(path: string, { code, reason }: Refusal): Error {
  const name = printable(path);
  if (code === 'integrity') return sttError('ERR_STT_TRANSFER_INTEGRITY', { name });
  const error = sttError('ERR_STT_TRANSFER_REFUSED', { name, why: printable(reason) });
  return Object.assign(error, { refusal: code });
}

/** Tells the receiver why a file cannot be read, without local paths. */
function describe(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === undefined || code.startsWith('ERR_STT') ? message : code;
}
