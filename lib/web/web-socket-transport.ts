import { FrameLink, SEND_QUEUE_OCTETS, transportUrl } from '../api/frame-link.js';
import type { FrameStats } from '../api/frame-traffic.js';
import type { STTError } from '../errors.js';
import { checkOptionNames, integerOption } from '../options.js';
import type { STTFrame } from '../wire/stt-frame.js';
import { openWebSocket, webSocketUrl } from './open-web-socket.js';
import { NORMAL_CLOSE, type WebSocketLike } from './web-socket.js';

/** How often to look whether the WebSocket sent what it holds, ms: no event tells. */
const POLL_MS = 4;
/** A close code of the application's (RFC 6455 §7.4.2): 1003 is not for pages to send. */
const TEXT = 4003;

export interface WebSocketTransportConnectOptions {
  /** Called with every well-formed frame, in order. */
  readonly onFrameReceived: (frame: STTFrame, transport: WebSocketTransport) => void;
  /** Called once when the connection is over: with `ERR_STT_CONNECTION_LOST`, or without an error after `close()`. */
  readonly onClose?: (error: STTError | undefined, transport: WebSocketTransport) => void;
  /** Octets of frames that may wait to be sent; beyond, `sendFrame` rejects. Default 8 MiB, at least 4 MiB. */
  readonly sendQueueOctets?: number;
  /** Aborts the attempt; the promise rejects with its reason. */
  readonly signal?: AbortSignal;
  /** When to give up, ms. Default 10,000. */
  readonly timeoutMs?: number;
}

/**
 * STTFrames over the browser's WebSocket, without a session: nothing is encrypted, authenticated or protected against
 * replay but what the caller puts into the frames (STT §10).
 */
export class WebSocketTransport {
  readonly #link: FrameLink;
  readonly #socket: WebSocketLike;
  #timer: ReturnType<typeof setTimeout> | undefined;

  private constructor(url: string, socket: WebSocketLike, options: WebSocketTransportConnectOptions) {
    this.#socket = socket;
    this.#link = new FrameLink({
      remote: url,
      socket,
      sendQueueOctets: queueOption(options),
      onFrame: (frame) => options.onFrameReceived(frame, this),
      onClose: (error) => options.onClose?.(error, this),
    });
    socket.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) this.#link.receive(new Uint8Array(data));
      else socket.close(TEXT, 'STT sends binary messages only');
    };
    socket.onclose = ({ code, reason }) => {
      clearTimeout(this.#timer);
      this.#link.lost(reason === '' ? `the WebSocket was closed with code ${code}` : reason);
    };
  }

  /**
   * Connects to a transport that listens.
   * @param hostOrUrl a host with a port, or a `ws:` or `wss:` URL without
   *
   * Rejects with `ERR_STT_ADDRESS`, `ERR_STT_WEBSOCKET`, the reason of the signal, `ERR_STT_UNKNOWN_OPTION` and
   * `ERR_STT_OPTION_RANGE`.
   */
  static connect(url: string, options: WebSocketTransportConnectOptions): Promise<WebSocketTransport>;
  static connect(host: string, port: number, options: WebSocketTransportConnectOptions): Promise<WebSocketTransport>;
  static async connect(
    hostOrUrl: string,
    portOrOptions: number | WebSocketTransportConnectOptions,
    maybeOptions?: WebSocketTransportConnectOptions,
  ): Promise<WebSocketTransport> {
    const options = typeof portOrOptions === 'object' ? portOrOptions : maybeOptions!;
    checkOptionNames(options, ['onFrameReceived', 'onClose', 'sendQueueOctets', 'signal', 'timeoutMs']);
    queueOption(options);
    const timeoutMs = integerOption('timeoutMs', options.timeoutMs, 10_000, 1, 0x7fffffff);
    const port = typeof portOrOptions === 'number' ? integerOption('port', portOrOptions, 0, 1, 65_535) : undefined;
    const url = webSocketUrl(transportUrl(hostOrUrl, port));
    // Nothing is lost between: a browser gives messages to tasks of their own.
    return new WebSocketTransport(url, await openWebSocket(url, timeoutMs, options.signal), options);
  }

  /**
   * Sends a frame. Resolves to true when there is room for more: await it, and a slow network slows the caller down.
   * Resolves to false if the connection is lost; what was sent last may be lost with it.
   *
   * Rejects with `ERR_STT_FRAME_TOO_LARGE` (over 2 MiB), `ERR_STT_TRANSPORT_FULL`, and after `close()` with
   * `ERR_STT_TRANSPORT_CLOSED`.
   */
  sendFrame(frame: STTFrame): Promise<boolean> {
    const sent = this.#link.send(frame);
    this.#poll();
    return sent;
  }

  /** Sends what waits and closes the connection. Idempotent. */
  close(): Promise<void> {
    return this.#link.close(() => this.#socket.close(NORMAL_CLOSE));
  }

  /** A snapshot. */
  getStats(): FrameStats {
    return this.#link.stats();
  }

  #poll(): void {
    if (!this.#link.isFull || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#link.drained();
      this.#poll();
    }, POLL_MS);
  }
}

function queueOption({ sendQueueOctets }: WebSocketTransportConnectOptions): number {
  return integerOption('sendQueueOctets', sendQueueOctets, SEND_QUEUE_OCTETS, SEND_QUEUE_OCTETS / 2, 2 ** 30);
}
