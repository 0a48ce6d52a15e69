import {
  Group,
  GROUP_WORDS,
  NONE,
  Row,
  ROW_WORDS,
  RowFlag,
  RowType,
  type PacketEngine,
} from '../ports/packet-engine.js';
import { handleRefusedSize, handleStreamRun } from '../protocol/datagram-rows.js';
import { Deadlines } from '../protocol/deadlines.js';
import type { SessionEntry } from './session-entry.js';
import type { StreamFace } from './stream-face.js';

const HIGH_WORD = 4_294_967_296;
/** A timer that fires so late shows that the event loop stood still, ms. */
const STALL_MS = 20;

/** What the driver asks of the node around it. */
export interface DriverHost<S extends StreamFace> {
  /** Calls back at the end of this turn of the event loop. */
  defer(call: () => void): void;
  /** The first packet of a slot that is no session yet opened: the handshake is confirmed. Undefined: drop it. */
  confirm(slot: number, now: number): SessionEntry<S> | undefined;
  /** A handshake datagram (RowType.HANDSHAKE). */
  onHandshake(seedIndex: number, bytes: Uint8Array, begin: number, length: number, now: number): void;
  /** A packet of `size` octets of a session that is not known (RowType.STRAY): its id at `begin`, the address before it. */
  onStray(bytes: Uint8Array, begin: number, size: number): void;
  /** Absolute time at which `onHandshakeTimeout` wants to be called. */
  handshakeTimeout(): number;
  onHandshakeTimeout(now: number): void;
  /** The session's core is in state closed: nothing of it is needed any more. */
  onGone(entry: SessionEntry<S>): void;
}

/**
 * The one pump of a node: receive batch in -> protocol -> what it wants sent -> one flush -> one timer.
 * Nothing else calls a session's `handle*` or `poll*`.
 */
export class Driver<S extends StreamFace> {
  readonly #host: DriverHost<S>;
  #engine!: PacketEngine;
  /** Sessions by slot of the engine. */
  readonly #entries: (SessionEntry<S> | undefined)[] = [];
  readonly #deadlines = new Deadlines<SessionEntry<S>>();
  #scheduled: SessionEntry<S>[] = [];
  #spare: SessionEntry<S>[] = [];
  /** Sessions that the transmit buffer had no room for. */
  readonly #blocked: SessionEntry<S>[] = [];
  #inBatch = false;
  #tickPending = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;
  #stopped = false;
  readonly #onTick = (): void => {
    this.#tickPending = false;
    if (!this.#stopped) this.#pump(performance.now());
  };
  #hasStalled = false;
  readonly #onTimer = (): void => {
    if (this.#stopped) return;
    const now = performance.now();
    // Timers come before what has arrived meanwhile: that is read first, or a session would end for want of it.
    const hasStalled = !this.#hasStalled && now - this.#timerAt > STALL_MS;
    this.#hasStalled = hasStalled;
    this.#timer = undefined;
    this.#timerAt = Infinity;
    if (hasStalled) this.#armAt(now, now);
    else this.#onTimeout(now);
  };

  constructor(host: DriverHost<S>) {
    this.#host = host;
  }

  start(engine: PacketEngine): void {
    this.#engine = engine;
  }

