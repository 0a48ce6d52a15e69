import { ControlType } from '../constants.js';
import type { SessionObserver } from '../ports/session-observer.js';
import {
  encodeFlowCredit,
  encodePing,
  encodePong,
  encodeStopSending,
  encodeStreamLimit,
  encodeStreamReset,
} from '../wire/packet-frames.js';
import type { ReceiveWindow } from './flow-control.js';
import type { FrameLog } from './frame-log.js';
import type { FrameSource } from './frame-source.js';
import { SentFrame, type Announcement } from './sent-frame.js';
import type { SessionLimits } from './session-config.js';
import { StreamWant, type Stream } from './stream.js';
import type { StreamTable } from './stream-table.js';

/** No control frame that is made here is longer: STREAM_RESET with three full varints. */
const LONGEST = 26;

/** Where the values of the frames come from at the moment they are sent. */
export interface ControlValues {
  readonly window: ReceiveWindow;
  readonly table: StreamTable;
}

/**
 * The control frames that wait to be sent. Everything is coalesced and capped: a kind of frame waits once (per stream),
 * with the value of the moment it is sent; answers to the peer's requests are bounded and dropped beyond that.
 */
export class ControlQueue {
  wantCredit = false;
  wantLimit = false;
  /** A PING nobody awaits the answer of: keeps the session, or probes. */
  wantPing = false;
  /** Of ACK_FREQUENCY frames. */
  ackRate: FrameSource | undefined;
  readonly #limits: SessionLimits;
  readonly #observer: SessionObserver;
  /** Those that are not acknowledged, and those of them that wait. */
  #announcements: readonly Announcement[];
  #toAnnounce: readonly Announcement[];
  #streams: Stream[] | undefined;
  /** 8-octet tokens as pairs of u32, in the order they came. */
  #pongs: number[] | undefined;
  /** Own PINGs: when they were asked for. */
  #pings: Map<number, number> | undefined;
  #pingsToSend: number[] | undefined;
  #nextPing = 1;

  constructor(limits: SessionLimits, observer: SessionObserver, announcements: readonly Announcement[]) {
    this.#limits = limits;
    this.#observer = observer;
    this.#announcements = this.#toAnnounce = announcements;
  }

