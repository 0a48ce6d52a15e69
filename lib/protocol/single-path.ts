import type { PacketSink } from '../ports/packet-sink.js';
import { sendPathFrame, writeResponse } from './path-frames.js';
import type { PathParts, PathsFactory, SessionPaths } from './session-paths.js';

/** The path of a session that never moves, as in browsers: the peer may ask whether it still is, and is answered. */
class SinglePath implements SessionPaths {
  readonly isQuiet = true;
  readonly isStranded = false;
  readonly isLost = false;
  readonly deadline = Infinity;
  readonly moves = 0;
  readonly #outbox: PathParts['outbox'];
  readonly #maxResponses: number;
  /** Tokens as pairs of u32. */
  #responses: number[] = [];

  constructor(
    readonly active: number,
    parts: PathParts,
    maxResponses: number,
  ) {
    this.#outbox = parts.outbox;
    this.#maxResponses = maxResponses;
  }

  onChallenge(_id: number, high: number, low: number): void {
    if (this.#responses.length < 2 * this.#maxResponses) this.#responses.push(high, low);
  }

  poll(now: number, sink: PacketSink): boolean {
    const responses = this.#responses;
    while (responses.length > 0) {
      const length = writeResponse(responses[0]!, responses[1]!);
      if (sendPathFrame(now, sink, this.#outbox, this.active, length, Infinity) < 0) return false;
      responses.splice(0, 2);
    }
    return true;
  }

  end(): void {
    this.#responses = [];
  }

  onGone(): boolean {
    return false;
  }

  onReceived(): void {}
  onNewest(): void {}
  onSilence(): void {}
  tryPath(): void {}
  lookSoon(): void {}
  onResponse(): void {}
  onTimeout(): void {}
}

/** For sessions that stay where they are. */
export const singlePath: PathsFactory = (_now, path, parts, _host, _random, maxResponses) =>
  new SinglePath(path, parts, maxResponses);
