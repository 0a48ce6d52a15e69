import { sttError } from '../errors.js';
import { openWebSocket, type WebSocketTls } from '../transport/websocket-client.js';
import { WebSocketHub } from '../transport/websocket-hub.js';
import { WebSocketListener } from '../transport/websocket-server.js';
import type { Carrier } from './carrier.js';
import type { DialOptions, OpenedSlot } from './dials.js';
import type { WebSocketConfig } from './web-socket-options.js';

/** Without `webSocket` in the options of a node, its own connections have these. */
const DEFAULTS = { handshakeTimeoutMs: 10_000, heartbeatMs: 30_000 };

/** The WebSockets of a node: those it opens, and those that its server takes in. */
export class WebSockets {
  readonly hub: WebSocketHub;
  readonly #carrier: Carrier;
  readonly #listener: WebSocketListener | undefined;
  /** Own attempts under way. */
  readonly #attempts = new Set<AbortController>();
  /** Connections whose handshake is done here and whose session is still to be made. */
  readonly #dialed = new WeakMap<Uint8Array, (why: string) => void>();
  /** Where the node's own server listens. */
  port: number | undefined;

  private constructor(carrier: Carrier, config: WebSocketConfig | undefined) {
    const { engine, driver } = carrier;
    this.#carrier = carrier;
    this.hub = new WebSocketHub({ engine, onWritable: driver.onWritable, ...(config ?? DEFAULTS) });
    this.#listener = config === undefined ? undefined : new WebSocketListener(config, this.hub);
    carrier.connections = this.hub;
  }

  /** Rejects with the system's own error if it cannot listen. */
  static async open(carrier: Carrier, config: WebSocketConfig | undefined): Promise<WebSockets> {
    const made = new WebSockets(carrier, config);
    try {
      made.port = (await made.#listener?.start())?.port;
    } catch (error) {
      await made.close();
      throw error;
    }
    return made;
  }

  /** Opens a WebSocket and shakes hands over it. */
  async dial(url: string, options: DialOptions, tls: WebSocketTls): Promise<OpenedSlot> {
    const began = performance.now();
    const lost = new AbortController();
    const signal = options.signal === undefined ? lost.signal : AbortSignal.any([options.signal, lost.signal]);
    this.#attempts.add(lost);
    try {
      const { socket, host, port } = await openWebSocket(url, options.timeoutMs, signal, tls);
      const octets = this.hub.add(socket, host, port);
      const onLost = (why: string): void => lost.abort(sttError('ERR_STT_CONNECTION_LOST', { remote: url, why }));
      this.hub.bind(octets, onLost);
      const remote = { address: host, port, family: 'IPv6', octets, label: url } as const;
      const timeoutMs = Math.max(1, Math.ceil(options.timeoutMs - (performance.now() - began)));
      this.#dialed.set(octets, onLost);
      return await this.#carrier.handshakes.dial(remote, { ...options, timeoutMs, signal }).catch((error: unknown) => {
        this.hub.drop(octets);
        throw error;
      });
    } finally {
      this.#attempts.delete(lost);
    }
  }

  /** Opens a WebSocket for a session that is open, which is to use it at once, and gives its address. */
  async open(url: string, tls: WebSocketTls, timeoutMs: number): Promise<Uint8Array> {
    const attempt = new AbortController();
    this.#attempts.add(attempt);
    try {
      const { socket, host, port } = await openWebSocket(url, timeoutMs, attempt.signal, tls);
      return this.hub.add(socket, host, port);
    } finally {
      this.#attempts.delete(attempt);
    }
  }

  /** Gives up every attempt. */
  stopDialing(error: Error): void {
    for (const attempt of this.#attempts) attempt.abort(error);
  }

  /** Gives up what `dial` opened. */
  discard(opened: OpenedSlot): void {
    this.#carrier.handshakes.release(opened);
    this.hub.drop(opened.address);
  }

  /** False once the WebSocket of what `dial` opened is gone. */
  isOpen({ address }: OpenedSlot): boolean {
    return this.hub.has(address);
  }

  /** A session is bound to what `dial` opened, which need not be kept any more. */
  settle({ address }: OpenedSlot): void {
    const onLost = this.#dialed.get(address);
    if (onLost !== undefined) this.hub.unbind(address, onLost);
  }

  async close(): Promise<void> {
    await Promise.all([this.#listener?.close(), this.hub.close()]);
  }
}
