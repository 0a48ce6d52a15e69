import type { Duplex } from 'node:stream';
import { sttError } from '../node-errors.js';
import type { HashWorker } from './hash-worker.js';
import type { Incoming } from './incoming-file.js';
import { MessageReader, MessageWriter, type Message } from './message-stream.js';
import {
  Fields,
  MAX_OUTSTANDING,
  MessageType,
  TRANSFER_VERSIONS,
  breach,
  parseBegin,
  parseDirectoryEnd,
  parseEnd,
  parseEntry,
  parseHello,
  parseId,
  type DoneStatus,
  type Entry,
  type Hello,
} from './messages.js';
import { printable } from './safe-path.js';
import { EntryRefused, refusalOf } from './target-directory.js';
import type { Destination } from './destination.js';

/** Files being verified and synced to the disk while the next ones arrive. */
const MAX_FINISHING = 8;
/** Entries whose present octets are hashed ahead of their turn; each holds a file open. */
const MAX_PREPARED = 4;
/** A stream that does not say HELLO in this time is given up. */
const HELLO_TIMEOUT_MS = 30_000;

/** What a receiver tells while it works. Names are as the peer sent them: print them with `printable`. */
export interface ReceiveObserver {
  onStart?(hello: Hello): void;
  /** Octets of a file arrive now; `offset` of them were here already. */
  onFile?(entry: Entry, offset: number): void;
  /** Octets of the current file arrived. */
  onOctets?(octets: number): void;
  onFileDone?(entry: Entry, status: DoneStatus, size: number, sha256: Uint8Array): void;
  /** An entry was refused, or given up by the sender ('cancelled'); `partialPath` is what is kept of it. */
  onFileFailed?(entry: Entry, refusal: EntryRefused, partialPath: string | undefined): void;
}

/** Totals of a transfer. */
export interface TransferSummary {
  readonly filesDone: number;
  readonly filesUnchanged: number;
  readonly filesFailed: number;
  /** Octets that crossed the network, without those that were there already. */
  readonly octets: number;
}

interface State {
  readonly file: Incoming;
  /** Octets that the sender was told are here. */
  offset: number;
  isPrepared: boolean;
}

/**
 * Receives one transfer from a stream (docs/file-transfer.md). Resolves when the sender has finished and everything
 * is on the disk; single files may have failed. Rejects if the transfer broke off: what can be resumed is kept.
 *
 * @throws STTTransferError `ERR_STT_TRANSFER_PROTOCOL`, `ERR_STT_TRANSFER_REFUSED`, `ERR_STT_TRANSFER_FAILED`; the
 *   stream's or session's error
 */
export async function receiveFiles(
  stream: Duplex,
  destination: Destination,
  hashes: HashWorker,
  observer: ReceiveObserver = {},
): Promise<TransferSummary> {
  const receiver = new Receiver(stream, destination, hashes, observer);
  try {
    return await receiver.run();
  } catch (error) {
    await receiver.abandon();
    stream.destroy(error as Error);
    throw error;
  }
}

class Receiver {
  readonly #stream: Duplex;
  readonly #reader: MessageReader;
  readonly #writer: MessageWriter;
  readonly #destination: Destination;
  readonly #hashes: HashWorker;
  readonly #observer: ReceiveObserver;
  /** Accepted and not begun, in the order they will come. */
  readonly #accepted = new Map<number, State>();
  #prepared = 0;
  #current: State | undefined;
  /** Its present octets are being hashed, which can take long. */
  #beginning: State | undefined;
  readonly #finishing = new Set<Promise<void>>();
  #lastId = -1;
  #done = 0;
  #unchanged = 0;
  #failed = 0;
  #octets = 0;
  /** The first failure of a reply that was sent while something else was going on. */
  #replyFailure: Error | undefined;

