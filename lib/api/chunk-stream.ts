import { checkOptionNames, integerOption } from '../options.js';
import { MAX_CHUNK_OCTETS } from '../stc/chunk-format.js';
import { ChunkOpener, type OpenerLimits } from '../stc/chunk-opener.js';
import { ChunkSealer } from '../stc/chunk-sealer.js';
import type { StreamContext } from '../stc/stream-context.js';
import { concat } from '../wire/concat.js';

const DEFAULT_CHUNK_OCTETS = 65_536;
const DEFAULT_WINDOW = 64;
const DEFAULT_BUFFERED = 32 * 1_048_576;
const MAX_WINDOW = 65_536;
const MAX_BUFFERED = 2 ** 32;

/** What octets or chunks come from. */
export type ChunkSource = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** Bounds of a `StreamDecoder`. */
export interface StreamDecoderOptions {
  /** Largest chunk that is accepted, octets of plaintext, 1 to 16,777,216 (default 16,777,216). */
  readonly maxChunkSize?: number;
  /** How many places ahead of the next one a chunk may come, 0 to 65,536 (default 64; 0 demands strict order). */
  readonly reorderWindow?: number;
  /** Octets held at most while an earlier chunk is missing (default 33,554,432). */
  readonly maxBuffered?: number;
}

/**
 * Seals data of any length into chunks (STT §8) for storage or for carriers that are not to be trusted. Every call
 * makes a stream with a random salt and a key of its own; an encoder may be used any number of times.
 */
export class StreamEncoder {
  readonly #context: StreamContext;
  /** Octets of plaintext in every chunk but the last. */
  readonly chunkSize: number;

  /**
   * @param chunkSize octets, 1 to 16,777,216
   * @throws STTConfigError `ERR_STT_OPTION_RANGE`
   */
  constructor(context: StreamContext, chunkSize: number = DEFAULT_CHUNK_OCTETS) {
    this.#context = context;
    this.chunkSize = integerOption('chunkSize', chunkSize, DEFAULT_CHUNK_OCTETS, 1, MAX_CHUNK_OCTETS);
  }

  /**
   * The chunks of `data`, each `chunkSize` and 37 octets of overhead. Sealed one by one as they are taken: leave `data`
   * unchanged until then.
   * @throws STTCryptoError `ERR_STT_CHUNKS_EXHAUSTED` after 2^32 chunks
   */
  *encodeBytes(data: Uint8Array): Generator<Uint8Array, void, undefined> {
    const sealer = new ChunkSealer(this.#context, this.chunkSize);
    yield* sealer.push(data);
    yield sealer.end();
  }

  /**
   * The chunks of what `source` gives: an array, an async iterable, a stream of Node or the Web. Takes from it only as
   * much as the consumer asks for; memory is two chunks and one piece of the source.
   * @throws STTCryptoError `ERR_STT_CHUNKS_EXHAUSTED` after 2^32 chunks
   */
  async *encode(source: ChunkSource): AsyncGenerator<Uint8Array, void, undefined> {
    const sealer = new ChunkSealer(this.#context, this.chunkSize);
    for await (const piece of source) yield* sealer.push(piece);
    yield sealer.end();
  }

  /** The same as a transform of Web Streams. */
  toTransformStream(): TransformStream<Uint8Array, Uint8Array> {
    const sealer = new ChunkSealer(this.#context, this.chunkSize);
    return new TransformStream<Uint8Array, Uint8Array>({
      transform(piece, controller) {
        for (const chunk of sealer.push(piece)) controller.enqueue(chunk);
      },
      flush(controller) {
        controller.enqueue(sealer.end());
      },
    });
  }
}

/**
 * Opens what a `StreamEncoder` of the same context sealed. Chunks may come out of order within bounds. One that was
 * changed, doubled or taken from another stream is an error, and so is a stream that is cut short or goes on after its end.
 */
export class StreamDecoder {
  readonly #context: StreamContext;
  readonly #limits: OpenerLimits;

  /** @throws STTConfigError `ERR_STT_OPTION_RANGE`, `ERR_STT_UNKNOWN_OPTION` */
  constructor(context: StreamContext, options: StreamDecoderOptions = {}) {
    checkOptionNames(options, ['maxChunkSize', 'reorderWindow', 'maxBuffered']);
    this.#context = context;
    this.#limits = {
      maxChunkSize: integerOption('maxChunkSize', options.maxChunkSize, MAX_CHUNK_OCTETS, 1, MAX_CHUNK_OCTETS),
      reorderWindow: integerOption('reorderWindow', options.reorderWindow, DEFAULT_WINDOW, 0, MAX_WINDOW),
      maxBuffered: integerOption('maxBuffered', options.maxBuffered, DEFAULT_BUFFERED, 0, MAX_BUFFERED),
    };
  }

  /**
   * The octets of a whole stream, proven complete.
   * @throws STTCryptoError `ERR_STT_AUTHENTICATION`, `ERR_STT_CHUNK_REFUSED`, `ERR_STT_CHUNKS_INCOMPLETE`
   */
  decodeToBytes(chunks: Iterable<Uint8Array>): Uint8Array {
    const opener = new ChunkOpener(this.#context, this.#limits);
    const parts: Uint8Array[] = [];
    for (const chunk of chunks) parts.push(...opener.push(chunk));
    opener.end();
    return concat(parts);
  }

  /**
   * The octets of the chunks that `source` gives, in order. They are authentic, but that none are missing is proven only
   * when this completes without an error: do not act on them before.
   * @throws STTCryptoError `ERR_STT_AUTHENTICATION`, `ERR_STT_CHUNK_REFUSED`, `ERR_STT_CHUNKS_INCOMPLETE`
   */
  async *decode(source: ChunkSource): AsyncGenerator<Uint8Array, void, undefined> {
    const opener = new ChunkOpener(this.#context, this.#limits);
    for await (const chunk of source) {
      for (const octets of opener.push(chunk)) if (octets.length > 0) yield octets;
    }
    opener.end();
  }

  /** The same as a transform of Web Streams; it must be given whole chunks. */
  toTransformStream(): TransformStream<Uint8Array, Uint8Array> {
    const opener = new ChunkOpener(this.#context, this.#limits);
    return new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        for (const octets of opener.push(chunk)) if (octets.length > 0) controller.enqueue(octets);
      },
      flush() {
        opener.end();
      },
    });
  }
}
