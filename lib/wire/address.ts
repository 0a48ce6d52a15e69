import { ADDRESS_OCTETS } from '../ports/packet-engine.js';

/*
 * An address inside STT is 22 octets, whatever the family (an IPv4 address is IPv4-mapped):
 *
 *   0                16      18         22
 *   | IPv6 address   | port  | scope id |     all big-endian
 *
 * Own parser and printer, since browsers have no node:net.
 */

const PORT = 16;
const SCOPE = 18;
const MAX_PORT = 0xffff;
/** Beyond are the numbers of connections, see `connectionAddress`; no system numbers its interfaces so high. */
const MAX_SCOPE = 0x7fffffff;
const CONNECTION_MARK = 0x80;
const GROUPS = 8;
/** First octet of the IPv4 address in an IPv4-mapped one (RFC 4291 §2.5.5.2). */
const MAPPED = 12;
/** Longest zone name worth looking at; IFNAMSIZ is 16, Windows adapters are numbers. */
const MAX_ZONE = 64;
/** '0000:0000:0000:0000:0000:ffff:255.255.255.255' */
const MAX_HOST = 45;

/** Turns a zone (what follows '%') into a scope id; 0 means that there is none such. */
export type ZoneResolver = (zone: string) => number;

/**
 * What a connection outside the packet engine, a WebSocket, is to it: an address like any other, with the number of the
 * connection (below 2^31) and a mark where a UDP address has its scope.
 */
export function connectionAddress(host: string, port: number, number: number): Uint8Array<ArrayBuffer> {
  const address = new Uint8Array(ADDRESS_OCTETS);
  writeAddress(address, 0, host.split('%', 1)[0]!, port);
  new DataView(address.buffer).setUint32(SCOPE, number);
  address[SCOPE]! |= CONNECTION_MARK;
  return address;
}

/** What of a connection's address tells it from others. */
export function connectionNumber(address: Uint8Array): number {
  return addressScope(address) & MAX_SCOPE;
}

/** True for the address of a connection. */
export function isConnection(address: Uint8Array): boolean {
  return (address[SCOPE]! & CONNECTION_MARK) !== 0;
}

/** Zones that are numbers. Names need the operating system's list of interfaces. */
export function numericZone(zone: string): number {
  if (!/^[0-9]{1,10}$/.test(zone)) return 0;
  const scope = Number(zone);
  return scope <= MAX_SCOPE ? scope : 0;
}

/**
 * The 22 octets of an IP address in text and a port.
 *
 * @param host - IPv4 in dotted decimal, or IPv6 as of RFC 4291 with an optional zone ('fe80::1%2'). No names, no brackets.
 * @param port - 0..65,535.
 * @returns `undefined` if the host is no IP address, its zone is unknown, or the port is none.
 */
export function encodeAddress(
  host: string,
  port: number,
  zoneOf: ZoneResolver = numericZone,
): Uint8Array<ArrayBuffer> | undefined {
  const out = new Uint8Array(ADDRESS_OCTETS);
  return writeAddress(out, 0, host, port, zoneOf) ? out : undefined;
}

/** Like `encodeAddress`, into `out` from `at`. False if it is no address; `out` may hold anything then. */
export function writeAddress(
  out: Uint8Array,
  at: number,
  host: string,
  port: number,
  zoneOf: ZoneResolver = numericZone,
): boolean {
  if (!Number.isInteger(port) || port < 0 || port > MAX_PORT) return false;
  const percent = host.indexOf('%');
  let scope = 0;
  if (percent >= 0) {
    const zone = host.slice(percent + 1);
    if (zone.length === 0 || zone.length > MAX_ZONE) return false;
    scope = zoneOf(zone);
    if (scope === 0) return false;
    host = host.slice(0, percent);
  }
  if (host.length > MAX_HOST) return false;
  out.fill(0, at, at + ADDRESS_OCTETS);
  if (host.includes(':')) {
    if (!writeIPv6(out, at, host)) return false;
  } else {
    if (scope !== 0 || !writeIPv4(out, at + MAPPED, host)) return false;
    out[at + 10] = out[at + 11] = 0xff;
  }
  out[at + PORT] = port >>> 8;
  out[at + PORT + 1] = port;
  out[at + SCOPE] = scope >>> 24;
  out[at + SCOPE + 1] = scope >>> 16;
  out[at + SCOPE + 2] = scope >>> 8;
  out[at + SCOPE + 3] = scope;
  return true;
}

/** True if the 22 octets at `at` hold an IPv4 address. */
export function isIPv4Address(address: Uint8Array, at = 0): boolean {
  for (let i = 0; i < 10; i++) if (address[at + i] !== 0) return false;
  return address[at + 10] === 0xff && address[at + 11] === 0xff;
}

/** True for an address of this host: 127.0.0.0/8, also IPv4-mapped, or ::1. */
export function isLoopback(address: Uint8Array): boolean {
  if (isIPv4Address(address)) return address[MAPPED] === 127;
  for (let i = 0; i < PORT - 1; i++) if (address[i] !== 0) return false;
  return address[PORT - 1] === 1;
}

