import { CloseCode } from '../constants.js';
import type { SessionObserver } from '../ports/session-observer.js';
import { type FrameVisitor, parsePacketFrames, readU32 } from '../wire/packet-frames.js';
import type { AckTracker } from './ack-tracker.js';
import type { ControlQueue } from './control-queue.js';
import { ControlStream } from './control-stream.js';
import type { KeyRatchet } from './key-ratchet.js';
import type { Recovery } from './sending.js';
import type { SessionPaths } from './session-paths.js';
import type { Streams } from './streams.js';

/** In place of a close code: the session is over, the rest of the packet does not matter. */
export const STOPPED = -1;

/** What the receiver of frames cannot decide by itself. */
export interface FrameReceiverHost {
  /** SESSION_CLOSE came. */
  onSessionClose(now: number, code: number, reason: string): void;
}

/** The machines that frames are for. */
export interface ReceiveParts {
  readonly streams: Streams;
  readonly control: ControlQueue;
  readonly recovery: Recovery;
  readonly acks: AckTracker;
  readonly paths: SessionPaths;
  controlStream: ControlStream | undefined;
  startRatchet(now: number): KeyRatchet | undefined;
}

/** Takes the frames of the packets that came in to the machines they are for (STT §6). */
export class FrameReceiver implements FrameVisitor {
  /** What was wrong with the last frame that was refused. */
  why = '';
  messagesReceived = 0;
  readonly #parts: ReceiveParts;
  readonly #observer: SessionObserver;
  readonly #maxDatagram: number;
  readonly #host: FrameReceiverHost;
  #now = 0;
  #path = 0;
  #ackEliciting = false;
  #pathFrame = false;
  #otherFrame = false;

  /** `maxDatagram`: the largest message this side takes, 0 = none. */
  constructor(parts: ReceiveParts, observer: SessionObserver, maxDatagram: number, host: FrameReceiverHost) {
    this.#parts = parts;
    this.#observer = observer;
    this.#maxDatagram = maxDatagram;
    this.#host = host;
  }

  /** The last packet parsed asks for an acknowledgement. */
  get ackEliciting(): boolean {
    return this.#ackEliciting;
  }

  /**
   * The last packet parsed only asks about a path or answers: it tells nothing about where the peer is (STT §7). One of
   * ACKs alone does: a peer that only receives sends nothing else.
   */
  get isPathProbe(): boolean {
    return this.#pathFrame && !this.#otherFrame;
  }

  /** Parses the frames of one packet that came in on a path. Gives a close code; `why` tells what is wrong. */
  parse(now: number, path: number, bytes: Uint8Array, begin: number, end: number): number {
    this.#now = now;
    this.#path = path;
    this.#ackEliciting = this.#pathFrame = this.#otherFrame = false;
    this.why = 'a malformed or unknown frame';
    return parsePacketFrames(bytes, begin, end, this);
  }

