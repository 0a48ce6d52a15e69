import { EventEmitter } from 'node:events';
import type { AlternativeAddresses } from '../ports/path-host.js';
import type { SessionStats as ProtocolStats } from '../protocol/session-stats.js';
import { addressHost, addressPort, isIPv4Address } from '../wire/address.js';
import {
  SessionControl,
  type CloseOptions,
  type MessageFate,
  type MessageOptions,
  type OpenStreamOptions,
  type SessionEvents as ControlEvents,
} from './session-control.js';
import type { SessionEntry } from './session-entry.js';
import type { StreamManager } from './stream-manager.js';
import type { STTStream } from './stream.js';

export type { MessageFate } from './session-control.js';

/** What an established session is known by. */
export interface SessionIdentity {
  readonly sessionId: Uint8Array;
  readonly peerNodeId: Uint8Array;
  readonly sessionKey: Uint8Array;
  readonly role: 'initiator' | 'responder';
  readonly remoteAddress: RemoteAddress;
}

/** An address of a peer. */
export interface RemoteAddress {
  readonly address: string;
  readonly port: number;
  readonly family: 'IPv4' | 'IPv6';
}

/** The session goes on over another path: the peer's address changed, and the new one was validated (STT §7). */
export interface PathChange {
  /** What carries the session from now on. */
  readonly transport: 'udp' | 'websocket';
  readonly remoteAddress: RemoteAddress;
  readonly previous: RemoteAddress;
}

/** See the fields of the protocol's statistics; all octets and packets are totals since the session opened. */
export interface SessionStats extends ProtocolStats {
  /** What carries the session. */
  readonly transport: 'udp' | 'websocket';
  /** Which implementation seals and opens its packets. */
  readonly backend: 'native' | 'js';
}

/** A stream of a session that ended before the stream did. */
export interface UnfinishedStream {
  readonly streamId: number;
  /** Octets from the begin of the stream that arrived at the other side for certain: where to go on. */
  readonly acknowledgedOctets: number;
  /** Octets written after these, of which it is not known whether they arrived. */
  readonly unacknowledgedOctets: number;
  /** All that this side wrote arrived, with the end of the stream. */
  readonly isSendFinished: boolean;
  /** All that the other side wrote arrived, with the end of the stream. */
  readonly isReceiveFinished: boolean;
}

/** The session will be followed by another one. */
export interface ReconnectAttempt {
  /** 1 for the first. */
  readonly attempt: number;
  /** The wait before it, in milliseconds. */
  readonly delayMs: number;
  /** Why the session ended, or the last attempt failed. */
  readonly cause: Error;
}

/** The session is followed by another one: same peer, fresh keys. Nothing of this one goes on in that one by itself. */
export interface Reconnected {
  readonly session: STTSession;
  /** Streams that were cut off. (Each message in flight was told its fate, 'closed'.) */
  readonly unfinished: readonly UnfinishedStream[];
  readonly attempts: number;
  /** From the end of the one to the begin of the other, in milliseconds. */
  readonly downMs: number;
}

export interface SessionEvents extends ControlEvents<STTStream> {
  /** The session moved to another address of the peer; nothing is to be done about it. */
  path: [change: PathChange];
  /** The peer told where else it can be reached (option `advertise` of its node). */
  alternatives: [addresses: AlternativeAddresses];
  /** After 'close', of a session with the option `reconnect`: an attempt to connect again follows. */
  reconnecting: [attempt: ReconnectAttempt];
  /** The other session is open. It has the option as well, and emits these events in turn. */
  reconnected: [next: Reconnected];
  /** No further attempt is made: their number is reached, the signal aborted, the node stopped, or there is no point. */
  reconnectFailed: [error: Error];
}

/**
 * An authenticated, encrypted session with one peer. Made by `STTNode.connectUdp()` or given by the node's event
 * 'session'.
 */
export class STTSession extends EventEmitter<SessionEvents> {
  readonly #entry: SessionEntry<STTStream>;
  readonly #identity: SessionIdentity;
  readonly #backend: 'native' | 'js';
  readonly #control: SessionControl<STTStream>;
  #remoteAddress: RemoteAddress;
  #alternatives: AlternativeAddresses = {};
  /** @internal Told when this side ends the session, or wants no other one after it. */
  onEndHere: (() => void) | undefined;

