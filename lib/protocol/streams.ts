import { CloseCode, MAX_DATAGRAM } from '../constants.js';
import type { SessionObserver } from '../ports/session-observer.js';
import type { ControlQueue } from './control-queue.js';
import { ReceiveWindow, SendCredit } from './flow-control.js';
import { Scheduler } from './scheduler.js';
import type { SessionConfig, SessionLimits } from './session-config.js';
import type { SendBuffer } from './send-buffer.js';
import { Stream, type StreamHost } from './stream.js';
import { ChurnBudget, StreamLookup, StreamTable } from './stream-table.js';

/** All streams of a session and the credit they share (STT §6). What the peer does wrong comes back as a close code. */
export class Streams implements StreamHost {
  readonly observer: SessionObserver;
  readonly limits: SessionLimits;
  readonly scheduler = new Scheduler();
  readonly table: StreamTable;
  readonly churn: ChurnBudget;
  readonly credit: SendCredit;
  readonly window: ReceiveWindow;
  live = true;
  /** Time of the call that is being served. */
  now: number;
  reassemblyOctets = 0;
  deliveredOctets = 0;
  sentOctets = 0;
  resentOctets = 0;
  readonly #control: ControlQueue;
  readonly #sendLimit: number;
  readonly #receiveWindow: number;
  #gaps = 0;
  /** Octets sent and kept. */
  #unreleased = 0;

  constructor(config: SessionConfig, control: ControlQueue) {
    const { localParams, peerParams, limits, now } = config;
    this.observer = config.observer;
    this.limits = limits;
    this.now = now;
    this.#control = control;
    this.churn = new ChurnBudget(limits.resetBurst, limits.resetsPerSecond, now);
    this.table = new StreamTable(
      config.role === 'initiator',
      peerParams.maxStreams,
      localParams.maxStreams,
      this.churn,
    );
    this.credit = new SendCredit(peerParams.initialMaxData);
    this.window = new ReceiveWindow(localParams.initialMaxData, limits.maxSessionWindow);
    this.#sendLimit = peerParams.initialMaxStreamData;
    this.#receiveWindow = localParams.initialMaxStreamData;
  }

