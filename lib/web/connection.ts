import { Driver } from '../api/driver.js';
import { Dials, type OpenedSlot } from '../api/dials.js';
import { pooledRandom } from '../api/pooled-random.js';
import { SessionEntry } from '../api/session-entry.js';
import { JsPacketEngine } from '../engine/js-packet-engine.js';
import { sttError, type STTError } from '../errors.js';
import type { KeyPair } from '../ports/crypto.js';
import { ADDRESS_OCTETS, type PacketEngineStats } from '../ports/packet-engine.js';
import type { HelloClock } from '../protocol/handshake/hello-clock.js';
import type { SeedKeys } from '../protocol/handshake/seed-keys.js';
import { unlimited } from '../protocol/congestion/unlimited.js';
import { exportKey } from '../protocol/key-schedule.js';
import { Session } from '../protocol/session.js';
import { nobleProvider } from '../stc/noble-provider.js';
import type { NodeConfig } from './node-options.js';
import { STTSession } from './session.js';
import { webPlatform, type STTStream } from './stream.js';
import type { WebSocketLike } from './web-socket.js';
import { WebSocketOutput } from './web-socket-output.js';

/** A page does not learn where its WebSocket goes, and a WebSocket is the path itself (STT §7): one address does. */
const REMOTE = new Uint8Array(ADDRESS_OCTETS);

export interface ConnectionConfig {
  readonly node: NodeConfig;
  readonly url: string;
  readonly socket: WebSocketLike;
  readonly seed: SeedKeys;
  readonly staticKeys: KeyPair;
  readonly helloClock: HelloClock;
  /** The WebSocket is closed, and the session on it over. */
  readonly onGone: () => void;
}

export interface Dial {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly peerNodeId: Uint8Array | undefined;
}

/** One WebSocket with a packet engine, a handshake and then one session on it. */
export class Connection {
  readonly #config: ConnectionConfig;
  readonly #engine: JsPacketEngine;
  readonly #output: WebSocketOutput;
  readonly #driver: Driver<STTStream>;
  readonly #handshakes: Dials;
  readonly #random = pooledRandom(nobleProvider);
  #entry: SessionEntry<STTStream> | undefined;
  #gone = false;

  constructor(config: ConnectionConfig) {
    this.#config = config;
    const { socket, seed, staticKeys, helloClock, node } = config;
    this.#driver = new Driver<STTStream>({
      // Not the function itself: browsers refuse it as a method of something else.
      defer: (call) => queueMicrotask(call),
      // Nobody connects to a page.
      confirm: () => undefined,
      onHandshake: (...row) => this.#handshakes.onDatagram(...row),
      handshakeTimeout: () => this.#handshakes.nextTimeout(),
      onStray: () => {},
      onHandshakeTimeout: (now) => this.#handshakes.onTimeout(now),
      onGone: () => this.#shut(),
    });
    this.#output = new WebSocketOutput(socket, {
      onReleased: (count) => this.#engine.released(count),
      onRoom: () => this.#engine.resume(),
    });
    this.#engine = new JsPacketEngine({
      crypto: nobleProvider,
      output: this.#output,
      events: { onBatch: this.#driver.onBatch, onWritable: this.#driver.onWritable, onError: () => {} },
    });
    this.#driver.start(this.#engine);
    this.#handshakes = new Dials({
      crypto: nobleProvider,
      engine: this.#engine,
      random: this.#random,
      seeds: [seed],
      staticKeys,
      helloClock,
      params: node.params,
      isSessionIdTaken: () => false,
      wake: () => this.#driver.wake(),
    });
    socket.onmessage = ({ data }) => this.#onMessage(data);
    socket.onclose = ({ code, reason }) => {
      // Codes tell little, but the reason may be a server's own words.
      const told = reason === '' ? `the WebSocket was closed with code ${code}` : `the WebSocket was closed: ${reason}`;
      this.#fail(sttError('ERR_STT_CONNECTION_LOST', { remote: config.url, why: told }));
    };
  }

  /** Reaches the node behind the WebSocket. Rejects as `STTNode.connectWebSocket` says. */
  async dial({ signal, timeoutMs, peerNodeId }: Dial): Promise<STTSession> {
    const { url } = this.#config;
    const remote = { address: '', port: 0, family: 'IPv6', octets: REMOTE, label: url } as const;
    try {
      return this.#adopt(await this.#handshakes.dial(remote, { signal, timeoutMs, peerNodeId }));
    } catch (error) {
      this.#shut();
      throw error;
    }
  }

  stats(): PacketEngineStats {
    return this.#engine.stats();
  }

  /** Closes the WebSocket, whatever is on it. */
  close(error: STTError): void {
    this.#fail(error);
  }

  #adopt({ result, slot, path }: OpenedSlot): STTSession {
    const { node, url } = this.#config;
    const entry = new SessionEntry<STTStream>(
      { engine: this.#engine, driver: this.#driver },
      { slot, path, address: REMOTE },
      url,
      webPlatform,
    );
    entry.session = new Session({
      role: 'initiator',
      now: performance.now(),
      localParams: result.localParams,
      peerParams: result.peerParams,
      suite: result.suite,
      // The largest there is: a WebSocket has no MTU, and each message costs (STT §10).
      initialPacketSize: result.peerParams.maxUdpPayload,
      congestion: unlimited,
      ...(result.handshakeRttMs === undefined ? {} : { handshakeRttMs: result.handshakeRttMs }),
      random: this.#random,
      observer: entry,
      limits: node.limits,
      keepAliveMs: node.keepAliveMs,
      rotation: {
        crypto: nobleProvider,
        sessionKey: result.sessionKey,
        policy: node.rotation,
        owner: entry,
      },
    });
    const identity = {
      sessionId: result.sessionId,
      peerNodeId: result.peerNodeId,
      sessionKey: exportKey(nobleProvider, result.sessionKey),
      url,
    };
    const session = new STTSession(entry, identity, node.closeTimeoutMs);
    this.#entry = entry;
    this.#driver.add(entry);
    return session;
  }

  #onMessage(data: unknown): void {
    if (!(data instanceof ArrayBuffer)) {
      // STT §10: binary messages only.
      this.#fail(
        sttError('ERR_STT_CONNECTION_LOST', {
          remote: this.#config.url,
          why: 'a text message came, which no node sends',
        }),
      );
      return;
    }
    this.#engine.receive(new Uint8Array(data), REMOTE);
    this.#engine.deliver();
    this.#output.poll();
  }

  #fail(error: STTError): void {
    this.#handshakes.stop(error);
    this.#entry?.abandon(error);
    this.#shut();
  }

  #shut(): void {
    if (this.#gone) return;
    this.#gone = true;
    const { socket, onGone } = this.#config;
    socket.onmessage = socket.onclose = null;
    this.#handshakes.stop(sttError('ERR_STT_NODE_STOPPED', { why: 'it was stopped' }));
    this.#driver.stop();
    void this.#engine.close();
    onGone();
  }
}
