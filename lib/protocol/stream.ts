import { CloseCode } from '../constants.js';
import { sttError } from '../errors.js';
import type { SessionObserver } from '../ports/session-observer.js';
import { Assembler, type AssemblerSink } from './assembler.js';
import { ReceiveWindow } from './flow-control.js';
import { SendBuffer } from './send-buffer.js';
import type { SessionLimits } from './session-config.js';
import * as StreamWant from './stream-want.js';
import * as SendState from './send-state.js';
import * as ReceiveState from './receive-state.js';

/** Weight of a stream whose `setWeight` was not called. */
export const DEFAULT_WEIGHT = 16;

/** Control frames that a stream waits to send: bits of `Stream.wanted`. */
export * as StreamWant from './stream-want.js';

/** What a stream needs of its session. */
export interface StreamHost {
  readonly observer: SessionObserver;
  readonly limits: SessionLimits;
  /** False once the session is over: nothing is sent any more. */
  readonly live: boolean;
  /** The stream may have something to send, or has nothing any more. */
  onSendChange(stream: Stream): void;
  /** The stream shall have this weight. */
  onWeight(stream: Stream, weight: number): void;
  /** The stream has control frames to send: `wanted` was 0 before. */
  onWant(stream: Stream): void;
  /** New octets count against the session's window. False if they are beyond it. */
  onReceive(octets: number): boolean;
  /** Octets that count no more. */
  onConsume(octets: number): void;
  /** Octets that were sent are acknowledged or given up, and not kept any more. */
  onRelease(octets: number): void;
  /** Octets given to the application. */
  onDeliver(octets: number): void;
  /** Octets and gaps held for reassembly changed. False if there are too many gaps. */
  onReassembly(octets: number, gaps: number): boolean;
  /** One direction ended. */
  onHalfClosed(stream: Stream): void;
}

/**
 * One bidirectional byte stream of a session (STT §6). Made by `Session.openStream`, or given to
 * `SessionObserver.onStream`. Its calls only change state: what is to be sent goes out with the next `pollTransmit`.
 */
export class Stream implements AssemblerSink {
  /** Odd from the initiator, even from the responder. */
  readonly id: number;
  /** Belongs to the layer above. */
  attachment: unknown = undefined;

  // What follows up to `wanted` belongs to the scheduler and the control queue.
  /** @internal Neighbours in the scheduler's ring or list, undefined outside. */
  ringNext: Stream | undefined = undefined;
  /** @internal */
  ringPrevious: Stream | undefined = undefined;
  /** @internal Octets it may send before it is the next one's turn. */
  deficit = 0;
  /** @internal 1..256 */
  weight = DEFAULT_WEIGHT;
  /** @internal `SchedulerPlace` */
  place = 0;
  /** @internal `StreamWant` bits. */
  wanted = 0;

  /** @internal */
  readonly sending = new SendBuffer();
  /** @internal Offset up to which the peer lets this side send. */
  sendLimit: number;
  /** @internal Code of an own reset and of a stop. */
  resetCode = 0;
  /** @internal */
  stopCode = 0;
  /** @internal The peer cut the stream off, one way or the other. */
  wasReset = false;

  readonly #host: StreamHost;
  readonly #window: ReceiveWindow;
  readonly #assembler = new Assembler();
  #finalSize = -1;
  #sendState: number = SendState.OPEN;
  #receiveState: number = ReceiveState.OPEN;
  #wantsRoom = false;
  /** What the session knows of the assembler. */
  #heldOctets = 0;
  #heldGaps = 0;

  /** @internal */
  constructor(id: number, host: StreamHost, sendLimit: number, receiveWindow: number) {
    this.id = id;
    this.#host = host;
    this.sendLimit = sendLimit;
    this.#window = new ReceiveWindow(receiveWindow, host.limits.maxStreamWindow);
  }