  /** A STREAM frame, or a run of them. Gives a close code. */
  stream(id: number, offset: number, fin: boolean, bytes: Uint8Array, begin: number, end: number): number {
    if (!this.#enter()) return STOPPED;
    if (id === 0) return this.#control(offset, fin, bytes, begin, end);
    const code = this.#parts.streams.onStreamFrame(id, offset, fin, bytes, begin, end);
    if (code > CloseCode.NONE) this.why = `octets for stream ${id} that may not come`;
    return code;
  }

  onPadding(): number {
    return CloseCode.NONE;
  }

  onData(tag: number, bytes: Uint8Array, begin: number, end: number): number {
    if (!this.#enter()) return STOPPED;
    if (end - begin > this.#maxDatagram || this.#maxDatagram === 0) {
      return this.#refuse(CloseCode.PROTOCOL, 'a message over max_datagram');
    }
    this.messagesReceived++;
    this.#observer.onMessage(tag, bytes, begin, end);
    return CloseCode.NONE;
  }

  onUser(type: number, bytes: Uint8Array, begin: number, end: number): number {
    if (!this.#enter()) return STOPPED;
    this.#observer.onUserFrame(type, bytes, begin, end);
    return CloseCode.NONE;
  }

  onStream(id: number, offset: number, fin: boolean, bytes: Uint8Array, begin: number, end: number): number {
    return this.stream(id, offset, fin, bytes, begin, end);
  }

  onAck(
    largest: number,
    delayUs: number,
    ranges: Float64Array,
    rangeCount: number,
    hasEcn: boolean,
    ect0: number,
    ect1: number,
    ce: number,
  ): number {
    if (!this.#parts.streams.live) return STOPPED;
    const code = this.#parts.recovery.onAckReceived(
      this.#now,
      largest,
      delayUs / 1000,
      ranges,
      rangeCount,
      hasEcn,
      ect0,
      ect1,
      ce,
    );
    return code === CloseCode.NONE ? code : this.#refuse(code, 'an ACK of a packet that was not sent');
  }

  onPing(bytes: Uint8Array, begin: number): number {
    if (!this.#enter()) return STOPPED;
    this.#parts.acks.hurry();
    this.#parts.control.onPing(readU32(bytes, begin), readU32(bytes, begin + 4));
    return CloseCode.NONE;
  }

  onPong(bytes: Uint8Array, begin: number): number {
    if (!this.#enter()) return STOPPED;
    this.#parts.control.onPong(readU32(bytes, begin), readU32(bytes, begin + 4), this.#now);
    return CloseCode.NONE;
  }

  onFlowCredit(id: number, limit: number): number {
    if (!this.#enter()) return STOPPED;
    return this.#onStreamId(this.#parts.streams.onFlowCredit(id, limit), id);
  }

  onStreamLimit(count: number): number {
    if (!this.#enter()) return STOPPED;
    this.#parts.streams.onStreamLimit(count);
    return CloseCode.NONE;
  }

  onStreamReset(id: number, code: number, finalSize: number): number {
    if (!this.#enter()) return STOPPED;
    if (id === 0) return this.#refuse(CloseCode.PROTOCOL, 'a reset of the control stream');
    return this.#onStreamId(this.#parts.streams.onStreamReset(id, code, finalSize), id);
  }

  onStopSending(id: number, code: number): number {
    if (!this.#enter()) return STOPPED;
    if (id === 0) return this.#refuse(CloseCode.PROTOCOL, 'a stop of the control stream');
    return this.#onStreamId(this.#parts.streams.onStopSending(id, code), id);
  }

  onPathChallenge(bytes: Uint8Array, begin: number): number {
    if (!this.#enterPath()) return STOPPED;
    this.#parts.paths.onChallenge(this.#path, readU32(bytes, begin), readU32(bytes, begin + 4));
    return CloseCode.NONE;
  }

  onPathResponse(bytes: Uint8Array, begin: number): number {
    if (!this.#enterPath()) return STOPPED;
    this.#parts.paths.onResponse(this.#now, readU32(bytes, begin), readU32(bytes, begin + 4));
    return CloseCode.NONE;
  }

  onResetToken(bytes: Uint8Array, begin: number): number {
    if (!this.#enter()) return STOPPED;
    this.#observer.onResetToken(bytes, begin);
    return CloseCode.NONE;
  }

  onAckFrequency(sequence: number, threshold: number, maxDelayUs: number): number {
    if (!this.#enter()) return STOPPED;
    this.#parts.acks.onAckFrequency(sequence, threshold, maxDelayUs / 1000);
    return CloseCode.NONE;
  }

  onImmediateAck(): number {
    if (!this.#enter()) return STOPPED;
    this.#parts.acks.hurry();
    return CloseCode.NONE;
  }

  onAltAddress(bytes: Uint8Array, begin: number, end: number): number {
    if (!this.#enter()) return STOPPED;
    const isMalformed = this.#observer.onAlternatives?.(bytes, begin, end) === false;
    return isMalformed ? this.#refuse(CloseCode.FRAME_ENCODING, 'a malformed ALT_ADDRESS') : CloseCode.NONE;
  }

  onSessionClose(code: number, bytes: Uint8Array, begin: number, end: number): number {
    if (!this.#parts.streams.live) return STOPPED;
    this.#host.onSessionClose(this.#now, code, new TextDecoder().decode(bytes.subarray(begin, end)));
    return STOPPED;
  }

  /** Octets of the control stream. */
  #control(offset: number, fin: boolean, bytes: Uint8Array, begin: number, end: number): number {
    const ratchet = this.#parts.startRatchet(this.#now);
    const stream = (this.#parts.controlStream ??= new ControlStream(ratchet));
    const code = stream.onFrame(offset, fin, bytes, begin, end);
    if (code > CloseCode.NONE) this.why = ratchet?.why || 'octets for the control stream that may not come';
    return code;
  }

  /** Notes an ack-eliciting frame. False if the session ended, perhaps by a frame before. */
  #enter(): boolean {
    this.#ackEliciting = this.#otherFrame = true;
    return this.#parts.streams.live;
  }

  #enterPath(): boolean {
    this.#ackEliciting = this.#pathFrame = true;
    return this.#parts.streams.live;
  }

  #onStreamId(code: number, id: number): number {
    return code === CloseCode.NONE ? code : this.#refuse(code, `a control frame for stream ${id} that may not come`);
  }

  #refuse(code: number, why: string): number {
    this.why = why;
    return code;
  }
}
