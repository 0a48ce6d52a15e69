import { sttError, type STTError } from '../errors.js';
import type { STTFrame } from '../wire/stt-frame.js';
import { FrameTraffic, type FrameStats } from './frame-traffic.js';
import { reportLater } from './report.js';

/** Octets that a WebSocket may hold before `sendFrame` makes its caller wait, and when it lets it go on. */
const HIGH_WATER = 1024 * 1024;
const LOW_WATER = HIGH_WATER / 4;
/** `readyState` of a WebSocket that takes messages. */
const OPEN = 1;
/** Octets that may wait in all, unless an option says otherwise: four of the largest frames. */
export const SEND_QUEUE_OCTETS = 8 * 1024 * 1024;

/** What of a WebSocket, `ws` or a browser's, is needed to send frames. */
export interface FrameSocket {
  readonly readyState: number;
  readonly bufferedAmount: number;
  send(bytes: Uint8Array): void;
}

export interface FrameLinkOptions {
  /** The other side, for messages of errors. */
  readonly remote: string;
  readonly socket: FrameSocket;
  readonly sendQueueOctets: number;
  readonly onFrame: (frame: STTFrame) => void;
  /** The connection is over: with an error, unless this side closed it. */
  readonly onClose: (error?: STTError) => void;
}

/** STTFrames on one WebSocket, one in each binary message (STT §10): what is the same in Node and in browsers. */
export class FrameLink {
  readonly #options: FrameLinkOptions;
  readonly #traffic = new FrameTraffic();
  readonly #closed: Promise<void>;
  #onClosed!: () => void;
  readonly #waiting: (() => void)[] = [];
  #closing = false;
  #over = false;

  constructor(options: FrameLinkOptions) {
    this.#options = options;
    this.#closed = new Promise((resolve) => (this.#onClosed = resolve));
  }

  /** True while a caller of `send` waits for room. */
  get isFull(): boolean {
    return this.#waiting.length > 0;
  }

  /** @throws (as a rejection) `ERR_STT_FRAME_TOO_LARGE`, `ERR_STT_TRANSPORT_CLOSED`, `ERR_STT_TRANSPORT_FULL` */
  async send(frame: STTFrame): Promise<boolean> {
    const { socket, sendQueueOctets: limit } = this.#options;
    const bytes = frame.toBytes();
    if (this.#closing) throw sttError('ERR_STT_TRANSPORT_CLOSED', { what: '`sendFrame`', why: 'closed' });
    if (this.#over || socket.readyState !== OPEN) return false;
    const queued = socket.bufferedAmount;
    if (queued > 0 && queued + bytes.length > limit) throw sttError('ERR_STT_TRANSPORT_FULL', { queued, limit });
    socket.send(bytes);
    this.#traffic.sent(bytes.length);
    if (socket.bufferedAmount >= HIGH_WATER) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return !this.#over;
  }

  /** To be called when the WebSocket may have sent some of what it held. */
  drained(): void {
    if (this.#waiting.length > 0 && this.#options.socket.bufferedAmount <= LOW_WATER) this.#release();
  }

  receive(bytes: Uint8Array): void {
    // Who closes does not want to hear more.
    if (this.#closing || this.#over) return;
    const frame = this.#traffic.read(bytes);
    if (frame === undefined) return;
    try {
      this.#options.onFrame(frame);
    } catch (error) {
      reportLater(error);
    }
  }

  /** The WebSocket is closed. */
  lost(why: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#release();
    this.#onClosed();
    const { remote, onClose } = this.#options;
    const error = this.#closing ? undefined : sttError('ERR_STT_CONNECTION_LOST', { remote, why });
    try {
      onClose(error);
    } catch (thrown) {
      reportLater(thrown);
    }
  }

  /** Ends the WebSocket with `end`, once. Resolves when it is closed. */
  close(end: () => void): Promise<void> {
    if (!this.#closing && !this.#over) end();
    this.#closing = true;
    return this.#closed;
  }

  stats(): FrameStats {
    return this.#traffic.stats(this.#over ? 0 : this.#options.socket.bufferedAmount);
  }

  #release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** `ws://host:port/`, or a URL as it stands. */
export function transportUrl(hostOrUrl: string, port: number | undefined): string {
  if (port === undefined) return hostOrUrl;
  return `ws://${hostOrUrl.includes(':') ? `[${hostOrUrl}]` : hostOrUrl}:${port}/`;
}
