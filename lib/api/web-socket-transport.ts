import type { WebSocket } from 'ws';
import { MAX_FRAME_OCTETS } from '../constants.js';
import { sttError, type STTError } from '../errors.js';
import { checkOptionNames, integerOption } from '../options.js';
import type { OpenedWebSocket, WebSocketTls } from '../transport/websocket-client.js';
import { CLOSED, endWebSocket, Heartbeat, sweepEvery } from '../transport/websocket-liveness.js';
import type { STTFrame } from '../wire/stt-frame.js';
import { FrameLink, SEND_QUEUE_OCTETS, transportUrl } from './frame-link.js';
import type { FrameStats } from './frame-traffic.js';
import { webSocketConfig, type STTWebSocketOptions } from './web-socket-options.js';

/** The largest frame with its magic and length (STT §3). */
const MAX_MESSAGE = MAX_FRAME_OCTETS + 6;
/** How long `close()` waits for what is queued and for the other side. */
const CLOSE_MS = 10_000;

/** What both ends of a connection may set. */
export interface WebSocketTransportOptions {
  /** Called with every well-formed frame, in order. */
  readonly onFrameReceived: (frame: STTFrame, transport: WebSocketTransport) => void;
  /** Called once when the connection is over: with `ERR_STT_CONNECTION_LOST`, or without an error after `close()`. */
  readonly onClose?: (error: STTError | undefined, transport: WebSocketTransport) => void;
  /** Octets of frames that may wait to be sent; beyond, `sendFrame` rejects. Default 8 MiB, at least 4 MiB. */
  readonly sendQueueOctets?: number;
}

export interface WebSocketTransportConnectOptions extends WebSocketTransportOptions {
  /** Aborts the attempt; the promise rejects with its reason. */
  readonly signal?: AbortSignal;
  /** When to give up, ms. Default 10,000. */
  readonly timeoutMs?: number;
  /** A silent peer is pinged after so long and given up after twice as long, ms. Default 30,000. */
  readonly heartbeatMs?: number;
  /** For `wss:`: certificates and what else of `tls.connect` concerns them. */
  readonly tls?: WebSocketTls;
}

/** Where and how to take connections in: as the option `webSocket` of a node, and what to do with them. */
export interface WebSocketTransportListenOptions extends STTWebSocketOptions, WebSocketTransportOptions {
  /** Called with every new connection, before its first frame. */
  readonly onConnection?: (transport: WebSocketTransport) => void;
}

/** What was opened by `WebSocketTransport.listen`. */
export interface WebSocketTransportListener {
  /** TCP port; undefined on a server of the caller's that does not listen yet. */
  readonly port: number | undefined;
  /** The connections that are open. */
  readonly connections: ReadonlySet<WebSocketTransport>;
  /** Takes no more connections in, and closes those that are open. */
  close(): Promise<void>;
}

/**
 * STTFrames over WebSocket, without a session: nothing is encrypted, authenticated or protected against replay but what
 * the caller puts into the frames. One end of one connection (STT §10).
 */
