import { NODE_ID_OCTETS } from '../constants.js';
import { checkOptionNames, integerOption } from '../options.js';
import type { WebSocketTls } from '../transport/websocket-client.js';
import type { DialOptions } from './dials.js';
import { reconnectConfig, type ReconnectOptions } from './reconnect-options.js';

export interface ConnectOptions {
  /** Aborts the attempt; the promise rejects with its reason. With `reconnect`, also ends later attempts. */
  readonly signal?: AbortSignal;
  /** When to give up, in milliseconds, default 10,000; with `reconnect`, each attempt has as long. */
  readonly timeoutMs?: number;
  /** The only peer that will do: its node id (32 octets). Without it, any holder of the shared seed may answer. */
  readonly peerNodeId?: Uint8Array;
  /**
   * Connects again, to the same peer, when the session breaks: the session that is over emits 'reconnecting' before each
   * attempt, then 'reconnected' with the new session and what was left unfinished, or 'reconnectFailed'. Default false.
   */
  readonly reconnect?: boolean | ReconnectOptions;
}

export interface WebSocketConnectOptions extends ConnectOptions {
  /** Of a `wss:` URL: own certificate authorities and the like, as for `tls.connect`. */
  readonly tls?: WebSocketTls;
}

export const CONNECT_OPTIONS: readonly string[] = ['signal', 'timeoutMs', 'peerNodeId', 'reconnect'];
export const WEBSOCKET_CONNECT_OPTIONS: readonly string[] = [...CONNECT_OPTIONS, 'tls'];

/** Options of a connect checked and filled in. @throws STTConfigError `ERR_STT_UNKNOWN_OPTION`, `ERR_STT_OPTION_RANGE` */
export function dialOptions(options: ConnectOptions, names: readonly string[]): DialOptions {
  checkOptionNames(options, names);
  const timeoutMs = integerOption('timeoutMs', options.timeoutMs, 10_000, 1, 0x7fffffff);
  const { signal, peerNodeId, reconnect } = options;
  reconnectConfig(reconnect);
  if (peerNodeId !== undefined && peerNodeId.length !== NODE_ID_OCTETS) {
    integerOption('peerNodeId.length', peerNodeId.length, 0, NODE_ID_OCTETS, NODE_ID_OCTETS);
  }
  return { signal, timeoutMs, peerNodeId };
}