  open(weight: number | undefined): Stream | undefined {
    const id = this.live ? this.table.nextOwnId() : 0;
    if (id === 0) return undefined;
    const stream = new Stream(id, this, this.#sendLimit, this.#receiveWindow);
    if (weight !== undefined) stream.setWeight(weight);
    this.table.add(stream);
    return stream;
  }

  /** True if everything written, finished or reset was acknowledged. */
  get drained(): boolean {
    for (const stream of this.table.values()) if (!stream.idle) return false;
    return true;
  }

  /** Something new waits that only the peer's credit holds back. */
  get stalled(): boolean {
    return this.scheduler.hasBlocked;
  }

  /**
   * The stream in turn that has something to send; `sending.pick*` tells what. `full`: stream octets of a full packet.
   * Streams that have nothing, or no credit for it, leave the ring.
   */
  nextToSend(full: number): Stream | undefined {
    for (;;) {
      const stream = this.scheduler.next();
      if (stream === undefined) return undefined;
      const sending = stream.sending;
      const room = Math.max(0, this.limits.maxUnreleased - this.#unreleased);
      const limit = Math.min(stream.sendLimit, sending.next + Math.min(this.credit.available, room));
      if (sending.pick(limit) && this.#worthSending(sending, full)) return stream;
      if (stream.unsent > 0) this.scheduler.block(stream);
      else this.scheduler.remove(stream);
    }
  }

  /** A stream with sent octets that are not acknowledged, to probe with; `sending.pick*` tells the first of them. */
  oldestUnacked(): Stream | undefined {
    for (const stream of this.table.values()) {
      if (!stream.resetPending && !stream.sendClosed && stream.sending.pickOldest()) return stream;
    }
    return undefined;
  }

  /** Octets of a stream go out, some of them perhaps not for the first time. `Stream.tellRoom` is to follow. */
  onSent(stream: Stream, begin: number, end: number, fin: boolean): void {
    const fresh = Math.max(0, end - Math.max(begin, stream.sending.next));
    this.sentOctets += fresh;
    this.resentOctets += end - begin - fresh;
    this.credit.use(fresh);
    this.#unreleased += fresh;
    stream.sending.onSent(begin, end, fin);
    this.scheduler.charge(stream, end - begin);
    if (!stream.sendable) this.onSendChange(stream);
  }

  /** The session is over. */
  end(): void {
    this.live = false;
    for (const stream of this.table.values()) this.scheduler.remove(stream);
  }

  // What comes from the peer

  onStreamFrame(id: number, offset: number, fin: boolean, bytes: Uint8Array, begin: number, end: number): number {
    const stream = this.table.get(id);
    if (stream !== undefined) return stream.onFrame(offset, fin, bytes, begin, end);
    const code = this.#lookup(id);
    if (code !== CloseCode.NONE) return code;
    return this.table.get(id)?.onFrame(offset, fin, bytes, begin, end) ?? CloseCode.NONE;
  }

  onStreamReset(id: number, code: number, finalSize: number): number {
    const closeCode = this.#lookup(id);
    if (closeCode !== CloseCode.NONE) return closeCode;
    return this.table.get(id)?.onReset(code, finalSize) ?? CloseCode.NONE;
  }

  onStopSending(id: number, code: number): number {
    const closeCode = this.#lookup(id);
    if (closeCode === CloseCode.NONE) this.table.get(id)?.onStopSending(code);
    return closeCode;
  }

  /** FLOW_CREDIT: for the session if `id` is 0. */
  onFlowCredit(id: number, limit: number): number {
    if (id === 0) {
      if (this.credit.raise(limit)) this.scheduler.unblockAll();
      return CloseCode.NONE;
    }
    const closeCode = this.#lookup(id);
    const stream = this.table.get(id);
    if (stream !== undefined && limit > stream.sendLimit) {
      stream.sendLimit = limit;
      this.onSendChange(stream);
    }
    return closeCode;
  }

  onStreamLimit(count: number): void {
    const none = this.table.available <= 0;
    if (this.table.raiseOwnLimit(count) && none && this.live) this.observer.onStreamsAvailable();
  }

  // What the streams tell

  onSendChange(stream: Stream): void {
    if (stream.sendable) this.scheduler.add(stream);
    else if (stream.unsent > 0) this.scheduler.block(stream);
    else this.scheduler.remove(stream);
  }

  onWeight(stream: Stream, weight: number): void {
    this.scheduler.setWeight(stream, weight);
  }

  onWant(stream: Stream): void {
    this.#control.addStream(stream);
  }

  onReceive(octets: number): boolean {
    return this.window.receive(octets);
  }

  onConsume(octets: number): void {
    if (this.window.consume(octets)) this.#control.wantCredit = true;
  }

  onRelease(octets: number): void {
    // Less than a packet of room holds streams back as well.
    const wasFull = this.#unreleased + MAX_DATAGRAM > this.limits.maxUnreleased;
    this.#unreleased -= octets;
    if (wasFull) this.scheduler.unblockAll();
  }

  onDeliver(octets: number): void {
    this.deliveredOctets += octets;
  }

  onReassembly(octets: number, gaps: number): boolean {
    this.reassemblyOctets += octets;
    this.#gaps += gaps;
    return this.#gaps <= this.limits.maxReassemblyGaps;
  }

  onHalfClosed(stream: Stream): void {
    if (!this.live || !stream.sendClosed || !stream.receiveClosed || this.table.get(stream.id) !== stream) return;
    this.scheduler.remove(stream);
    this.table.remove(stream, stream.wasReset, this.now);
    this.renewStreamLimit();
    this.observer.onStreamClosed(stream);
  }

  /** Tells the peer how many streams it may open by now, if that is worth it. */
  renewStreamLimit(): void {
    if (this.table.renewPeerLimit(this.now)) this.#control.wantLimit = true;
  }

  /**
   * Silly-window avoidance (RFC 1122 §4.2.3.4): where only credit ends the range, full packets go; a part of one goes
   * only if nothing is on its way whose acknowledgement will bring more credit.
   */
  #worthSending(sending: SendBuffer, full: number): boolean {
    if (sending.pickBegin < sending.next || sending.pickEnd === sending.end) return true;
    const length = sending.pickEnd - sending.pickBegin;
    if (length < full) return sending.unacked === 0;
    sending.pickEnd -= length % full;
    return true;
  }

  /** Makes sure that `id` may be used, opening it if it is new. What is over stays over. */
  #lookup(id: number): number {
    switch (this.table.lookup(id)) {
      case StreamLookup.NEW: {
        const stream = new Stream(id, this, this.#sendLimit, this.#receiveWindow);
        this.table.add(stream);
        this.observer.onStream(stream);
        return CloseCode.NONE;
      }
      case StreamLookup.UNOPENED:
        return CloseCode.STREAM;
      case StreamLookup.OVER_LIMIT:
        return CloseCode.STREAM_LIMIT;
      default:
        return CloseCode.NONE;
    }
  }
}
