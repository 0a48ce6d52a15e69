import type { STTError } from '../errors.js';
import type { Stream } from '../protocol/stream.js';
import type { KemAsker } from './key-rotation.js';

/** What a stream needs of its session. */
export interface StreamHost {
  readonly remoteLabel: string;
  /** Has the session sent what there is to send at the end of this turn. */
  schedule(): void;
}

/** A stream as the application has it: what the bridge from the session's core tells it. */
export interface StreamFace {
  readonly id: number;
  /** Everything written was acknowledged, or never will be. */
  readonly settled: boolean;
  /** Ends the sending side once what was written so far is on its way. Nothing if it ended before. */
  finish(): void;
  /** The next octets, borrowed. */
  deliver(bytes: Uint8Array, begin: number, end: number): void;
  deliverEnd(): void;
  deliverWritable(): void;
  deliverFinished(): void;
  /** The peer reset (`received`) or refuses the stream. */
  deliverReset(code: number, received: boolean): void;
  /** The session is over: nothing more passes. */
  deliverSessionEnd(error: STTError): void;
}

/** In what the application's side differs between Node and browsers. */
export interface Platform<S extends StreamFace> {
  makeStream(stream: Stream, host: StreamHost): S;
  /** ML-KEM, for key rotation. */
  readonly kem: KemAsker;
  /** A copy that belongs to the application. */
  copy(bytes: Uint8Array, begin: number, end: number): Uint8Array;
}
