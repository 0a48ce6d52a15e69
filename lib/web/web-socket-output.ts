import type { DatagramOutput } from '../engine/datagram-output.js';
import { OPEN, type WebSocketLike } from './web-socket.js';

/** How often to look whether the WebSocket sent what it holds, ms: no event tells. Browsers make 4 of it when asked often. */
const POLL_MS = 1;
/** Close code of a normal end (RFC 6455 §7.4.1). */
const NORMAL = 1000;

/** What the output tells of room. */
export interface OutputEvents {
  /** `count` more datagrams left the WebSocket's buffer, in the order of sending. */
  onReleased(count: number): void;
  /** All that was released for now was told. */
  onRoom(): void;
}

/**
 * One WebSocket as the output of a packet engine: each datagram is a binary message (STT §10). A datagram counts as
 * held until the WebSocket has sent it, so that the engine's transmit buffer bounds what waits and a slow network
 * slows the sender down.
 */
export class WebSocketOutput implements DatagramOutput {
  readonly receiveBufferOctets = 0;
  readonly sendBufferOctets = 0;
  readonly #socket: WebSocketLike;
  readonly #events: OutputEvents;
  /** Sizes of the datagrams that are held, oldest first from `#first` on. */
  #sizes: number[] = [];
  #first = 0;
  #held = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #onTimer = (): void => {
    this.#timer = undefined;
    this.poll();
  };

  constructor(socket: WebSocketLike, events: OutputEvents) {
    this.#socket = socket;
    this.#events = events;
  }

  send(_address: Uint8Array, bytes: Uint8Array, begin: number, end: number): boolean {
    // The WebSocket copies at once. When it is closed already, what it is given vanishes, as on any network.
    if (this.#socket.readyState === OPEN) this.#socket.send(bytes.subarray(begin, end));
    this.#sizes.push(end - begin);
    this.#held += end - begin;
    this.#timer ??= setTimeout(this.#onTimer, POLL_MS);
    return false;
  }

  /** Releases what left the WebSocket's buffer. From outside of the engine's callbacks only. */
  poll(): void {
    if (this.#held === 0) return;
    const waiting = this.#socket.readyState === OPEN ? this.#socket.bufferedAmount : 0;
    let count = 0;
    while (this.#first < this.#sizes.length && this.#held - this.#sizes[this.#first]! >= waiting) {
      this.#held -= this.#sizes[this.#first++]!;
      count++;
    }
    if (this.#first === this.#sizes.length) {
      this.#sizes.length = this.#first = 0;
    } else if (this.#first > 1024) {
      this.#sizes = this.#sizes.slice(this.#first);
      this.#first = 0;
    }
    if (this.#held > 0) this.#timer ??= setTimeout(this.#onTimer, POLL_MS);
    if (count === 0) return;
    this.#events.onReleased(count);
    this.#events.onRoom();
  }

  close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // The WebSocket sends what it holds before its close frame.
    this.#socket.close(NORMAL);
    return Promise.resolve();
  }
}
