import { MessageQueue } from '../api/message-queue.js';
import { sendToEach, type SendResult as SessionResult } from '../api/send-to-each.js';
import { SessionManager } from '../api/session-manager.js';
import { NODE_ID_OCTETS } from '../constants.js';
import { sttError } from '../errors.js';
import { checkOptionNames, integerOption } from '../options.js';
import type { KeyPair } from '../ports/crypto.js';
import { HelloClock } from '../protocol/handshake/hello-clock.js';
import { deriveSeedKeys, type SeedKeys } from '../protocol/handshake/seed-keys.js';
import { nobleProvider } from '../stc/noble-provider.js';
import { nodeKeyPair } from '../stc/node-identity.js';
import { Connection } from './connection.js';
import { Emitter } from './emitter.js';
import { nodeConfig, type NodeConfig, type STTNodeOptions } from './node-options.js';
import { openWebSocket, webSocketUrl } from './open-web-socket.js';
import type { STTSession } from './session.js';
import { monotonicMs } from '../api/clock.js';

/** An unreliable message and the session it came in on. */
export interface ReceivedMessage {
  readonly session: STTSession;
  /** The sender's tag, 0 if it gave none. */
  readonly streamId: number;
  readonly data: Uint8Array;
}

/** What became of a message to one of several sessions. */
export type SendResult = SessionResult<STTSession>;

export interface NodeEvents {
  /** An unreliable message came in. */
  message: [message: ReceivedMessage];
  /** The node stopped. */
  close: [];
}

/** A snapshot of a node. */
export interface NodeStats {
  readonly backend: 'js';
  /** Established sessions. */
  readonly sessions: number;
  /** Attempts to connect under way. */
  readonly dialing: number;
  /** Messages waiting in `receive()`, and dropped because they were too many. */
  readonly messagesQueued: number;
  readonly messagesDropped: number;
}

export interface ConnectOptions {
  /** Aborts the attempt; the promise rejects with its reason. */
  readonly signal?: AbortSignal;
  /** When to give up, default 10,000. */
  readonly timeoutMs?: number;
  /** The only peer that will do: its node id (32 octets). Without it, any holder of the shared seed may answer. */
  readonly peerNodeId?: Uint8Array;
}

/**
 * One end of STT in a browser: it connects to nodes over WebSocket, with the same handshake, sessions, streams and
 * messages as everywhere. It accepts no peers, as browsers have no sockets for that.
 *
 * ```js
 * const node = new STTNode({ nodeSeed, sharedSeed });
 * const session = await node.connectWebSocket('wss://host.example/stt');
 * const { readable, writable } = await session.openStream();
 * await file.stream().pipeTo(writable);
 * ```
 */
export class STTNode extends Emitter<NodeEvents> {
  readonly #config: NodeConfig;
  readonly #identity: KeyPair;
  readonly #seed: SeedKeys;
  readonly #clock = new HelloClock();
  readonly #messages: MessageQueue<ReceivedMessage>;
  readonly #connections = new Set<Connection>();
  readonly #stopped = new AbortController();
  #iterated = false;
  #dialing = 0;
  #stopping: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;
  /** The node's established sessions. */
  readonly sessionManager = new SessionManager<STTSession>();

  /** @throws STTConfigError `ERR_STT_UNKNOWN_OPTION`, `ERR_STT_OPTION_RANGE`; STTCryptoError `ERR_STT_SEED_TOO_SHORT` */
  constructor(options: STTNodeOptions) {
    super();
    this.#config = nodeConfig(options);
    this.#identity = nodeKeyPair(nobleProvider, this.#config.nodeSeed);
    this.#seed = deriveSeedKeys(nobleProvider, this.#config.sharedSeed);
    this.#messages = new MessageQueue(this.#config.receiveQueue);
  }

  /** The node's public key, by which peers know it: 32 octets. It follows from `nodeSeed`. */
  get nodeId(): Uint8Array {
    return this.#identity.publicKey.slice();
  }

  /** There is nothing to start in a browser; it is here so that the same code serves both worlds. */
  start(): Promise<void> {
    return this.#stopping === undefined ? Promise.resolve() : Promise.reject(stopped());
  }