  get waiting(): boolean {
    return (
      this.wantCredit ||
      this.wantLimit ||
      this.wantPing ||
      this.ackRate?.wanted === true ||
      hasSome(this.#toAnnounce) ||
      hasSome(this.#streams) ||
      hasSome(this.#pongs) ||
      hasSome(this.#pingsToSend)
    );
  }

  /** A stream has `wanted` bits. */
  addStream(stream: Stream): void {
    (this.#streams ??= []).push(stream);
  }

  /** Asks for a PING of the application; gives its id. */
  ping(now: number): number {
    const pings = (this.#pings ??= new Map());
    if (pings.size >= this.#limits.maxPings) this.#forgetOldestPing(pings);
    const id = this.#nextPing;
    this.#nextPing = id === 0xffffffff ? 1 : id + 1;
    pings.set(id, now);
    (this.#pingsToSend ??= []).push(id);
    return id;
  }

  /** A PING of the peer, its token as two u32. */
  onPing(high: number, low: number): void {
    const pongs = (this.#pongs ??= []);
    // One answer does for all PINGs of a token: those that only probe shall not crowd out one that is awaited.
    for (let i = 0; i < pongs.length; i += 2) if (pongs[i] === high && pongs[i + 1] === low) return;
    if (pongs.length < 2 * this.#limits.maxPongs) pongs.push(high, low);
  }

  onPong(high: number, low: number, now: number): void {
    const sent = high === 0 ? this.#pings?.get(low) : undefined;
    if (sent === undefined) return;
    this.#pings!.delete(low);
    this.#observer.onPong(low, now - sent);
  }

  /** Takes out what fits into `out` up to `end`. */
  encode(
    out: Uint8Array,
    at: number,
    end: number,
    log: FrameLog,
    streams: ControlValues,
    now: number,
    rttMs: number,
  ): number {
    const begin = at;
    const room = (): boolean => at + LONGEST <= end && !log.full;
    while (hasSome(this.#pongs) && room()) {
      const high = this.#pongs.shift()!;
      const low = this.#pongs.shift()!;
      at = encodePong(token(high, low), out, at);
      log.add(SentFrame.PING, high, low, ControlType.PONG);
    }
    while (hasSome(this.#pingsToSend) && room()) {
      const id = this.#pingsToSend.shift()!;
      if (!this.#pings!.has(id)) continue;
      at = encodePing(token(0, id), out, at);
      log.add(SentFrame.PING, 0, id, ControlType.PING);
    }
    if (this.wantCredit && room()) {
      const limit = streams.window.renew(now, rttMs);
      at = encodeFlowCredit(0, limit, out, at);
      log.add(SentFrame.FLOW_CREDIT, 0, limit, 0);
      this.wantCredit = false;
    }
    if (this.wantLimit && room()) {
      at = encodeStreamLimit(streams.table.peerLimit, out, at);
      log.add(SentFrame.STREAM_LIMIT, streams.table.peerLimit, 0, 0);
      this.wantLimit = false;
    }
    if (this.ackRate?.wanted === true && room()) at = this.ackRate.encode(out, at, log);
    while (hasSome(this.#streams) && at + 3 * LONGEST <= end && !log.full) {
      at = this.#encodeStream(this.#streams.shift()!, out, at, log, streams, now, rttMs);
    }
    for (const announcement of this.#toAnnounce) {
      const { kind, frame } = announcement;
      if (at + frame.length > end || log.full) break;
      out.set(frame, at);
      at += frame.length;
      log.add(kind, 0, 0, 0);
      this.#toAnnounce = this.#toAnnounce.filter((other) => other !== announcement);
    }
    // Any other frame of the queue asks for an answer as well as a PING does.
    if (this.wantPing && (at > begin || room())) {
      if (at === begin) at = encodePing(token(0, 0), out, at);
      this.wantPing = false;
    }
    if (at > begin) log.ackEliciting = true;
    return at;
  }

  onAcked(kind: number, a: number, streams: ControlValues): void {
    if (kind === SentFrame.STREAM_RESET) streams.table.get(a)?.onResetAcked();
    else if (hasSome(this.#announcements)) this.#announcements = this.#announcements.filter((one) => one.kind !== kind);
  }

  /** What is still true and still of use is sent again, with today's value (RFC 9000 §13.3). */
  onLost(kind: number, a: number, b: number, c: number, streams: ControlValues): void {
    const stream = streams.table.get(a);
    switch (kind) {
      case SentFrame.FLOW_CREDIT:
        if (a === 0) this.wantCredit ||= b === streams.window.limit;
        else if (stream?.creditUseful === true && b === stream.receiveWindow.limit) stream.want(StreamWant.CREDIT);
        return;
      case SentFrame.STREAM_LIMIT:
        this.wantLimit ||= a === streams.table.peerLimit;
        return;
      case SentFrame.STREAM_RESET:
        if (stream?.resetPending === true) stream.want(StreamWant.RESET);
        return;
      case SentFrame.STOP_SENDING:
        if (stream?.stopPending === true) stream.want(StreamWant.STOP);
        return;
      case SentFrame.ACK_FREQUENCY:
        this.ackRate!.onLost(a);
        return;
      case SentFrame.PING:
        if (c === ControlType.PONG) this.onPing(a, b);
        else if (this.#pings?.has(b) === true) (this.#pingsToSend ??= []).push(b);
        return;
    }
    for (const announcement of this.#announcements) {
      if (announcement.kind === kind) this.#toAnnounce = [...this.#toAnnounce, announcement];
    }
  }

  #encodeStream(
    stream: Stream,
    out: Uint8Array,
    at: number,
    log: FrameLog,
    streams: ControlValues,
    now: number,
    rttMs: number,
  ): number {
    const wanted = stream.wanted;
    stream.wanted = 0;
    if ((wanted & StreamWant.RESET) !== 0 && stream.resetPending) {
      at = encodeStreamReset(stream.id, stream.resetCode, stream.sending.next, out, at);
      log.add(SentFrame.STREAM_RESET, stream.id, 0, 0);
    }
    if ((wanted & StreamWant.STOP) !== 0 && stream.stopPending) {
      at = encodeStopSending(stream.id, stream.stopCode, out, at);
      log.add(SentFrame.STOP_SENDING, stream.id, 0, 0);
    }
    if ((wanted & StreamWant.CREDIT) !== 0 && stream.creditUseful) {
      const limit = stream.receiveWindow.renew(now, rttMs);
      // One stream must be able to use what it is given.
      streams.window.grow(1.5 * stream.receiveWindow.window);
      if (streams.window.creditDue) this.wantCredit = true;
      at = encodeFlowCredit(stream.id, limit, out, at);
      log.add(SentFrame.FLOW_CREDIT, stream.id, limit, 0);
    }
    return at;
  }

  #forgetOldestPing(pings: Map<number, number>): void {
    for (const oldest of pings.keys()) {
      pings.delete(oldest);
      this.#pingsToSend = this.#pingsToSend?.filter((id) => id !== oldest);
      return;
    }
  }
}

function hasSome<T>(list: readonly T[] | undefined): list is readonly T[] {
  return list !== undefined && list.length > 0;
}

const TOKEN = new Uint8Array(8);
const VIEW = new DataView(TOKEN.buffer);

/** A token from two u32; valid until the next call. */
function token(high: number, low: number): Uint8Array {
  VIEW.setUint32(0, high);
  VIEW.setUint32(4, low);
  return TOKEN;
}
