import { sttError } from '../errors.js';
import { checkOptionNames, integerOption } from '../options.js';

/** Where a node can be reached; at least one of both. */
export interface ConnectTarget {
  readonly udp?: { readonly host: string; readonly port: number };
  /** URL, `ws://host:port/path` or `wss:`. */
  readonly webSocket?: string;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'ws:': 80, 'wss:': 443 };

/**
 * Both addresses of a target. `HOST:PORT` is that UDP port and the TCP port of the same number; the URL of a WebSocket
 * is that WebSocket and the UDP port of the same host and number.
 * @throws STTTransportError `ERR_STT_ADDRESS`; STTConfigError `ERR_STT_UNKNOWN_OPTION`, `ERR_STT_OPTION_RANGE`
 */
export function parseTarget(target: string | ConnectTarget): ConnectTarget {
  if (typeof target === 'string') return /^wss?:\/\//i.test(target) ? ofUrl(target) : ofEndpoint(target);
  checkOptionNames(target, ['udp', 'webSocket']);
  const { udp, webSocket } = target;
  if (udp === undefined && webSocket === undefined) {
    throw sttError('ERR_STT_ADDRESS', { remote: '{}', why: 'neither `udp` nor `webSocket` is given' });
  }
  if (udp !== undefined) {
    checkOptionNames(udp, ['host', 'port']);
    integerOption('udp.port', (udp.port as number | undefined) ?? 0, 0, 1, 65_535);
    if (typeof udp.host !== 'string' || udp.host === '') {
      throw sttError('ERR_STT_ADDRESS', { remote: `UDP port ${udp.port}`, why: '`udp.host` is missing' });
    }
  }
  return target;
}

/** What a target is called in messages. */
export function targetLabel({ udp, webSocket }: ConnectTarget): string {
  if (udp === undefined) return webSocket!;
  const host = udp.host.includes(':') && !udp.host.startsWith('[') ? `[${udp.host}]` : udp.host;
  return `${host}:${udp.port}`;
}

function ofUrl(text: string): ConnectTarget {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === '') {
    throw sttError('ERR_STT_ADDRESS', { remote: text, why: 'it is no URL of a WebSocket' });
  }
  const port = url.port === '' ? DEFAULT_PORTS[url.protocol]! : Number(url.port);
  return { udp: { host: url.hostname, port }, webSocket: text };
}

function ofEndpoint(text: string): ConnectTarget {
  const match = /^(\[[^\]]+\]|[^:[\]/?#@\s]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port < 1 || port > 65_535) {
    const why = 'it is neither HOST:PORT, with an IPv6 address in brackets, nor the URL of a WebSocket';
    throw sttError('ERR_STT_ADDRESS', { remote: text, why });
  }
  const host = match[1]!;
  // The scope of a link-local address has no place in a URL.
  return host.includes('%') ? { udp: { host, port } } : { udp: { host, port }, webSocket: `ws://${host}:${port}/` };
}