  /**
   * Connects to the node behind a WebSocket.
   * @param url `ws:` or `wss:`; `http:`, `https:` and addresses relative to the page stand for these
   *
   * Rejects with `ERR_STT_ADDRESS`; `ERR_STT_WEBSOCKET` if there is no WebSocket that speaks STT;
   * `ERR_STT_HANDSHAKE_TIMEOUT` if there is one and the node stays silent (other seed, not accepting);
   * `ERR_STT_CONNECTION_LOST` if it breaks meanwhile; `ERR_STT_PEER_MISMATCH`, `ERR_STT_HANDSHAKE_SELF`,
   * `ERR_STT_VERSION`, `ERR_STT_NODE_STOPPED`, or the reason of the signal.
   */
  async connectWebSocket(url: string, options: ConnectOptions = {}): Promise<STTSession> {
    checkOptionNames(options, ['signal', 'timeoutMs', 'peerNodeId']);
    const timeoutMs = integerOption('timeoutMs', options.timeoutMs, 10_000, 1, 0x7fffffff);
    const { peerNodeId } = options;
    if (peerNodeId !== undefined && peerNodeId.length !== NODE_ID_OCTETS) {
      integerOption('peerNodeId.length', peerNodeId.length, 0, NODE_ID_OCTETS, NODE_ID_OCTETS);
    }
    const target = webSocketUrl(url);
    if (this.#stopping !== undefined) throw stopped();
    const given = options.signal === undefined ? [] : [options.signal];
    const signal = AbortSignal.any([...given, this.#stopped.signal]);
    const began = monotonicMs();
    this.#dialing++;
    try {
      const socket = await openWebSocket(target, timeoutMs, signal);
      const connection: Connection = new Connection({
        node: this.#config,
        url: target,
        socket,
        seed: this.#seed,
        staticKeys: this.#identity,
        helloClock: this.#clock,
        onGone: () => this.#forget(connection),
      });
      this.#connections.add(connection);
      const left = Math.max(1, timeoutMs - (monotonicMs() - began));
      return this.#adopt(await connection.dial({ signal, timeoutMs: Math.ceil(left), peerNodeId }));
    } finally {
      this.#dialing--;
    }
  }

  /** `connectWebSocket`: a page has no other way. */
  connect(url: string, options: ConnectOptions = {}): Promise<STTSession> {
    return this.connectWebSocket(url, options);
  }

  /** Unreliable messages of all sessions, oldest first. What is not read in time is dropped from the old end and counted. */
  receive(): AsyncIterableIterator<ReceivedMessage> {
    this.#iterated = true;
    return this.#messages.iterate();
  }

  /** Sends one unreliable message to every session; one result for each. */
  sendToAll(data: Uint8Array, options: { readonly streamId?: number } = {}): Promise<SendResult[]> {
    return this.sendToSessions(this.sessionManager, data, options);
  }

  /** Sends one unreliable message to each of some sessions; one result for each. */
  sendToSessions(
    sessions: Iterable<STTSession>,
    data: Uint8Array,
    options: { readonly streamId?: number } = {},
  ): Promise<SendResult[]> {
    return sendToEach(sessions, data, options);
  }

  /** A snapshot. */
  getStats(): NodeStats {
    return {
      backend: 'js',
      sessions: this.sessionManager.size,
      dialing: this.#dialing,
      messagesQueued: this.#messages.length,
      messagesDropped: this.#messages.dropped,
    };
  }

  /** Closes all sessions, each delivering what was written (up to `closeTimeoutMs`), then the WebSockets. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#stopped.abort(stopped());
    await Promise.allSettled(Array.from(this.sessionManager, (session) => session.close()));
    // A SESSION_CLOSE is on its way while the sessions linger (STT §7: 3 PTO).
    if (this.#connections.size > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    this.#messages.close();
    this.emit('close');
  }

  #adopt(session: STTSession): STTSession {
    this.sessionManager.add(session);
    session.on('message', ({ streamId, data }) => this.#onMessage({ session, streamId, data }));
    session.once('close', () => this.sessionManager.delete(session));
    return session;
  }

  #onMessage(message: ReceivedMessage): void {
    // Who listens to the event alone shall not find the queue full of what it has seen.
    if (this.#iterated || this.listenerCount('message') === 0) this.#messages.push(message);
    this.emit('message', message);
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#onIdle?.();
  }
}

function stopped(): Error {
  return sttError('ERR_STT_NODE_STOPPED', { why: 'it was stopped' });
}
