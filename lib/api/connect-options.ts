import { NODE_ID_OCTETS } from '../constants.js';
import { checkOptionNames, integerOption } from '../options.js';
import type { WebSocketTls } from '../transport/websocket-client.js';
import type { DialOptions } from './dials.js';

export interface ConnectOptions {
  /** Aborts the attempt; the promise rejects with its reason. */
  readonly signal?: AbortSignal;
  /** When to give up, default 10,000. */
  readonly timeoutMs?: number;
  /** The only peer that will do: its node id (32 octets). Without it, any holder of the shared seed may answer. */
  readonly peerNodeId?: Uint8Array;
}

export interface WebSocketConnectOptions extends ConnectOptions {
  /** Of a `wss:` URL: own certificate authorities and the like, as for `tls.connect`. */
  readonly tls?: WebSocketTls;
}

export const CONNECT_OPTIONS: readonly string[] = ['signal', 'timeoutMs', 'peerNodeId'];
export const WEBSOCKET_CONNECT_OPTIONS: readonly string[] = [...CONNECT_OPTIONS, 'tls'];

/** Options of a connect checked and filled in. @throws STTConfigError `ERR_STT_UNKNOWN_OPTION`, `ERR_STT_OPTION_RANGE` */
export function dialOptions(options: ConnectOptions, names: readonly string[]): DialOptions {
  checkOptionNames(options, names);
  const timeoutMs = integerOption('timeoutMs', options.timeoutMs, 10_000, 1, 0x7fffffff);
  const { signal, peerNodeId } = options;
  if (peerNodeId !== undefined && peerNodeId.length !== NODE_ID_OCTETS) {
    integerOption('peerNodeId.length', peerNodeId.length, 0, NODE_ID_OCTETS, NODE_ID_OCTETS);
  }
  return { signal, timeoutMs, peerNodeId };
}
