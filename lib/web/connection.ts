import { sttError } from '../errors.js';
import type { KeyPair } from '../ports/crypto.js';
import type { Random } from '../ports/random.js';
import type { HandshakeResult } from '../protocol/handshake/handshake-result.js';
import type { HelloClock } from '../protocol/handshake/hello-clock.js';
import type { SeedKeys } from '../protocol/handshake/seed-keys.js';
import { preferredSuites } from '../protocol/handshake/suites.js';
import { deriveSessionKeys, exportKey } from '../protocol/key-schedule.js';
import { orderedSending } from '../protocol/ordered-sending.js';
import { Session } from '../protocol/session.js';
import { nobleProvider } from '../stc/noble-provider.js';
import { Greeting } from './greeting.js';
import type { NodeConfig } from './node-options.js';
import { PageEntry } from './page-entry.js';
import { STTSession } from './session.js';
import { NORMAL_CLOSE, type WebSocketLike } from './web-socket.js';
import { monotonicMs } from '../api/clock.js';

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

/** Little of it is needed. */
const RANDOM: Random = { u32: () => new DataView(nobleProvider.randomBytes(4).buffer).getUint32(0) };

/** One WebSocket with a handshake, and then one session, on it. */
export class Connection {
  readonly #config: ConnectionConfig;
  #greeting: Greeting | undefined;
  #entry: PageEntry | undefined;
  #gone = false;

  constructor(config: ConnectionConfig) {
    this.#config = config;
    const { socket } = config;
    socket.onmessage = ({ data }) => {
      // STT §10: binary messages only.
      if (!(data instanceof ArrayBuffer)) this.#fail('a text message came, which no node sends');
      else (this.#entry ?? this.#greeting)?.receive(new Uint8Array(data));
    };
    socket.onclose = ({ code, reason }) => {
      // Codes tell little, but the reason may be a server's own words.
      this.#fail(reason === '' ? `the WebSocket was closed with code ${code}` : `the WebSocket was closed: ${reason}`);
    };
  }

  /** Reaches the node behind the WebSocket. Rejects as `STTNode.connectWebSocket` says. */
  dial(dial: Dial): Promise<STTSession> {
    const { node, helloClock, seed, socket, staticKeys, url } = this.#config;
    return new Promise((resolve, reject) => {
      this.#greeting = new Greeting({
        ...dial,
        crypto: nobleProvider,
        socket,
        url,
        seed,
        staticKeys,
        helloClock,
        params: node.params,
        suites: preferredSuites(nobleProvider),
        random: RANDOM,
        isSessionIdTaken: () => false,
        onResult: (result) => resolve(this.#adopt(result)),
        onFailed: (reason) => {
          this.#shut();
          // It may be the reason of a signal, which need not be an error.
          reject(reason as Error);
        },
      });
    });
  }

  #adopt(result: HandshakeResult): STTSession {
    const { node, socket, url } = this.#config;
    const { localParams, peerParams, role, sessionKey, suite } = result;
    const keys = deriveSessionKeys(nobleProvider, result);
    const entry = new PageEntry(socket, keys, url, () => this.#shut());
    entry.session = new Session({
      role,
      now: monotonicMs(),
      localParams,
      peerParams,
      suite,
      // The largest there is: a WebSocket has no MTU, and each message costs (STT §10).
      initialPacketSize: peerParams.maxUdpPayload,
      sending: orderedSending,
      ...(result.handshakeRttMs === undefined ? {} : { handshakeRttMs: result.handshakeRttMs }),
      random: RANDOM,
      observer: entry,
      limits: node.limits,
      keepAliveMs: node.keepAliveMs,
      rotation: { crypto: nobleProvider, sessionKey, policy: node.rotation, owner: entry },
    });
    const identity = {
      sessionId: result.sessionId,
      peerNodeId: result.peerNodeId,
      sessionKey: exportKey(nobleProvider, sessionKey),
      url,
    };
    this.#entry = entry;
    const session = new STTSession(entry, identity, node.closeTimeoutMs);
    entry.schedule();
    return session;
  }

  /** The WebSocket is of no use any more. */
  #fail(why: string): void {
    const error = sttError('ERR_STT_CONNECTION_LOST', { remote: this.#config.url, why });
    this.#greeting?.fail(error);
    this.#entry?.abandon(error);
    this.#shut();
  }

  #shut(): void {
    if (this.#gone) return;
    this.#gone = true;
    const { socket, onGone } = this.#config;
    socket.onmessage = socket.onclose = null;
    this.#entry?.stop();
    // The WebSocket sends what it holds before its close frame.
    socket.close(NORMAL_CLOSE);
    onGone();
  }
}
