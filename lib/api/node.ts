import { EventEmitter } from 'node:events';
import { publish } from '../diagnostics.js';
import { sttError } from '../node-errors.js';
import { integerOption } from '../options.js';
import type { BoundAddress } from '../ports/packet-engine.js';
import type { WebSocketTls } from '../transport/websocket-client.js';
import type { KeyPair } from '../protocol/handshake/handshake-result.js';
import { HelloClock } from '../protocol/handshake/hello-clock.js';
import { deriveSeedKeys } from '../protocol/handshake/seed-keys.js';
import { exportKey } from '../protocol/key-schedule.js';
import { nodeKeyPair, nodeResetKey } from '../stc/node-identity.js';
import { chooseBackend, openEngine, type ChosenBackend } from './backend.js';
import { makeCarrier, type Carrier, type CarrierHost } from './carrier.js';
import { connectEither } from './connect-either.js';
import {
  CONNECT_OPTIONS,
  dialOptions,
  WEBSOCKET_CONNECT_OPTIONS,
  type ConnectOptions,
  type WebSocketConnectOptions,
} from './connect-options.js';
import { parseTarget, type ConnectTarget } from './connect-target.js';
import { dialUdp } from './dial-udp.js';
import type { DialOptions, OpenedSlot } from './dials.js';
import { MessageQueue } from './message-queue.js';
import type { NodeEvents, ReceivedMessage, SendResult } from './node-events.js';
import { Newcomers } from './newcomers.js';
import { prepareNodeKem } from './node-kem.js';
import { nodeConfig, type NodeConfig, type STTNodeOptions } from './node-options.js';
import { PathFinder } from './path-finder.js';
import { PeerAdmission, remoteAddressOf } from './peer-admission.js';
import type { NodeRecords } from './node-records.js';
import type { NodeStats } from './node-stats.js';
import { Reconnections } from './reconnections.js';
import type { SessionEntry } from './session-entry.js';
import { sendToEach } from './send-to-each.js';
import { SessionManager } from './session-manager.js';
import { StatelessResets } from './stateless-resets.js';
import { transportParams } from './session-setup.js';
import { STTSession } from './session.js';
import type { STTStream } from './stream.js';
import type { WebSockets } from './web-sockets.js';
import { withRecords } from './with-records.js';

interface Running extends Carrier {
  readonly bound: BoundAddress;
  /** Made when it is first needed. */
  readonly webSockets: () => Promise<WebSockets>;
}

/**
 * One end of STT: a UDP socket, the sessions on it, and the identity that proves itself to peers.
 *
 * ```js
 * const node = new STTNode({ nodeSeed, sharedSeed, port: 4433 });
 * node.on('session', (session) => session.on('stream', (stream) => stream.pipe(stream)));
 * await node.start();
 * ```
 */