  /**
   * Queues octets. A chunk of 16 KiB or more is kept by reference until it is acknowledged and must not be changed
   * until then; a smaller one is copied. An empty chunk does nothing. After a reset, a stop or the end of the session
   * the octets are dropped (and true is returned).
   * Returns false if now `sendHighWater` or more octets are unsent: wait for `onStreamWritable`.
   * Throws ERR_STT_INVALID_STATE after `finish`, ERR_STT_STREAM_BUFFER_FULL if `sendBufferLimit` was already reached.
   */
  write(chunk: Uint8Array): boolean {
    if (this.#sendState !== SendState.OPEN || !this.#host.live) return true;
    const sending = this.sending;
    if (sending.finished) {
      throw sttError('ERR_STT_INVALID_STATE', { what: 'Writing', why: `stream ${this.id} was finished` });
    }
    const { sendBufferLimit: limit, sendHighWater } = this.#host.limits;
    if (sending.unsent >= limit) {
      throw sttError('ERR_STT_STREAM_BUFFER_FULL', { streamId: this.id, queued: sending.unsent, limit });
    }
    sending.append(chunk);
    if (chunk.length > 0) this.#host.onSendChange(this);
    if (sending.unsent < sendHighWater) return true;
    this.#wantsRoom = true;
    return false;
  }

  /** No more octets follow: STREAM_END goes out with the last one. Idempotent. `onStreamFinished` tells that all arrived. */
  finish(): void {
    if (this.#sendState !== SendState.OPEN || this.sending.finished || !this.#host.live) return;
    this.sending.finish();
    this.#host.onSendChange(this);
  }

  /** Gives up sending: what is not acknowledged is dropped and the peer told. Nothing if everything was acknowledged, or reset before. */
  reset(code: number): void {
    if (this.#sendState !== SendState.OPEN || !this.#host.live) return;
    this.#sendState = SendState.RESET;
    this.resetCode = code;
    this.#host.onRelease(this.sending.unreleased);
    this.sending.clear();
    this.#host.onSendChange(this);
    this.want(StreamWant.RESET);
  }

  /** Gives up receiving: what comes is dropped (and credited), and the peer is asked to stop. Nothing once all was received. */
  stopSending(code: number): void {
    if (this.#receiveState !== ReceiveState.OPEN || !this.#host.live) return;
    this.#dropReassembly();
    this.#creditAll();
    if (this.#finalSize >= 0) {
      this.#closeReceive();
      return;
    }
    this.#receiveState = ReceiveState.DISCARDING;
    this.stopCode = code;
    this.want(StreamWant.STOP);
  }

  /**
   * Gives credit back for octets of `onStreamData` that the application has taken. Call it for every octet, also after
   * `onStreamEnd` and `onStreamClosed`: the session's window counts them until then. (Octets given up by
   * `onStreamReset` or dropped by `stopSending` that were not consumed by then are credited by themselves.)
   */
  consumed(octets: number): void {
    const open = Math.min(octets, this.#assembler.base - this.#window.consumed);
    if (open <= 0) return;
    const due = this.#window.consume(open);
    this.#host.onConsume(open);
    if (due && this.creditUseful) this.want(StreamWant.CREDIT);
  }

  /** Share of the sending rate relative to the other streams, 1..256, default 16; the lowest still gets 1/16 of the highest. */
  setWeight(weight: number): void {
    this.#host.onWeight(this, Math.min(256, Math.max(1, Math.floor(weight))));
  }

  /** Octets written and not sent yet. */
  get bufferedOctets(): number {
    return this.sending.unsent;
  }

  /** Octets sent and not acknowledged. */
  get unackedOctets(): number {
    return this.sending.unacked;
  }

  /** Octets from the begin that were acknowledged without a gap. */
  get acknowledgedOctets(): number {
    return this.sending.next - this.sending.unreleased;
  }

  /** All written octets and STREAM_END are acknowledged, or a reset of the sending side is. */
  get sendClosed(): boolean {
    return this.#sendState === SendState.CLOSED;
  }

  /** Everything was received, or the receiving side was reset. */
  get receiveClosed(): boolean {
    return this.#receiveState === ReceiveState.CLOSED;
  }

  /** @internal Nothing that was written, finished or reset waits for an acknowledgement. */
  get idle(): boolean {
    if (this.#sendState === SendState.RESET) return false;
    const { unsent, unacked, finished, done } = this.sending;
    return this.#sendState === SendState.CLOSED || (finished ? done : unsent === 0 && unacked === 0);
  }

  /** @internal Something to send, if the session's credit is no obstacle. */
  get sendable(): boolean {
    return this.#sendState === SendState.OPEN && this.sending.sendable(this.sendLimit);
  }

  /** @internal Octets that may still go out for the first time. */
  get unsent(): number {
    return this.#sendState === SendState.OPEN ? this.sending.unsent : 0;
  }

  /** @internal The sending side waits for an acknowledgement of its reset. */
  get resetPending(): boolean {
    return this.#sendState === SendState.RESET;
  }

  /** @internal The peer was asked to stop and has not ended the stream. */
  get stopPending(): boolean {
    return this.#receiveState === ReceiveState.DISCARDING;
  }

  /** @internal More credit would be of use to the peer. */
  get creditUseful(): boolean {
    return this.#receiveState === ReceiveState.OPEN && this.#finalSize < 0;
  }

  /** @internal */
  get receiveWindow(): ReceiveWindow {
    return this.#window;
  }

  /** @internal Asks for a control frame. */
  want(bit: number): void {
    const before = this.wanted;
    this.wanted = before | bit;
    if (before === 0) this.#host.onWant(this);
  }

  /** @internal Octets went out: tells a writer that waits for room. */
  tellRoom(): void {
    if (!this.#wantsRoom || 2 * this.sending.unsent >= this.#host.limits.sendHighWater) return;
    this.#wantsRoom = false;
    this.#host.observer.onStreamWritable(this);
  }

  /** @internal Octets, and STREAM_END if `fin`, were acknowledged. */
  onAcked(begin: number, end: number, fin: boolean): void {
    if (this.#sendState !== SendState.OPEN) return;
    const kept = this.sending.unreleased;
    this.sending.onAcked(begin, end, fin);
    if (this.sending.unreleased < kept) this.#host.onRelease(kept - this.sending.unreleased);
    if (!this.sending.done) {
      // Less than a packet of credit may have waited for this (silly-window avoidance).
      if (this.place !== 0 && this.sending.unacked === 0) this.#host.onSendChange(this);
      return;
    }
    this.#sendState = SendState.CLOSED;
    this.#host.onSendChange(this);
    this.#host.observer.onStreamFinished(this);
    this.#host.onHalfClosed(this);
  }

  /** @internal */
  onLost(begin: number, end: number, fin: boolean): void {
    if (this.#sendState !== SendState.OPEN) return;
    this.sending.onLost(begin, end, fin);
    this.#host.onSendChange(this);
  }

  /** @internal The peer knows of the reset. */
  onResetAcked(): void {
    if (this.#sendState !== SendState.RESET) return;
    this.#sendState = SendState.CLOSED;
    this.#host.onHalfClosed(this);
  }

  /** @internal STOP_SENDING came. */
  onStopSending(code: number): void {
    if (this.#sendState !== SendState.OPEN) return;
    this.wasReset = true;
    this.reset(code);
    this.#host.observer.onStreamStopped(this, code);
  }

  /** @internal A STREAM frame, or a run of them. Gives a close code. */
  onFrame(offset: number, fin: boolean, bytes: Uint8Array, begin: number, end: number): number {
    const until = offset + end - begin;
    const code = this.#account(until, fin ? until : -1);
    if (code !== CloseCode.NONE || this.#receiveState === ReceiveState.CLOSED) return code;
    if (this.#receiveState === ReceiveState.DISCARDING) {
      this.#creditAll();
      if (this.#finalSize >= 0) this.#closeReceive();
      return CloseCode.NONE;
    }
    const assembler = this.#assembler;
    assembler.push(offset, bytes, begin, end, this);
    // The application may have stopped the stream or ended the session meanwhile.
    if (this.#receiveState !== ReceiveState.OPEN || !this.#host.live) return CloseCode.NONE;
    if (!this.#reportReassembly()) return CloseCode.FLOW_CONTROL;
    if (assembler.base === this.#finalSize) {
      this.#receiveState = ReceiveState.CLOSED;
      this.#host.observer.onStreamEnd(this);
      this.#host.onHalfClosed(this);
    }
    return CloseCode.NONE;
  }

  /** @internal STREAM_RESET came. Gives a close code. */
  onReset(code: number, finalSize: number): number {
    const closeCode = this.#account(finalSize, finalSize);
    if (closeCode !== CloseCode.NONE || this.#receiveState === ReceiveState.CLOSED) return closeCode;
    const wanted = this.#receiveState === ReceiveState.OPEN;
    this.#dropReassembly();
    this.#creditAll();
    this.wasReset = true;
    this.#receiveState = ReceiveState.CLOSED;
    if (wanted) this.#host.observer.onStreamReset(this, code);
    this.#host.onHalfClosed(this);
    return CloseCode.NONE;
  }

  /** @internal The next octets in order. */
  onOctets(bytes: Uint8Array, begin: number, end: number): void {
    // The application may have stopped the stream within a call of this loop.
    if (this.#receiveState !== ReceiveState.OPEN || !this.#host.live) return;
    this.#host.onDeliver(end - begin);
    this.#host.observer.onStreamData(this, bytes, begin, end);
  }

  /** Checks and counts octets up to `until`; `finalSize` >= 0 tells the end of the stream (STT §6). */
  #account(until: number, finalSize: number): number {
    const window = this.#window;
    const known = this.#finalSize;
    if (known >= 0 && (until > known || (finalSize >= 0 && finalSize !== known))) return CloseCode.FINAL_SIZE;
    if (finalSize >= 0 && finalSize < window.received) return CloseCode.FINAL_SIZE;
    const fresh = until - window.received;
    if (fresh > 0 && !(window.receive(fresh) && this.#host.onReceive(fresh))) return CloseCode.FLOW_CONTROL;
    if (finalSize >= 0) this.#finalSize = finalSize;
    return CloseCode.NONE;
  }

  /** Everything that was received counts as consumed. */
  #creditAll(): void {
    const open = this.#window.received - this.#window.consumed;
    if (open <= 0) return;
    this.#window.consume(open);
    this.#host.onConsume(open);
  }

  #dropReassembly(): void {
    this.#assembler.clear();
    this.#reportReassembly();
  }

  /** Tells the session what changed in what is held. False if it is too much. */
  #reportReassembly(): boolean {
    const { stored, gaps } = this.#assembler;
    if (stored === this.#heldOctets && gaps === this.#heldGaps) return true;
    const room = this.#host.onReassembly(stored - this.#heldOctets, gaps - this.#heldGaps);
    this.#heldOctets = stored;
    this.#heldGaps = gaps;
    return room;
  }

  #closeReceive(): void {
    this.#receiveState = ReceiveState.CLOSED;
    this.#host.onHalfClosed(this);
  }
}