export class WebSocketTransport {
  /** The other side's address and port, as far as they are known. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly #link: FrameLink;
  readonly #socket: WebSocket;
  readonly #heartbeat: Heartbeat;

  private constructor(
    { socket, host, port }: OpenedWebSocket,
    options: WebSocketTransportOptions,
    heartbeatMs: number,
    onOver: (transport: WebSocketTransport) => void,
  ) {
    this.#socket = socket;
    this.remoteAddress = host;
    this.remotePort = port;
    this.#heartbeat = new Heartbeat(socket, heartbeatMs);
    this.#link = new FrameLink({
      remote: `${host}:${port}`,
      socket: {
        get readyState(): number {
          return socket.readyState;
        },
        get bufferedAmount(): number {
          return socket.bufferedAmount;
        },
        send: (bytes) => socket.send(bytes, { binary: true }, () => this.#link.drained()),
      },
      sendQueueOctets: queueOption(options),
      onFrame: (frame) => options.onFrameReceived(frame, this),
      onClose: (error) => {
        onOver(this);
        options.onClose?.(error, this);
      },
    });
    let fault = '';
    socket.on('message', (data, isBinary) => {
      this.#heartbeat.heard();
      if (isBinary) this.#link.receive(data as Buffer);
      // STT §10.
      else if (socket.readyState === socket.OPEN) endWebSocket(socket, CLOSED.TEXT, 'STT sends binary messages only');
    });
    socket.on('error', (error) => (fault = error.message));
    socket.on('close', (code, reason) => {
      this.#link.lost(reason.toString() || fault || `the WebSocket was closed with code ${code}`);
    });
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
    const names = ['onFrameReceived', 'onClose', 'sendQueueOctets', 'signal', 'timeoutMs', 'heartbeatMs', 'tls'];
    checkOptionNames(options, names);
    requireHandler(options);
    queueOption(options);
    const timeoutMs = integerOption('timeoutMs', options.timeoutMs, 10_000, 1, 0x7fffffff);
    const heartbeatMs = integerOption('heartbeatMs', options.heartbeatMs, 30_000, 20, 0x3fffffff);
    const port = typeof portOrOptions === 'number' ? integerOption('port', portOrOptions, 0, 1, 65_535) : undefined;
    options.signal?.throwIfAborted();
    // Loaded where it is used: all code of the process is looked through by every collection of garbage.
    const { openWebSocket } = await import('../transport/websocket-client.js');
    let transport!: WebSocketTransport;
    await openWebSocket(transportUrl(hostOrUrl, port), timeoutMs, options.signal, options.tls ?? {}, {
      maxMessageOctets: MAX_MESSAGE,
      isPlain: true,
      // At once: the other side may have sent frames already.
      onOpen: (opened) => {
        transport = new WebSocketTransport(opened, options, heartbeatMs, () => clearInterval(sweeper));
        const sweeper = sweepEvery([heartbeatMs], () => transport.#heartbeat.check(performance.now()));
      },
    });
    return transport;
  }

  /**
   * Takes connections in, on a port of its own or on an `http` server that exists.
   *
   * Rejects with the system's own error, `ERR_STT_UNKNOWN_OPTION` and `ERR_STT_OPTION_RANGE`.
   */
  static async listen(options: WebSocketTransportListenOptions): Promise<WebSocketTransportListener> {
    const { onFrameReceived: _onFrame, onClose: _onClose, sendQueueOctets: _queue, onConnection, ...rest } = options;
    const config = webSocketConfig(rest);
    requireHandler(options);
    queueOption(options);
    const { WebSocketListener } = await import('../transport/websocket-server.js');
    const connections = new Set<WebSocketTransport>();
    const forget = (transport: WebSocketTransport): void => void connections.delete(transport);
    const sink = {
      get size(): number {
        return connections.size;
      },
      add: (socket: WebSocket, host: string, port: number): void => {
        const transport = new WebSocketTransport({ socket, host, port }, options, config.heartbeatMs, forget);
        connections.add(transport);
        onConnection?.(transport);
      },
    };
    const sweeper = sweepEvery([config.heartbeatMs], () => {
      const now = performance.now();
      for (const transport of connections) transport.#heartbeat.check(now);
    });
    const listener = new WebSocketListener({ ...config, maxMessageOctets: MAX_MESSAGE }, sink);
    const address = await listener.start().catch((error: unknown) => {
      clearInterval(sweeper);
      throw error;
    });
    return {
      port: address?.port,
      connections,
      close: async () => {
        const closed = listener.close();
        await Promise.all(Array.from(connections, (transport) => transport.close()));
        await closed;
        clearInterval(sweeper);
      },
    };
  }

  /**
   * Sends a frame. Resolves to true when there is room for more: await it, and a slow peer slows the caller down.
   * Resolves to false if the connection is lost; what was sent last may be lost with it.
   *
   * Rejects with `ERR_STT_FRAME_TOO_LARGE` (over 2 MiB), `ERR_STT_TRANSPORT_FULL`, and after `close()` with
   * `ERR_STT_TRANSPORT_CLOSED`.
   */
  sendFrame(frame: STTFrame): Promise<boolean> {
    return this.#link.send(frame);
  }

  /** Sends what waits and closes the connection; after ten seconds it is cut off. Idempotent. */
  close(): Promise<void> {
    return this.#link.close(() => endWebSocket(this.#socket, CLOSED.NORMAL, '', CLOSE_MS));
  }

  /** A snapshot. */
  getStats(): FrameStats {
    return this.#link.stats();
  }
}

function queueOption({ sendQueueOctets }: WebSocketTransportOptions): number {
  return integerOption('sendQueueOctets', sendQueueOctets, SEND_QUEUE_OCTETS, SEND_QUEUE_OCTETS / 2, 2 ** 30);
}

function requireHandler({ onFrameReceived }: WebSocketTransportOptions): void {
  if (typeof onFrameReceived === 'function') return;
  const value = typeof onFrameReceived;
  throw sttError('ERR_STT_OPTION_RANGE', { name: 'onFrameReceived', value, expected: 'a function' });
}
