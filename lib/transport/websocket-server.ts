import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import { isIP, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { MAX_MESSAGE, SUBPROTOCOL } from './websocket-hub.js';

/** An STT packet has no reason to come in many fragments. */
const MAX_FRAGMENTS = 64;
/** Request and upgrade of a client have to fit: more than browsers send. */
const MAX_HEADER_OCTETS = 16_384;
const STATUS = { 400: 'Bad Request', 403: 'Forbidden', 404: 'Not Found', 503: 'Service Unavailable' } as const;

export interface WebSocketListenOptions {
  /** TCP port of a server of its own; 0 lets the system choose. */
  readonly port?: number | undefined;
  /** Address to bind, default all. */
  readonly host?: string | undefined;
  /** Certificate and key, as for `https.createServer`: then `wss:`. */
  readonly tls?: ServerOptions | undefined;
  /** A server that exists, in place of `port`. It stays the caller's to close. */
  readonly server?: Server | undefined;
  readonly path: string;
  /** Values of `Origin` that may connect; a client that sends none is no browser, and may. Default all. */
  readonly allowedOrigins?: readonly string[] | undefined;
  readonly maxClients: number;
  readonly handshakeTimeoutMs: number;
  /** The client's address is the last one of X-Forwarded-For, which the proxy in front has put there. */
  readonly trustProxy: boolean;
  /** Largest message, octets; default: the largest packet. */
  readonly maxMessageOctets?: number | undefined;
}

/** Where open WebSockets go. */
export interface WebSocketSink {
  /** WebSockets open now. */
  readonly size: number;
  add(socket: WebSocket, host: string, port: number): void;
}

/** Takes WebSockets in for a hub, or whatever else they are for. */
export class WebSocketListener {
  readonly #options: WebSocketListenOptions;
  readonly #sink: WebSocketSink;
  readonly #sockets: WebSocketServer;
  readonly #server: Server;

  constructor(options: WebSocketListenOptions, sink: WebSocketSink) {
    this.#options = options;
    this.#sink = sink;
    this.#sockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.maxMessageOctets ?? MAX_MESSAGE,
      ...({ maxFragments: MAX_FRAGMENTS } as object),
      handleProtocols: () => SUBPROTOCOL,
    });
    this.#server = options.server ?? this.#ownServer();
    this.#server.on('upgrade', this.#onUpgrade);
  }

  /** Listens, if the server is its own. Rejects with the system's own error. */
  async start(): Promise<AddressInfo | undefined> {
    const { server, port, host } = this.#options;
    if (server === undefined) {
      await new Promise<void>((resolve, reject) => {
        this.#server.once('error', reject);
        this.#server.listen({ port, host, exclusive: true }, () => {
          this.#server.off('error', reject);
          // A failed accept is the client's loss alone.
          this.#server.on('error', () => {});
          resolve();
        });
      });
    }
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address : undefined;
  }

  /** Takes no more WebSockets in. Those that are open are the hub's. */
  async close(): Promise<void> {
    this.#server.off('upgrade', this.#onUpgrade);
    if (this.#options.server !== undefined) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  #ownServer(): Server {
    const { tls, handshakeTimeoutMs, maxClients } = this.#options;
    // What is no upgrade gets a short answer, and a request that never ends a timeout.
    const limits = {
      maxHeaderSize: MAX_HEADER_OCTETS,
      headersTimeout: handshakeTimeoutMs,
      requestTimeout: handshakeTimeoutMs,
      connectionsCheckingInterval: Math.max(10, Math.min(1000, handshakeTimeoutMs / 2)),
      keepAlive: true,
    };
    const answer: RequestListener = (_request, response) => {
      response.writeHead(426, { Upgrade: 'websocket', Connection: 'close' }).end('This is a WebSocket.\n');
    };
    const server = tls === undefined ? createServer(limits, answer) : createTlsServer({ ...tls, ...limits }, answer);
    // Connections that are no WebSocket yet count too.
    server.maxConnections = 2 * maxClients;
    return server as Server;
  }

  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const { path, maxClients, allowedOrigins } = this.#options;
    if ((request.url ?? '').split('?', 1)[0] !== path) {
      // Somebody else on the same server may know it.
      if (this.#server.listenerCount('upgrade') === 1) refuse(socket, 404);
      return;
    }
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
    const { origin } = request.headers;
    if (!offered.includes(SUBPROTOCOL)) return refuse(socket, 400);
    if (origin !== undefined && allowedOrigins?.includes(origin) === false) return refuse(socket, 403);
    if (this.#sink.size >= maxClients) return refuse(socket, 503);
    const { remoteAddress = '::', remotePort = 0 } = request.socket;
    const host = (this.#options.trustProxy ? forwardedFor(request) : undefined) ?? remoteAddress;
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => this.#sink.add(webSocket, host, remotePort));
  };
}

/** The address that the nearest proxy saw; what stands before it anyone may have written. */
function forwardedFor(request: IncomingMessage): string | undefined {
  const header = request.headers['x-forwarded-for'];
  const last = (typeof header === 'string' ? header : '').split(',').at(-1)!.trim();
  return isIP(last) === 0 ? undefined : last;
}

function refuse(socket: Duplex, status: keyof typeof STATUS): void {
  socket.on('error', () => {});
  socket.end(`HTTP/1.1 ${status} ${STATUS[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () =>
    socket.destroy(),
  );
}
