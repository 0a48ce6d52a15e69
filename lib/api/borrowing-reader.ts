/**
 * Takes the octets of a chunk, which is borrowed: its memory is written over after the call returned. To keep octets,
 * copy them within the call. A promise that is returned holds the peer back, not the memory: until it is fulfilled
 * nothing more is handed over, and the chunk gives no credit.
 */
export type BorrowedChunkHandler = (chunk: Buffer) => unknown;

/** What a borrowing reader needs of its stream. */
export interface BorrowingHost {
  /** The chunks before are done with: octets may have become credit, and what waits can be handed over. */
  onReady(): void;
  /** The handler threw, or its promise was rejected. */
  onFailure(error: Error): void;
}

/** What borrowed memory is overwritten with after the call, so that whoever kept a chunk sees it at once. */
const POISON = 0xdb;
const poisoning = process.env['STT_POISON_BORROWED'] === '1';

/** Hands chunks to one handler, one after the other, without copying them. */
export class BorrowingReader {
  readonly #handler: BorrowedChunkHandler;
  readonly #host: BorrowingHost;
  #held = 0;
  #waiting = false;

  constructor(handler: BorrowedChunkHandler, host: BorrowingHost) {
    this.#handler = handler;
    this.#host = host;
  }

  /** The handler takes the next chunk now. */
  get ready(): boolean {
    return !this.#waiting;
  }

  /** Octets of the chunk whose promise is not settled. */
  get heldOctets(): number {
    return this.#held;
  }

  /** Octets `begin..end` of `bytes`, which are nobody's afterwards. Only while `ready`. */
  take(bytes: Uint8Array, begin: number, end: number): void {
    let result: unknown;
    try {
      result = this.#handler(Buffer.from(bytes.buffer, bytes.byteOffset + begin, end - begin));
    } catch (error) {
      this.#fail(error);
    }
    if (poisoning) bytes.fill(POISON, begin, end);
    if (result === undefined || typeof (result as PromiseLike<unknown> | null)?.then !== 'function') return;
    this.#waiting = true;
    this.#held = end - begin;
    (result as PromiseLike<unknown>).then(
      () => {
        this.#waiting = false;
        this.#held = 0;
        this.#host.onReady();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  #fail(error: unknown): void {
    this.#waiting = true;
    this.#host.onFailure(error instanceof Error ? error : new Error(String(error)));
  }
}