  constructor(stream: Duplex, destination: Destination, hashes: HashWorker, observer: ReceiveObserver) {
    this.#stream = stream;
    this.#reader = new MessageReader(stream);
    this.#writer = new MessageWriter(stream);
    this.#destination = destination;
    this.#hashes = hashes;
    this.#observer = observer;
    stream.once('close', () => void this.#beginning?.file.abandon().catch(ignore));
  }

  async run(): Promise<TransferSummary> {
    await this.#hello();
    for (;;) {
      const message = await this.#reader.next();
      if (message === undefined) throw breach('the stream ended before FINISH');
      if (this.#replyFailure !== undefined) throw this.#replyFailure;
      if (message.type === MessageType.FINISH) break;
      await this.#handle(message);
    }
    if (this.#current !== undefined || this.#accepted.size > 0) throw breach('FINISH before all entries were sent');
    await Promise.all(this.#finishing);
    await this.#writer.send(MessageType.FINISHED);
    // Everything is on the disk: a peer that is gone before it acknowledged this changes nothing.
    await ended(this.#stream).catch(ignore);
    return {
      filesDone: this.#done,
      filesUnchanged: this.#unchanged,
      filesFailed: this.#failed,
      octets: this.#octets,
    };
  }

  /** Closes what is open and tells what is kept. */
  async abandon(): Promise<void> {
    await Promise.all(this.#finishing);
    const current = this.#current?.file;
    this.#current = undefined;
    if (current !== undefined) {
      const partialPath = await current.abandon().catch(ignore);
      const refusal = new EntryRefused('cancelled', 'the transfer broke off');
      this.#observer.onFileFailed?.(current.entry, refusal, partialPath);
    }
    for (const { file } of this.#accepted.values()) await file.abandon().catch(ignore);
    this.#accepted.clear();
  }

  async #hello(): Promise<void> {
    const timer = setTimeout(() => {
      this.#stream.destroy(breach('no HELLO came in time') as Error);
    }, HELLO_TIMEOUT_MS);
    let hello: Hello;
    try {
      const message = await this.#reader.next();
      if (message?.type !== MessageType.HELLO) throw breach('the first message is no HELLO');
      hello = parseHello(message.body);
    } finally {
      clearTimeout(timer);
    }
    const version = TRANSFER_VERSIONS.find((candidate) => hello.versions.includes(candidate));
    if (version === undefined) {
      return this.#refuse(new EntryRefused('version', `this side speaks version ${TRANSFER_VERSIONS.join(', ')} only`));
    }
    try {
      await this.#destination.admit(hello);
    } catch (error) {
      return this.#refuse(refusalOf(error));
    }
    this.#observer.onStart?.(hello);
    await this.#writer.send(MessageType.WELCOME, { version });
  }

  async #refuse(refusal: EntryRefused): Promise<never> {
    await this.#writer.send(MessageType.REFUSED, { code: refusal.code, reason: refusal.message });
    // Gives the reason time to arrive: a reset would overtake it.
    await ended(this.#stream).catch(ignore);
    throw sttError('ERR_STT_TRANSFER_REFUSED', { name: 'the transfer', why: refusal.message }, { cause: refusal });
  }

  #handle(message: Message): Promise<void> {
    switch (message.type) {
      case MessageType.ENTRY:
        return this.#entry(parseEntry(message.body));
      case MessageType.BEGIN:
        return this.#begin(message.body);
      case MessageType.DATA:
        return this.#data();
      case MessageType.END:
        return this.#end(message.body);
      case MessageType.SKIP:
        return this.#skip(message.body);
      case MessageType.DIRECTORY:
        return this.#directory(message.body);
      default:
        throw breach(`message of unknown or misplaced type ${message.type}`);
    }
  }

  async #entry(entry: Entry): Promise<void> {
    if (entry.id <= this.#lastId) throw breach('ids of entries do not increase');
    this.#lastId = entry.id;
    if (this.#accepted.size >= MAX_OUTSTANDING) throw breach('too many entries were announced ahead');
    try {
      if (entry.kind === 'directory') {
        await this.#destination.makeDirectory(entry);
        await this.#writer.send(MessageType.ACCEPT, { id: entry.id, offset: 0 });
        return;
      }
      const { file, offset } = await this.#destination.accept(entry, this.#hashes);
      this.#accepted.set(entry.id, { file, offset, isPrepared: false });
      this.#prepareNext();
      await this.#writer.send(MessageType.ACCEPT, { id: entry.id, offset });
    } catch (error) {
      await this.#reject(entry, error, undefined);
    }
  }

  async #begin(body: Uint8Array): Promise<void> {
    const begin = parseBegin(body);
    if (this.#current !== undefined) throw breach('BEGIN inside of a file');
    const state = this.#accepted.get(begin.id);
    // Rejected meanwhile, and the sender did not know: its octets are passed over.
    if (state === undefined) return;
    this.#accepted.delete(begin.id);
    if (state.isPrepared) this.#prepared--;
    state.isPrepared = false;
    this.#prepareNext();
    this.#beginning = state;
    try {
      const isBegun = await state.file.begin(begin);
      this.#beginning = undefined;
      if (isBegun) {
        this.#current = state;
        this.#observer.onFile?.(state.file.entry, begin.offset);
        return;
      }
      // The octets on the way are passed over until it begins again.
      state.offset = 0;
      this.#accepted.set(begin.id, state);
      await this.#writer.send(MessageType.RESTART, { id: begin.id });
    } catch (error) {
      this.#beginning = undefined;
      await this.#fail(state, error);
    }
  }

  /** Octets for no file are passed over: it was rejected, or is to be begun again. */
  async #data(): Promise<void> {
    while (this.#reader.dataLeft > 0) {
      const piece = await this.#reader.takeData();
      const state = this.#current;
      if (state === undefined) continue;
      try {
        const pressure = state.file.write(piece);
        this.#octets += piece.length;
        this.#observer.onOctets?.(piece.length);
        if (pressure !== undefined) await pressure;
      } catch (error) {
        this.#current = undefined;
        await this.#fail(state, error);
      }
    }
  }

  async #end(body: Uint8Array): Promise<void> {
    const end = parseEnd(body);
    const state = this.#current;
    if (state?.file.entry.id !== end.id) return;
    this.#current = undefined;
    const { entry } = state.file;
    const finishing = (async () => {
      try {
        const status = await state.file.finish(end);
        if (status === 'unchanged') this.#unchanged++;
        else this.#done++;
        await this.#writer.send(MessageType.DONE, { id: entry.id, status });
        this.#observer.onFileDone?.(entry, status, end.size, end.sha256);
      } catch (error) {
        await this.#fail(state, error);
      }
    })()
      .catch((error: unknown) => {
        this.#replyFailure ??= error as Error;
      })
      .finally(() => this.#finishing.delete(finishing));
    this.#finishing.add(finishing);
    if (this.#finishing.size >= MAX_FINISHING) await Promise.race(this.#finishing);
  }

  /** The sender gives an entry up. */
  async #skip(body: Uint8Array): Promise<void> {
    const fields = new Fields(body);
    const id = parseId(fields);
    const reason = fields.text('reason', 4096).slice(0, 300);
    const state = this.#current?.file.entry.id === id ? this.#current : this.#accepted.get(id);
    if (state === undefined) return;
    if (state === this.#current) this.#current = undefined;
    this.#accepted.delete(id);
    if (state.isPrepared) this.#prepared--;
    this.#failed++;
    const partialPath = await state.file.abandon();
    const refusal = new EntryRefused('cancelled', `the sender gave it up: ${printable(reason)}`);
    this.#observer.onFileFailed?.(state.file.entry, refusal, partialPath);
  }

  async #directory(body: Uint8Array): Promise<void> {
    const end = parseDirectoryEnd(body);
    // Files put into it afterwards would change its time again.
    await Promise.all(this.#finishing);
    try {
      await this.#destination.finishDirectory(end);
    } catch {
      // Its contents are complete; a time that cannot be set (another owner) is no reason to fail.
    }
  }

  #prepareNext(): void {
    for (const state of this.#accepted.values()) {
      if (this.#prepared >= MAX_PREPARED) return;
      if (state.isPrepared || state.offset === 0) continue;
      state.isPrepared = true;
      this.#prepared++;
      state.file.prepare();
    }
  }

  async #fail(state: State, error: unknown): Promise<void> {
    await this.#reject(state.file.entry, error, await state.file.abandon().catch(ignore));
  }

  async #reject(entry: Entry, error: unknown, partialPath: string | undefined): Promise<void> {
    // A stream that broke is not this entry's fault.
    if (error instanceof Error && this.#stream.errored === error) throw error;
    const refusal = refusalOf(error);
    this.#failed++;
    this.#observer.onFileFailed?.(entry, refusal, partialPath);
    await this.#writer.send(MessageType.REJECT, { id: entry.id, code: refusal.code, reason: refusal.message });
  }
}

/** Ends this side and resolves when everything was delivered; rejects if it cannot be any more. */
function ended(stream: Duplex): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.once('close', () => (stream.errored === null ? resolve() : reject(stream.errored)));
    stream.once('error', reject);
    stream.end(resolve);
  });
}

function ignore(): undefined {}
