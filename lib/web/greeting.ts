import { sttError } from '../errors.js';
import { HandshakeInitiator, type InitiatorConfig } from '../protocol/handshake/handshake-initiator.js';
import type { HandshakeResult } from '../protocol/handshake/handshake-result.js';
import { OPEN, type WebSocketLike } from './web-socket.js';
import { monotonicMs } from '../api/clock.js';

export interface GreetingConfig extends InitiatorConfig {
  readonly socket: WebSocketLike;
  readonly url: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** One of these is called, once. */
  readonly onResult: (result: HandshakeResult) => void;
  readonly onFailed: (reason: unknown) => void;
}

/** The handshake of a page with the node behind a WebSocket. */
export class Greeting {
  readonly #config: GreetingConfig;
  readonly #initiator: HandshakeInitiator;
  #over = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #onAbort = (): void => this.fail(this.#config.signal.reason);
  readonly #transmit = (): void => {
    const { socket, timeoutMs, url } = this.#config;
    const initiator = this.#initiator;
    const now = monotonicMs();
    const hello = initiator.pollTransmit(now, Date.now() * 1000);
    if (initiator.failure !== undefined) {
      return this.fail(sttError(initiator.failure, { remote: url, timeoutMs }));
    }
    if (hello !== undefined && socket.readyState === OPEN) socket.send(hello.datagram);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#transmit, Math.max(1, Math.ceil(initiator.pollTimeout() - now)));
  };

  constructor(config: GreetingConfig) {
    this.#config = config;
    this.#initiator = new HandshakeInitiator(config);
    const { peerNodeId, signal } = config;
    signal.addEventListener('abort', this.#onAbort);
    this.#initiator.start(monotonicMs());
    this.#transmit();
    // A third of what the answer needs is done while it is on its way.
    if (peerNodeId !== undefined) setTimeout(() => this.#initiator.prepare(peerNodeId), 0);
  }

  /** A message came in. What is no answer is dropped. */
  receive(bytes: Uint8Array): void {
    const now = monotonicMs();
    const result = this.#initiator.handleAnswer(bytes, 0, bytes.length, now);
    if (result !== undefined) this.#end(() => this.#config.onResult(result));
    // A cookie has it send at once.
    else if (this.#initiator.pollTimeout() <= now) this.#transmit();
  }

  /** Gives up, unless it is over already. */
  fail(reason: unknown): void {
    this.#end(() => this.#config.onFailed(reason));
  }

  #end(tell: () => void): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#config.signal.removeEventListener('abort', this.#onAbort);
    this.#initiator.abandon();
    tell();
  }
}