/** Port of the 22 octets at `at`. */
export function addressPort(address: Uint8Array, at = 0): number {
  return (address[at + PORT]! << 8) | address[at + PORT + 1]!;
}

/** Scope id of the 22 octets at `at`, 0 if it has none. */
export function addressScope(address: Uint8Array, at = 0): number {
  const scope = address[at + SCOPE]! * 0x1000000;
  return scope + ((address[at + SCOPE + 1]! << 16) | (address[at + SCOPE + 2]! << 8) | address[at + SCOPE + 3]!);
}

/**
 * Text of the IP address at `at`: dotted decimal for IPv4, RFC 5952 for IPv6.
 *
 * @param zone - what to put behind '%' where there is a scope id; its number by default.
 */
export function addressHost(address: Uint8Array, at = 0, zone?: string): string {
  if (isIPv4Address(address, at)) {
    return `${address[at + 12]}.${address[at + 13]}.${address[at + 14]}.${address[at + 15]}`;
  }
  const scope = addressScope(address, at);
  const text = ipv6Text(address, at);
  return scope === 0 || scope > MAX_SCOPE ? text : `${text}%${zone ?? scope}`;
}

/** '192.0.2.1:4000' or '[2001:db8::1]:4000'. */
export function formatAddress(address: Uint8Array, at = 0): string {
  const host = addressHost(address, at);
  return host.includes(':') ? `[${host}]:${addressPort(address, at)}` : `${host}:${addressPort(address, at)}`;
}

/** True if the 22 octets at `at` of `a` and at `bt` of `b` are the same address. */
export function sameAddress(a: Uint8Array, at: number, b: Uint8Array, bt: number): boolean {
  for (let i = 0; i < ADDRESS_OCTETS; i++) if (a[at + i] !== b[bt + i]) return false;
  return true;
}

/** True if two addresses differ in the port at most. */
export function sameHost(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < ADDRESS_OCTETS; i++) if (a[i] !== b[i] && i !== PORT && i !== PORT + 1) return false;
  return true;
}

/** The octets of what `formatAddress` writes: an IP address with a port; undefined if it is none. */
export function parseEndpoint(text: string): Uint8Array | undefined {
  const [, six, four, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{1,5})$/.exec(text) ?? [];
  const host = six ?? four;
  const number = Number(port);
  return host === undefined || number < 1 || number > 65_535 ? undefined : encodeAddress(host, number);
}

function writeIPv4(out: Uint8Array, at: number, text: string): boolean {
  const parts = text.split('.');
  if (parts.length !== 4) return false;
  for (let i = 0; i < 4; i++) {
    const part = parts[i]!;
    // No leading zeros: some readers take them for octal.
    if (!/^(?:0|[1-9][0-9]{0,2})$/.test(part)) return false;
    const value = Number(part);
    if (value > 255) return false;
    out[at + i] = value;
  }
  return true;
}

function writeIPv6(out: Uint8Array, at: number, text: string): boolean {
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const head = halves[0] === '' ? [] : halves[0]!.split(':');
  const tail = halves.length === 1 || halves[1] === '' ? [] : halves[1]!.split(':');
  if (halves.length === 1 && text === '') return false;
  const last = tail.length > 0 ? tail : head;
  const embedded = last.length > 0 && last[last.length - 1]!.includes('.');
  // An embedded IPv4 address ends the text, so it cannot stand before '::'.
  if (embedded && halves.length === 2 && tail.length === 0) return false;
  const given = head.length + tail.length + (embedded ? 1 : 0);
  // '::' stands for at least one group of zeros.
  if (halves.length === 2 ? given >= GROUPS : given !== GROUPS) return false;
  const tailGroups = tail.length + (embedded && tail.length > 0 ? 1 : 0);
  return writeGroups(out, at, head) && writeGroups(out, at + 2 * (GROUPS - tailGroups), tail);
}

function writeGroups(out: Uint8Array, at: number, groups: readonly string[]): boolean {
  for (let i = 0; i < groups.length; i++) {
    const group = groups[i]!;
    if (i === groups.length - 1 && group.includes('.')) return writeIPv4(out, at + 2 * i, group);
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return false;
    const value = Number.parseInt(group, 16);
    out[at + 2 * i] = value >>> 8;
    out[at + 2 * i + 1] = value;
  }
  return true;
}

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as '::'. */
function ipv6Text(address: Uint8Array, at: number): string {
  let bestAt = -1;
  let bestLength = 1;
  for (let i = 0; i < GROUPS;) {
    let end = i;
    while (end < GROUPS && address[at + 2 * end] === 0 && address[at + 2 * end + 1] === 0) end++;
    if (end - i > bestLength) {
      bestAt = i;
      bestLength = end - i;
    }
    i = end + 1;
  }
  let text = '';
  for (let i = 0; i < GROUPS; i++) {
    if (i === bestAt) {
      text += '::';
      i += bestLength - 1;
      continue;
    }
    if (text !== '' && !text.endsWith(':')) text += ':';
    text += ((address[at + 2 * i]! << 8) | address[at + 2 * i + 1]!).toString(16);
  }
  return text;
}
