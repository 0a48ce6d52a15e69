import type { Stream } from '../protocol/stream.js';

/** How a session ended. */
export interface SessionEnd {
  /** Close code (STT §11). */
  readonly closeCode: number;
  readonly reason: string;
  /** True if the other side closed. */
  readonly remote: boolean;
}

/**
 * What a session tells whoever drives it. Called from inside `handle*`, `pollTransmit` and the application's calls;
 * an implementation must not call back into the session's `handle*` or `poll*` from here.
 */
export interface SessionObserver {
  /** The peer opened a stream. Its first octets follow. */
  onStream(stream: Stream): void;
  /** The next octets of a stream, in order and exactly once. `bytes` is borrowed: valid during the call only. */
  onStreamData(stream: Stream, bytes: Uint8Array, begin: number, end: number): void;
  /** All octets of a stream were given. */
  onStreamEnd(stream: Stream): void;
  /** The peer gave up sending; what was not given yet is lost. */
  onStreamReset(stream: Stream, code: number): void;
  /** The peer reads no more; the sending side of the stream was reset. */
  onStreamStopped(stream: Stream, code: number): void;
  /** The stream's send buffer fell below its low-water mark after `write` returned false. */
  onStreamWritable(stream: Stream): void;
  /** Everything written and STREAM_END were acknowledged. */
  onStreamFinished(stream: Stream): void;
  /** Both directions are over; the stream is forgotten. */
  onStreamClosed(stream: Stream): void;
  /** `openStream` will work (again). */
  onStreamsAvailable(): void;
  /** An unreliable message; `bytes` is borrowed. */
  onMessage(tag: number, bytes: Uint8Array, begin: number, end: number): void;
  /** Fate of an own message. */
  onMessageFate(messageId: number, fate: 'acked' | 'lost' | 'closed'): void;
  /** A user-defined frame 0x80-0xFF; `bytes` is borrowed. */
  onUserFrame(type: number, bytes: Uint8Array, begin: number, end: number): void;
  /** What a stateless reset from the peer would end with (STT §5): RESET_TOKEN_OCTETS from `begin`, borrowed. */
  onResetToken(bytes: Uint8Array, begin: number): void;
  /** The answer to `ping`. */
  onPong(pingId: number, rttMs: number): void;
  /**
   * The peer told where else it can be reached: the body of an ALT_ADDRESS, borrowed. False if it is malformed. Absent:
   * nobody looks.
   */
  onAlternatives?(bytes: Uint8Array, begin: number, end: number): boolean;
  /** No more data passes, either way. Called once. (The session may linger in closing or draining until `state` is closed.) */
  onEnd(end: SessionEnd): void;
}