  /** @internal */
  constructor(
    entry: SessionEntry<STTStream>,
    identity: SessionIdentity,
    backend: 'native' | 'js',
    closeTimeoutMs: number,
  ) {
    super();
    this.#entry = entry;
    this.#identity = identity;
    this.#remoteAddress = identity.remoteAddress;
    this.#backend = backend;
    this.#control = new SessionControl(
      entry,
      {
        onStream: (stream) => this.emit('stream', stream),
        onMessage: (streamId, data) => this.emit('message', { streamId, data }),
        onPath: (address) => {
          const previous = this.#remoteAddress;
          this.#remoteAddress = remoteAddress(address);
          this.emit('path', { transport: this.transport, remoteAddress: this.#remoteAddress, previous });
        },
        onAlternatives: (addresses) => {
          this.#alternatives = addresses;
          this.emit('alternatives', addresses);
        },
        onEnd: (error) => {
          if (error.code !== 'ERR_STT_CLOSED' && this.listenerCount('error') > 0) this.emit('error', error);
          this.emit('close', error);
        },
      },
      closeTimeoutMs,
    );
  }

  /** The session's streams. */
  get streamManager(): StreamManager<STTStream> {
    return this.#control.streamManager;
  }

  /** Eight random octets, the same on both sides. */
  get sessionId(): Uint8Array {
    return this.#identity.sessionId.slice();
  }

  /** The peer's node id: its static public key, proven by the handshake (32 octets). */
  get peerNodeId(): Uint8Array {
    return this.#identity.peerNodeId.slice();
  }

  /** A key both sides share and nobody else knows, for the application's own use (STT §4); never a key of the wire. A copy. */
  get sessionKey(): Uint8Array {
    return this.#identity.sessionKey.slice();
  }

  /** Which side began the handshake. */
  get role(): 'initiator' | 'responder' {
    return this.#identity.role;
  }

  /** 'open'; 'closing' from `close()` on; 'closed' when nothing passes any more. */
  get state(): 'open' | 'closing' | 'closed' {
    return this.#control.state;
  }

  /** Where the peer is now; see the event 'path'. */
  get remoteAddress(): RemoteAddress {
    return this.#remoteAddress;
  }

  /** Where else the peer says that it can be reached. When nothing comes back any more, its `udp` address is tried. */
  get alternatives(): AlternativeAddresses {
    return this.#alternatives;
  }

  /** What carries the session. */
  get transport(): 'udp' | 'websocket' {
    return this.#entry.transport;
  }

  /** Opens a stream; `priority` is its weight, 1..256 (default 16). Waits while the peer allows no more streams. */
  openStream(options: OpenStreamOptions = {}): Promise<STTStream> {
    return this.#control.openStream(options);
  }

  /** The open streams. */
  streams(): Iterable<STTStream> {
    return this.streamManager;
  }

  /**
   * Sends an unreliable message: delivered once or not at all, boundaries kept, in any order.
   * `streamId` is a tag of the application's, unrelated to streams.
   * @throws STTSessionError `ERR_STT_MESSAGE_TOO_LARGE` with the limit, `ERR_STT_QUEUE_FULL`, `ERR_STT_CLOSED` (as rejections)
   */
  sendMessage(data: Uint8Array, options: MessageOptions = {}): Promise<MessageFate> {
    return this.#control.sendMessage(data, options);
  }

  /**
   * Sends a frame of the application's own type, 0x80-0xFF; unreliable, like a message.
   * @throws STTSessionError `ERR_STT_MESSAGE_TOO_LARGE`, `ERR_STT_QUEUE_FULL`, `ERR_STT_CLOSED`
   */
  sendFrame(type: number, data: Uint8Array): void {
    this.#control.sendFrame(type, data);
  }

  /** Handles frames of one type 0x80-0xFF; `undefined` removes the handler. Frames without a handler are dropped. */
  onFrame(type: number, handler: ((data: Uint8Array) => void) | undefined): void {
    this.#control.onFrame(type, handler);
  }

  /** Round-trip time of one PING and PONG in milliseconds. Rejects if the session ends first. */
  ping(): Promise<number> {
    return this.#control.ping();
  }

  /**
   * Whether the keys are as old, or have sealed as much, as the node's options allow. The session then changes them by
   * itself, so there is no need to ask.
   */
  shouldRotateKeys(): boolean {
    return this.#control.shouldRotateKeys();
  }

  /**
   * Changes the keys of the wire by a fresh exchange of ML-KEM-768 (STT §5), and resolves when both directions use them.
   * Data flows meanwhile. If a rotation is under way, by whichever side, that is the one. Awaited before the first octet
   * is written, it protects all of them also from who recorded the handshake and breaks X25519 one day.
   * @throws STTSessionError `ERR_STT_KEY_EXCHANGE` if ML-KEM cannot be computed here; the reason of its end if the session
   *   ends first (as rejections)
   */
  rotateKeys(): Promise<void> {
    return this.#control.rotateKeys();
  }

  /** How often the keys were changed: the phase of the newest ones, 0 at first. */
  get keyVersion(): number {
    return this.#entry.session.keyVersion;
  }

  getStats(): SessionStats {
    return { ...this.#entry.session.stats(), transport: this.transport, backend: this.#backend };
  }

  /**
   * Ends the session: ends every stream, waits until all that was written is acknowledged, then tells the peer. One that
   * is over already is not followed by another any more (option `reconnect`).
   * @param options `code` 0 (default) or one of the application's, from 256 on; `reason` at most 256 octets of UTF-8;
   *   `timeoutMs` how long delivery may take (default `closeTimeoutMs` of the node, 30 s).
   * @throws STTSessionError `ERR_STT_CLOSE_TIMEOUT` if not everything was acknowledged in time (as a rejection; the session is closed all the same)
   */
  close(options: CloseOptions = {}): Promise<void> {
    this.onEndHere?.();
    return this.#control.close(options);
  }

  /** Ends the session at once: what is not yet acknowledged may be lost. The peer sees an application close, if it hears it. */
  destroy(error?: Error): void {
    this.onEndHere?.();
    this.#control.destroy(error);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @internal Valid until the handlers of 'close' return. */
  unfinishedStreams(): UnfinishedStream[] {
    return Array.from(this.#entry.session.streams(), (stream) => ({
      streamId: stream.id,
      acknowledgedOctets: stream.acknowledgedOctets,
      unacknowledgedOctets: stream.bufferedOctets + stream.unackedOctets,
      isSendFinished: stream.sendClosed,
      isReceiveFinished: stream.receiveClosed,
    }));
  }
}

/** ADDRESS_OCTETS as the application knows an address. */
export function remoteAddress(address: Uint8Array): RemoteAddress {
  return {
    address: addressHost(address),
    port: addressPort(address),
    family: isIPv4Address(address) ? 'IPv4' : 'IPv6',
  };
}
