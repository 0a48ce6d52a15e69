import { sttError } from '../errors.js';
import type { CryptoProvider } from '../ports/crypto.js';
import { addressHost, addressPort } from '../wire/address.js';
import { openWebSocket, type WebSocketTls } from '../transport/websocket-client.js';
import { WebSocketHub } from '../transport/websocket-hub.js';
import { WebSocketListener } from '../transport/websocket-server.js';
import { makeCarrier, type Carrier, type CarrierHost } from './carrier.js';
import type { DialOptions, OpenedSlot } from './dials.js';
import type { HandshakesConfig } from './handshakes.js';
import type { SessionEntry } from './session-entry.js';
import type { STTStream } from './stream.js';
import type { WebSocketConfig } from './web-socket-options.js';

/** Without `webSocket` in the options of a node, its own connections have these. */
const DEFAULTS = { handshakeTimeoutMs: 10_000, heartbeatMs: 30_000 };

/** All WebSockets of a node, with the sessions on them. */
export class WebSocketCarrier {
  readonly carrier: Carrier;
  readonly #hub: WebSocketHub;
  readonly #listener: WebSocketListener | undefined;
  readonly #onLost = new Map<SessionEntry<STTStream>, { address: Uint8Array; call: (why: string) => void }>();
  /** Own attempts under way. */
  readonly #attempts = new Set<AbortController>();
  /** Connections whose handshake is done here and whose session is still to be adopted. */
  readonly #dialed = new WeakMap<Uint8Array, (why: string) => void>();
  /** Where the node's own server listens. */
  port: number | undefined;

  private constructor(carrier: Carrier, hub: WebSocketHub, config: WebSocketConfig | undefined) {
    this.carrier = carrier;
    this.#hub = hub;
    this.#listener = config === undefined ? undefined : new WebSocketListener(config, hub);
  }

  /** Rejects with the system's own error if it cannot listen. */
  static async open(
    crypto: CryptoProvider,
    config: WebSocketConfig | undefined,
    host: CarrierHost,
    handshakes: Omit<HandshakesConfig, 'engine' | 'wake'>,
  ): Promise<WebSocketCarrier> {
    let hub!: WebSocketHub;
    const carrier = await makeCarrier('websocket', host, { ...handshakes, addressesProven: true }, (events) => {
      hub = new WebSocketHub({ crypto, events, ...(config ?? DEFAULTS) });
      return { engine: hub.engine };
    });
    const made = new WebSocketCarrier(carrier, hub, config);
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
      const octets = this.#hub.add(socket, host, port);
      const onLost = (why: string): void => lost.abort(sttError('ERR_STT_CONNECTION_LOST', { remote: url, why }));
      this.#hub.bind(octets, onLost);
      const remote = { address: host, port, family: 'IPv6', octets, label: url } as const;
      const timeoutMs = Math.max(1, Math.ceil(options.timeoutMs - (performance.now() - began)));
      this.#dialed.set(octets, onLost);
      return await this.carrier.handshakes.dial(remote, { ...options, timeoutMs, signal }).catch((error: unknown) => {
        this.#hub.drop(octets);
        throw error;
      });
    } finally {
      this.#attempts.delete(lost);
    }
  }

  /** Gives up every attempt and half-open session. */
  stopDialing(error: Error): void {
    for (const attempt of this.#attempts) attempt.abort(error);
    this.carrier.handshakes.stop(error);
  }

  /** Gives up what `dial` opened. */
  discard(opened: OpenedSlot): void {
    this.carrier.handshakes.release(opened);
    this.#hub.drop(opened.address);
  }

  /** False once the WebSocket of what `dial` opened is gone. */
  isOpen({ address }: OpenedSlot): boolean {
    return this.#hub.has(address);
  }

  /** The session of a finished handshake ends when its connection does. */
  adopt(entry: SessionEntry<STTStream>, address: Uint8Array): void {
    const call = (why: string): void => {
      const remote = `${addressHost(address)}:${addressPort(address)}`;
      entry.abandon(sttError('ERR_STT_CONNECTION_LOST', { remote, why }));
    };
    this.#onLost.set(entry, { address, call });
    if (!this.#hub.bind(address, call)) queueMicrotask(() => call('the WebSocket was closed'));
    const onLost = this.#dialed.get(address);
    if (onLost !== undefined) this.#hub.unbind(address, onLost);
  }

  /** A session is over: its connection too. */
  forget(entry: SessionEntry<STTStream>): void {
    const bound = this.#onLost.get(entry);
    this.#onLost.delete(entry);
    if (bound !== undefined) this.#hub.unbind(bound.address, bound.call);
  }

  async close(): Promise<void> {
    this.carrier.driver.stop();
    await Promise.all([this.#listener?.close(), this.carrier.engine.close()]);
  }
}
