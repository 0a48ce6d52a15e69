import type { Server } from 'node:http';
import type { ServerOptions } from 'node:https';
import { sttError } from '../errors.js';
import { checkOptionNames, integerOption } from '../options.js';
import type { WebSocketListenOptions } from '../transport/websocket-server.js';

/** Where and how a node takes WebSockets in, besides UDP. */
export interface STTWebSocketOptions {
  /** TCP port of a server of the node's own; 0 lets the system choose. */
  readonly port?: number;
  /** Address that it binds. Default: all. */
  readonly host?: string;
  /** Certificate, key and more, as for `https.createServer`: then the URL is `wss:`. */
  readonly tls?: ServerOptions;
  /** An `http` or `https` server that exists, in place of `port`; it stays the caller's to listen and to close. */
  readonly server?: Server;
  /** Path of the URL. Default '/'. */
  readonly path?: string;
  /** Web pages that may connect, as `https://host.example`. Default: all; clients that are no browsers send none and may. */
  readonly allowedOrigins?: readonly string[];
  /** WebSockets at once; beyond, the upgrade is refused with 503. Default 10,000. */
  readonly maxClients?: number;
  /** A connection that has not brought a session in this time is closed. Default 10,000 ms. */
  readonly handshakeTimeoutMs?: number;
  /** A silent peer is pinged after so long and given up after twice as long. Default 30,000 ms. */
  readonly heartbeatMs?: number;
  /** Takes the client's address from the end of X-Forwarded-For: only where a proxy of one's own writes it. Default false. */
  readonly trustProxy?: boolean;
}

/** Options checked and filled in. */
export interface WebSocketConfig extends WebSocketListenOptions {
  readonly heartbeatMs: number;
}

const NAMES: readonly (keyof STTWebSocketOptions)[] = [
  'port',
  'host',
  'tls',
  'server',
  'path',
  'allowedOrigins',
  'maxClients',
  'handshakeTimeoutMs',
  'heartbeatMs',
  'trustProxy',
];

/** @throws STTConfigError `ERR_STT_UNKNOWN_OPTION`, `ERR_STT_OPTION_RANGE` */
export function webSocketConfig(options: STTWebSocketOptions): WebSocketConfig {
  checkOptionNames(options, NAMES);
  const { port, host, tls, server, path = '/', allowedOrigins, trustProxy } = options;
  const integer = (name: keyof STTWebSocketOptions, fallback: number, min: number, max: number): number =>
    integerOption(`webSocket.${name}`, options[name], fallback, min, max);
  if ((port === undefined) === (server === undefined)) {
    throw sttError('ERR_STT_OPTION_RANGE', {
      name: 'webSocket',
      value: port === undefined ? 'without port and server' : 'with port and server',
      expected: 'one of `port` and `server`',
    });
  }
  return {
    port: port === undefined ? undefined : integer('port', 0, 0, 65_535),
    host,
    tls,
    server,
    path,
    allowedOrigins,
    maxClients: integer('maxClients', 10_000, 1, 1_000_000),
    handshakeTimeoutMs: integer('handshakeTimeoutMs', 10_000, 20, 0x7fffffff),
    heartbeatMs: integer('heartbeatMs', 30_000, 20, 0x3fffffff),
    trustProxy: trustProxy === true,
  };
}
