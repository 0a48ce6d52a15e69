import type { PacketSink } from '../ports/packet-sink.js';
import type { SessionConfig } from './session-config.js';
import type { SessionStats } from './session-stats.js';
import type { Stream } from './stream.js';

/**
 * An established session (STT §5-7), sans-IO: `handle*` takes what came in, `pollTransmit` gives what goes out,
 * `pollTimeout` the next time at which `handleTimeout` wants to be called. After any call, `pollTransmit` may have
 * something to send; after `handleTimeout` and `handleBatchEnd` call it at once.
 */
export class Session {
  constructor(_config: SessionConfig) {}

  get state(): 'open' | 'closing' | 'draining' | 'closed' {
    return 'open';
  }

  /** A coalesced STREAM row: `count` packets from `pn` on, each led by a STREAM frame that continues the one before. */
  handleStreamRun(
    _now: number,
    _path: number,
    _marks: number,
    _pn: number,
    _count: number,
    _streamId: number,
    _offset: number,
    _fin: boolean,
    _bytes: Uint8Array,
    _begin: number,
    _length: number,
  ): void {}

  /** A FRAMES row: the frames of packet `pn`, or (`rest`) what followed the STREAM frame that was given before. */
  handleFrames(
    _now: number,
    _path: number,
    _marks: number,
    _pn: number,
    _rest: boolean,
    _bytes: Uint8Array,
    _begin: number,
    _length: number,
  ): void {}

  /** The packet engine has seen as many failed openings as a key can bear: closes with CRYPTO (STT §5). */
  handleForgeryLimit(_now: number): void {}

  /** The rows of one receive batch were given: decides whether to acknowledge at once (STT §7). */
  handleBatchEnd(_now: number): void {}

  /** Sends what congestion, pacing and flow control allow, until the sink refuses; then call it again when the sink has room. */
  pollTransmit(_now: number, _sink: PacketSink): void {}

  /** When `handleTimeout` wants to be called: absolute ms or Infinity. */
  pollTimeout(): number {
    return Infinity;
  }

  /** To be called at or after `pollTimeout()`; early calls do nothing. */
  handleTimeout(_now: number): void {}

  /** Opens a stream, or undefined while the peer allows no more, or after the session ended. Nothing is sent until it is written to. */
  openStream(_weight?: number): Stream | undefined {
    return undefined;
  }

  /** The streams that are not over, in order of opening; still there during `onEnd`. */
  streams(): Iterable<Stream> {
    return [];
  }

  /**
   * Queues an unreliable message (a DATA frame; `bytes` is copied) and gives its id for `onMessageFate`.
   * Throws ERR_STT_MESSAGE_TOO_LARGE, ERR_STT_QUEUE_FULL, ERR_STT_CLOSED.
   */
  sendMessage(_tag: number, _bytes: Uint8Array): number {
    return 0;
  }

  /** Queues a user-defined frame, type 0x80-0xFF, unreliable; throws as `sendMessage` does. */
  sendUserFrame(_type: number, _bytes: Uint8Array): void {}

  /** The largest `sendMessage(tag, ...)` now. */
  maxMessageOctets(_tag: number): number {
    return 0;
  }

  /** Sends a PING; `onPong` gives the id that this returns. */
  ping(_now: number): number {
    return 0;
  }

  /** Ends the session at once: SESSION_CLOSE, then 3 PTO in `closing`. `onEnd` is called from within. Nothing if it is over. */
  close(_now: number, _code: number, _reason: string): void {}

  /** True if everything written to streams (STREAM_END included) was acknowledged and no message waits or is in flight. */
  get isDrained(): boolean {
    return true;
  }

  /** Ends the session silently: nothing is sent, nothing called back any more. */
  destroy(): void {}

  stats(): SessionStats {
    throw new Error('unreachable');
  }
}
