import { CliFailure } from './failure.js';
import { ExitCode } from './exit-codes.js';

/** Where `stt recv` listens unless told otherwise; not assigned to anybody. */
export const DEFAULT_PORT = 47_800;

/** A place to listen; without host on all addresses. */
export interface ListenAddress {
  readonly host: string | undefined;
  readonly port: number;
}

/** Where to connect to: over UDP, or over WebSocket. */
export type Destination = { readonly host: string; readonly port: number } | { readonly url: string };

/** Reads `HOST:PORT`, `[IPV6]:PORT` or the URL of a WebSocket. */
export function parseDestination(text: string): Destination {
  if (/^wss?:\/\//i.test(text)) return { url: text };
  const { host, port } = split(text);
  if (host === undefined || host === '' || port === undefined || port === 0) {
    throw usage(
      `"${text}" is no destination. Give HOST:PORT, such as 192.0.2.1:${DEFAULT_PORT} or [2001:db8::1]:${DEFAULT_PORT}, or a ws: or wss: URL.`,
    );
  }
  return { host, port };
}

/** Reads `PORT`, `HOST`, `HOST:PORT`, `:PORT`, `[IPV6]`, `[IPV6]:PORT`. */
export function parseListenAddress(text: string): ListenAddress {
  if (/^\d+$/.test(text)) return { host: undefined, port: portOf(text) ?? bad(text) };
  const { host, port } = split(text);
  return { host: host === '' ? undefined : (host ?? bad(text)), port: port ?? DEFAULT_PORT };
}

/** An address as it is written before a port. */
export function formatEndpoint({ address, port }: { readonly address: string; readonly port: number }): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function split(text: string): { host: string | undefined; port: number | undefined } {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text);
  const plain = /^([^:[\]]*)(?::(\d+))?$/.exec(text);
  const match = bracketed ?? plain;
  if (match === null) {
    if (text.split(':').length > 2)
      throw usage(`"${text}": put an IPv6 address into brackets, such as [${text}]:${DEFAULT_PORT}.`);
    return bad(text);
  }
  const port = match[2] === undefined ? undefined : portOf(match[2]);
  if (match[2] !== undefined && port === undefined) throw usage(`"${match[2]}" is no port. Ports are 1 to 65535.`);
  return { host: match[1], port };
}

function portOf(text: string): number | undefined {
  const port = Number(text);
  return Number.isInteger(port) && port >= 0 && port <= 65_535 ? port : undefined;
}

function bad(text: string): never {
  throw usage(`"${text}" is no address. Give HOST:PORT, a PORT, or [IPV6]:PORT.`);
}

function usage(message: string): CliFailure {
  return new CliFailure(ExitCode.USAGE, 'ERR_STT_USAGE', message);
}
