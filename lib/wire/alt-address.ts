import type { AlternativeAddresses } from '../ports/path-host.js';
import type { SttDict } from './stt-value.js';
import { deserializeStt, serializeStt } from './serialization.js';

/** Octets of an ALT_ADDRESS at most: it has to share a packet of 1,200. */
export const MAX_ALT_ADDRESS_OCTETS = 512;

/** The body of an ALT_ADDRESS frame; undefined if it is too long. */
export function encodeAlternatives(addresses: AlternativeAddresses): Uint8Array | undefined {
  const value: Record<string, string> = {};
  if (addresses.udp !== undefined) value['udp'] = addresses.udp;
  if (addresses.websocket !== undefined) value['websocket'] = addresses.websocket;
  const octets = serializeStt(value);
  return octets.length > MAX_ALT_ADDRESS_OCTETS ? undefined : octets;
}

/** What an ALT_ADDRESS frame says; undefined if it is malformed. Unknown keys are skipped. */
export function parseAlternatives(bytes: Uint8Array, begin: number, end: number): AlternativeAddresses | undefined {
  if (end - begin > MAX_ALT_ADDRESS_OCTETS) return undefined;
  let value: unknown;
  try {
    value = deserializeStt(bytes.subarray(begin, end));
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array)
    return undefined;
  const { udp, websocket } = value as SttDict;
  if ((udp !== undefined && typeof udp !== 'string') || (websocket !== undefined && typeof websocket !== 'string')) {
    return undefined;
  }
  return { ...(udp === undefined ? {} : { udp }), ...(websocket === undefined ? {} : { websocket }) };
}