export class STTNode extends EventEmitter<NodeEvents> {
  readonly #config: NodeConfig;
  readonly #messages: MessageQueue<ReceivedMessage>;
  #iterated = false;
  readonly #backend: ChosenBackend;
  readonly #identity: KeyPair;
  #running: Running | undefined;
  #starting: Promise<BoundAddress> | undefined;
  #stopping: Promise<void> | undefined;
  /** Sessions whose slot in the engine is in use: the established ones, and those that linger after their close. */
  readonly #lingering = new Set<SessionEntry<STTStream>>();
  #onLingered: (() => void) | undefined;
  #webSockets: WebSockets | undefined;
  #records: NodeRecords | undefined;
  readonly #newcomers: Newcomers;
  readonly #reconnections: Reconnections;
  readonly #host: CarrierHost = {
    confirm: (carrier, opened, now) => this.#newcomers.confirm(carrier, opened, now),
    onGone: (entry) => this.#forget(entry),
    onError: (error) => this.#fail(error),
  };
  /** The node's established sessions. */
  readonly sessionManager = new SessionManager<STTSession>();
  /** Who may be a peer: `allow` and `revoke` change it at run time. */
  readonly peers: PeerAdmission;

  /**
   * @throws STTConfigError `ERR_STT_UNKNOWN_OPTION`, `ERR_STT_OPTION_RANGE`; STTCryptoError `ERR_STT_SEED_TOO_SHORT`;
   *   STTTransportError `ERR_STT_BACKEND_UNAVAILABLE`
   */
  constructor(options: STTNodeOptions) {
    super();
    this.#config = nodeConfig(options);
    this.#backend = chooseBackend(this.#config.backend);
    this.#identity = nodeKeyPair(this.#backend.crypto, this.#config.nodeSeed);
    this.#messages = new MessageQueue(this.#config.receiveQueue);
    this.#reconnections = new Reconnections(this.#backend.random);
    this.peers = new PeerAdmission(this.#config.admission);
    this.#newcomers = new Newcomers({
      config: this.#config,
      crypto: this.#backend.crypto,
      random: this.#backend.random,
      peers: this.peers,
      isRunning: () => this.#running !== undefined && this.#stopping === undefined,
      keep: (entry, opened) => {
        this.#lingering.add(entry);
        this.#webSockets?.settle(opened);
      },
      adopt: (opened, entry) => this.#adopt(opened, entry),
      onSession: (session) => this.emit('session', session),
    });
  }

  /** The node's public key, by which peers know it: 32 octets. It follows from `nodeSeed`. */
  get nodeId(): Uint8Array {
    return this.#identity.publicKey.slice();
  }

  /** What the node keeps in its chamber, once started with one. */
  get records(): NodeRecords | undefined {
    return this.#records;
  }

  /** The address the node is bound to, once started. */
  get address(): BoundAddress | undefined {
    return this.#running?.bound;
  }

  /**
   * Binds the socket and accepts peers from now on.
   * Rejects with the system's own error (EADDRINUSE, EACCES, EADDRNOTAVAIL, ...), or `ERR_STT_NODE_STOPPED` after `stop()`,
   * and with a chamber as `Chamber.open` does, and with `ERR_STT_OPTION_RANGE` if neither the options nor it hold a shared seed.
   */
  start(): Promise<BoundAddress> {
    this.#starting ??= withRecords(
      { ...this.#config, crypto: this.#backend.crypto, nodeId: this.#identity.publicKey },
      (records, sharedSeeds) => {
        this.#records = records;
        return this.#start(sharedSeeds);
      },
    );
    return this.#starting;
  }

  /**
   * Connects to the node at a host and UDP port.
   * Rejects with `ERR_STT_HANDSHAKE_TIMEOUT` (unreachable, other seed, not accepting: it stays silent in all cases),
   * `ERR_STT_PEER_MISMATCH`, `ERR_STT_HANDSHAKE_SELF`, `ERR_STT_VERSION`, `ERR_STT_ADDRESS`, the resolver's error, or
   * the reason of the signal.
   */
  async connectUdp(host: string, port: number, options: ConnectOptions = {}): Promise<STTSession> {
    integerOption('port', port, 0, 1, 65_535);
    const dial = dialOptions(options, CONNECT_OPTIONS);
    const running = this.#requireRunning();
    dial.signal?.throwIfAborted();
    const opened = await dialUdp(running, host, port, dial, () => this.#requireRunning());
    const session = await this.#welcome(opened, dial, { udp: { host, port } });
    return this.#reconnections.follow(session, options, (again) => this.connectUdp(host, port, again));
  }

  /**
   * Connects to the node behind a WebSocket, `ws://host:port/path` or `wss:`. When it breaks, another one is opened.
   * Rejects with `ERR_STT_ADDRESS`; `ERR_STT_WEBSOCKET` if no WebSocket that speaks STT is there, its `cause` says why;
   * `ERR_STT_CONNECTION_LOST` if it breaks meanwhile; and as `connectUdp` does.
   */
  async connectWebSocket(url: string, options: WebSocketConnectOptions = {}): Promise<STTSession> {
    const dial = dialOptions(options, WEBSOCKET_CONNECT_OPTIONS);
    const running = this.#requireRunning();
    dial.signal?.throwIfAborted();
    const webSockets = await running.webSockets();
    this.#requireRunning();
    const opened = await webSockets.dial(url, dial, options.tls ?? {});
    const session = await this.#welcome(opened, dial, { webSocket: url }, options.tls);
    return this.#reconnections.follow(session, options, (again) => this.connectWebSocket(url, again));
  }

  /**
   * Connects over UDP or, where that does not get through, over WebSocket: UDP has a head start, and the better one that
   * gets through is kept (RFC 8305); `session.transport` tells which. `'HOST:PORT'` is one number for both, a URL of
   * `ws:` or `wss:` that host and port for UDP as well; a `ConnectTarget` names each.
   * Rejects with `ERR_STT_UNREACHABLE` if neither gets through: `cause.errors` are what `connectUdp` and
   * `connectWebSocket` said; with `ERR_STT_ADDRESS`, or the reason of the signal.
   */
  async connect(target: string | ConnectTarget, options: WebSocketConnectOptions = {}): Promise<STTSession> {
    const to = parseTarget(target);
    const dial = dialOptions(options, WEBSOCKET_CONNECT_OPTIONS);
    const opened = await connectEither(() => this.#requireRunning(), to, dial, options.tls ?? {});
    const session = await this.#welcome(opened, dial, to, options.tls);
    return this.#reconnections.follow(session, options, (again) => this.connect(target, again));
  }

  /** The port on which WebSockets are accepted, if the node has a server of its own for them. */
  get webSocketPort(): number | undefined {
    return this.#webSockets?.port;
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

  getStats(): NodeStats {
    const running = this.#running;
    return {
      backend: this.#backend.name,
      backendReason: this.#backend.reason,
      running: running !== undefined,
      sessions: this.sessionManager.size,
      halfOpen: this.#halfOpen(),
      dialing: running?.handshakes.dialing ?? 0,
      handshakes: running?.handshakes.answers,
      messagesQueued: this.#messages.length,
      messagesDropped: this.#messages.dropped,
      engine: running?.engine.stats(),
    };
  }

  /** Closes all sessions, each delivering what was written (up to `closeTimeoutMs`), then the socket, then the chamber. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #start(sharedSeeds: readonly Uint8Array[]): Promise<BoundAddress> {
    if (this.#stopping !== undefined) throw sttError('ERR_STT_NODE_STOPPED', { why: 'it was stopped' });
    const config = this.#config;
    const { crypto } = this.#backend;
    const seeds = sharedSeeds.map((seed) => deriveSeedKeys(crypto, seed));
    const shared = {
      crypto,
      random: this.#backend.random,
      seeds,
      staticKeys: this.#identity,
      helloClock: new HelloClock(),
      params: transportParams(config),
      isSessionIdTaken: (id: Uint8Array) => this.sessionManager.get(id) !== undefined,
      hasRoom: (address: Uint8Array) =>
        this.#stopping === undefined &&
        this.sessionManager.size + this.#halfOpen() + this.peers.waiting < config.maxSessions &&
        this.peers.hasRoom(address),
      isWelcome: (peerNodeId: Uint8Array) => this.peers.isWelcome(peerNodeId),
      limits: config.admission.handshakes,
    };
    if (config.rotation.firstAfterMs < Infinity) await prepareNodeKem();
    let bound!: BoundAddress;
    const carrier = await makeCarrier(this.#host, shared, async (events) => {
      const opened = await openEngine(this.#backend, config, events);
      bound = opened.bound;
      const { resetInstance = `${bound.address}:${bound.port}` } = config;
      const resets =
        resetInstance === false
          ? undefined
          : new StatelessResets(crypto, nodeResetKey(crypto, config.nodeSeed, resetInstance));
      return { engine: opened.engine, resets };
    });
    const { engine, driver } = carrier;
    const openWebSockets = async (): Promise<WebSockets> => {
      // Loaded where it is used: all code of the process is looked through by every collection of garbage.
      const { WebSockets: sockets } = await import('./web-sockets.js');
      return sockets.open(carrier, config.webSocket);
    };
    let webSocket: Promise<WebSockets> | undefined;
    if (config.webSocket !== undefined) {
      try {
        webSocket = Promise.resolve((this.#webSockets = await openWebSockets()));
      } catch (error) {
        driver.stop();
        await engine.close();
        throw error;
      }
    }
    const webSockets = (): Promise<WebSockets> =>
      (webSocket ??= openWebSockets().then((made) => (this.#webSockets = made)));
    this.#running = Object.assign(carrier, { bound, webSockets });
    if (this.#stopping !== undefined) {
      await this.#shut();
      throw sttError('ERR_STT_NODE_STOPPED', { why: 'it was stopped while starting' });
    }
    publish('stt:node:start', { ...bound, backend: this.#backend.name });
    return bound;
  }

  async #stop(): Promise<void> {
    await this.#starting?.catch(() => {});
    if (this.#running === undefined) return;
    const gone = sttError('ERR_STT_NODE_STOPPED', { why: 'it was stopped' });
    this.#reconnections.stop(gone);
    this.#running.handshakes.stop(gone);
    this.#webSockets?.stopDialing(gone);
    await Promise.allSettled(Array.from(this.sessionManager, (session) => session.close()));
    // A peer whose SESSION_CLOSE got lost hears it again while the sessions linger (STT §7: 3 PTO).
    if (this.#lingering.size > 0) await new Promise<void>((resolve) => (this.#onLingered = resolve));
    await this.#shut();
  }

  /** Closes the socket, whatever is on it. */
  async #shut(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    this.#running = undefined;
    this.#reconnections.stop(sttError('ERR_STT_NODE_STOPPED', { why: 'its socket failed' }));
    running.driver.stop();
    running.resets?.stop();
    for (const session of [...this.sessionManager]) session.destroy();
    await Promise.all([running.engine.close(), this.#webSockets?.close()]);
    await this.#records?.close();
    this.#messages.close();
    publish('stt:node:stop', { ...running.bound });
    this.emit('close');
  }

  #fail(error: Error): void {
    this.#stopping ??= this.#shut();
    if (this.listenerCount('error') > 0) this.emit('error', error);
  }

  #welcome(opened: OpenedSlot, { signal }: DialOptions, to: ConnectTarget, tls?: WebSocketTls): Promise<STTSession> {
    const running = this.#requireRunning();
    return this.#newcomers.welcome(running, opened, signal, (entry) => new PathFinder(running, entry, to, tls));
  }

  #requireRunning(): Running {
    if (this.#running !== undefined && this.#stopping === undefined) return this.#running;
    const why = this.#starting === undefined ? 'call start() first' : 'it was stopped';
    throw sttError('ERR_STT_NODE_STOPPED', { why });
  }

  #halfOpen(): number {
    return this.#running?.handshakes.halfOpen ?? 0;
  }

  /** Makes a session of a finished handshake. */
  #adopt({ result, address }: OpenedSlot, entry: SessionEntry<STTStream>): STTSession {
    const session = new STTSession(
      entry,
      {
        sessionId: result.sessionId,
        peerNodeId: result.peerNodeId,
        sessionKey: exportKey(this.#backend.crypto, result.sessionKey),
        role: result.role,
        remoteAddress: remoteAddressOf(address),
      },
      this.#backend.name,
      this.#config.closeTimeoutMs,
    );
    session.on('message', ({ streamId, data }) => this.#onMessage({ session, streamId, data }));
    session.once('close', (error) => {
      this.sessionManager.delete(session);
      this.peers.delete(entry);
      publish('stt:session:close', { remote: entry.remoteLabel, code: error.code });
    });
    this.#records?.onSession(session, result.seedIndex);
    this.sessionManager.add(session);
    this.peers.add(entry, result.peerNodeId, address);
    publish('stt:session:open', { remote: entry.remoteLabel, role: result.role });
    return session;
  }

  #onMessage(message: ReceivedMessage): void {
    // Who listens to the event alone shall not find the queue full of what it has seen.
    if (this.#iterated || this.listenerCount('message') === 0) this.#messages.push(message);
    this.emit('message', message);
  }

  /** The session has lingered long enough: its slot may go. */
  #forget(entry: SessionEntry<STTStream>): void {
    entry.release();
    this.#lingering.delete(entry);
    if (this.#lingering.size === 0) this.#onLingered?.();
  }
}