  /** Nothing is called any more. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  add(entry: SessionEntry<S>): void {
    this.#entries[entry.slot] = entry;
    this.schedule(entry);
  }

  readonly schedule = (entry: SessionEntry<S>): void => {
    if (entry.scheduled) return;
    entry.scheduled = true;
    this.#scheduled.push(entry);
    this.wake();
  };

  /** Has the pump run at the end of this turn, unless it runs anyway after the batch at hand. */
  wake(): void {
    if (this.#inBatch || this.#tickPending) return;
    this.#tickPending = true;
    this.#host.defer(this.#onTick);
  }

  /** PacketEngineEvents.onBatch */
  readonly onBatch = (rowCount: number, groupCount: number): void => {
    const now = performance.now();
    this.#inBatch = true;
    const { rows, groups, slab } = this.#engine;
    for (let g = 0; g < groupCount; g++) {
      const group = g * GROUP_WORDS;
      const first = groups[group + Group.FIRST_ROW]!;
      const end = g + 1 < groupCount ? groups[group + GROUP_WORDS + Group.FIRST_ROW]! : rowCount;
      const slot = groups[group + Group.SLOT]!;
      if (slot === NONE) this.#strangerRows(rows, slab, first, end, now);
      else this.#sessionRows(slot, groups[group + Group.PATH]!, groups[group + Group.MARKS]!, first, end, now);
      if (this.#stopped) return;
    }
    this.#inBatch = false;
    for (let i = 0; i < this.#scheduled.length; i++) this.#scheduled[i]!.session.handleBatchEnd(now);
    this.#pump(now);
  };

  /** PacketEngineEvents.onWritable */
  readonly onWritable = (): void => {
    if (this.#stopped) return;
    for (const entry of this.#blocked.splice(0)) {
      entry.blocked = false;
      this.schedule(entry);
    }
    this.#pump(performance.now());
  };

  /** PacketEngineEvents.onRefusedSize: rare, so that all sessions may be looked through. */
  readonly onRefusedSize = (path: number, octets: number): void => {
    const now = performance.now();
    for (const entry of this.#entries) {
      if (entry?.path !== path) continue;
      handleRefusedSize(entry.session, now, path, octets);
      this.schedule(entry);
    }
  };

  #strangerRows(rows: Uint32Array, slab: Uint8Array, first: number, end: number, now: number): void {
    for (let r = first * ROW_WORDS; r < end * ROW_WORDS; r += ROW_WORDS) {
      const begin = rows[r + Row.BEGIN]!;
      const about = rows[r + Row.STREAM_ID]!;
      if ((rows[r + Row.HEAD]! & 0xff) === RowType.STRAY) this.#host.onStray(slab, begin, about);
      else this.#host.onHandshake(about, slab, begin, rows[r + Row.LENGTH]!, now);
      if (this.#stopped) return;
    }
  }

  #sessionRows(slot: number, path: number, marks: number, first: number, end: number, now: number): void {
    const entry = this.#entries[slot] ?? this.#host.confirm(slot, now);
    if (entry === undefined) return;
    const { rows, slab } = this.#engine;
    const session = entry.session;
    for (let r = first * ROW_WORDS; r < end * ROW_WORDS; r += ROW_WORDS) {
      const head = rows[r + Row.HEAD]!;
      const pn = rows[r + Row.PN_HI]! * HIGH_WORD + rows[r + Row.PN_LO]!;
      const flags = (head >>> 8) & 0xff;
      switch (head & 0xff) {
        case RowType.STREAM:
          handleStreamRun(
            session,
            now,
            path,
            marks,
            pn,
            head >>> 16,
            rows[r + Row.STREAM_ID]!,
            rows[r + Row.OFFSET_HI]! * HIGH_WORD + rows[r + Row.OFFSET_LO]!,
            (flags & RowFlag.END) !== 0,
            slab,
            rows[r + Row.BEGIN]!,
            rows[r + Row.LENGTH]!,
          );
          break;
        case RowType.FRAMES:
          session.handleFrames(
            now,
            path,
            marks,
            pn,
            (flags & RowFlag.REST) !== 0,
            slab,
            rows[r + Row.BEGIN]!,
            rows[r + Row.LENGTH]!,
          );
          break;
        case RowType.RESET:
          entry.onReset();
          break;
        case RowType.FORGERY_LIMIT:
          session.handleForgeryLimit(now);
          break;
      }
      // The application may have stopped the node from a handler.
      if (this.#stopped) return;
    }
    this.schedule(entry);
  }

  /** Sends what every scheduled session has to send, flushes once, sets the timer. */
  #pump(now: number): void {
    this.#inBatch = true;
    while (this.#scheduled.length > 0) {
      const batch = this.#scheduled;
      this.#scheduled = this.#spare;
      this.#spare = batch;
      for (let i = 0; i < batch.length; i++) {
        const entry = batch[i]!;
        entry.scheduled = false;
        this.#serve(entry, now);
      }
      batch.length = 0;
    }
    this.#inBatch = false;
    this.#engine.flush();
    this.#arm(now);
  }

  #serve(entry: SessionEntry<S>, now: number): void {
    if (entry.blocked) return;
    const session = entry.session;
    session.pollTransmit(now, entry);
    if (entry.blocked) this.#blocked.push(entry);
    entry.face?.onProgress();
    if (session.state === 'closed') {
      this.#deadlines.delete(entry);
      if (this.#entries[entry.slot] === entry) {
        this.#entries[entry.slot] = undefined;
        this.#host.onGone(entry);
      }
      return;
    }
    this.#deadlines.set(entry, session.pollTimeout());
  }

  #onTimeout(now: number): void {
    if (this.#host.handshakeTimeout() <= now) this.#host.onHandshakeTimeout(now);
    this.#inBatch = true;
    for (let entry = this.#deadlines.popDue(now); entry !== undefined; entry = this.#deadlines.popDue(now)) {
      entry.session.handleTimeout(now);
      this.schedule(entry);
    }
    this.#inBatch = false;
    this.#pump(now);
  }

  /** One timer for all. It is left alone while it fires early enough, since setting one costs more than firing in vain. */
  #arm(now: number): void {
    if (this.#stopped) return;
    const at = Math.min(this.#deadlines.next, this.#host.handshakeTimeout());
    if (at === Infinity || at >= this.#timerAt) return;
    this.#armAt(at, now);
  }

  #armAt(at: number, now: number): void {
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(this.#onTimer, Math.max(1, Math.ceil(at - now)));
  }
}
