import { KeyRotation } from '../api/key-rotation.js';
import { SessionBridge } from '../api/session-bridge.js';
import { Marks, type SessionKeys } from '../ports/packet-engine.js';
import type { PacketSink } from '../ports/packet-sink.js';
import { nobleProvider } from '../stc/noble-provider.js';
import { PacketLink, type LinkEvents } from './packet-link.js';
import { webPlatform, type STTStream } from './stream.js';
import type { WebSocketLike } from './web-socket.js';
import { monotonicMs } from '../api/clock.js';

/** The only path of a session. */
const PATH = 0;
const MIN_TIMER_MS = 1;
/** A timer that fires so late shows that the page stood still, ms. */
const STALL_MS = 20;
/** What wants to be sent cannot be: only the idle timeout may be due, and that is long. */
const BLOCKED_MS = 1000;

/**
 * The pump of one session on a WebSocket: message in -> protocol -> what it wants sent -> one timer. Nothing else calls
 * the session's `handle*` or `poll*`.
 */
export class PageEntry extends SessionBridge<STTStream> implements PacketSink, LinkEvents {
  readonly #link: PacketLink;
  readonly #onGone: () => void;
  /** It may have something to send. */
  #wanted = false;
  #tickPending = false;
  /** Handles or sends at the moment: what is wanted meanwhile is served at the end. */
  #busy = false;
  /** The link refused something. */
  #blocked = false;
  #over = false;
  #now = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;
  readonly #onTick = (): void => {
    this.#tickPending = false;
    this.#serve(monotonicMs());
  };
  #hasStalled = false;
  readonly #onTimer = (): void => {
    const now = monotonicMs();
    // Timers may come before what has arrived meanwhile: that is read first, or a session would end for want of it.
    this.#hasStalled = !this.#hasStalled && now - this.#timerAt > STALL_MS;
    this.#timerAt = Infinity;
    if (this.#hasStalled) this.#armAt(now + MIN_TIMER_MS, now);
    else this.#handle(() => this.session.handleTimeout(now));
  };

  /** `onGone`: the session's core is in state closed, nothing of it is needed any more. */
  constructor(socket: WebSocketLike, keys: SessionKeys, url: string, onGone: () => void) {
    super(url, webPlatform);
    this.#link = new PacketLink(nobleProvider, socket, keys, this);
    this.#onGone = onGone;
  }

  get rotation(): KeyRotation {
    return (this.keyRotation ??= new KeyRotation(this.#link, 0, this.platform.kem, this));
  }

  /** Has the pump run at the end of this turn, unless it runs anyway after what is handled now. */
  schedule(): void {
    this.#wanted = true;
    if (this.#busy || this.#tickPending) return;
    this.#tickPending = true;
    queueMicrotask(this.#onTick);
  }

  /** A message came in. */
  receive(packet: Uint8Array): void {
    this.#handle((now) => {
      this.#now = now;
      this.#link.receive(packet);
    });
  }

  /** Nothing is called any more. */
  stop(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#link.close();
  }

  // PacketSink

  sealFrames(pn: number, frames: Uint8Array, begin: number, end: number): boolean {
    if (this.isFull()) return false;
    this.#link.send(pn, frames, begin, end);
    return true;
  }

  isFull(): boolean {
    return (this.#blocked = this.#link.isFull());
  }

  // LinkEvents

  onPacket(phase: number, pn: number, frames: Uint8Array, length: number): void {
    this.session.handleFrames(this.#now, PATH, phase << Marks.PHASE_SHIFT, pn, false, frames, 0, length);
    this.session.handleBatchEnd(this.#now);
  }

  onForgeryLimit(): void {
    this.session.handleForgeryLimit(this.#now);
  }

  onRoom(): void {
    this.#blocked = false;
    this.#handle(() => {});
  }

  /** A node that was started anew has lost the WebSocket as well. */
  onResetToken(): void {}

  #handle(handle: (now: number) => void): void {
    const now = monotonicMs();
    this.#busy = true;
    handle(now);
    this.#wanted = true;
    this.#serve(now);
  }

  #serve(now: number): void {
    this.#busy = true;
    // The application may have stopped the node from a handler.
    while (this.#wanted && !this.#blocked && !this.#over) {
      this.#wanted = false;
      this.session.pollTransmit(now, this);
      this.face?.onProgress();
      if (this.session.state === 'closed') this.#onGone();
    }
    this.#busy = false;
    if (!this.#over) this.#arm(now);
  }

  /** The timer is left alone while it fires early enough, since setting one costs more than firing in vain. */
  #arm(now: number): void {
    const at = Math.max(this.session.pollTimeout(), now + (this.#blocked ? BLOCKED_MS : MIN_TIMER_MS));
    if (at < this.#timerAt) this.#armAt(at, now);
  }

  #armAt(at: number, now: number): void {
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(this.#onTimer, Math.ceil(at - now));
  }
}
