import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { sttError } from '../errors.js';
import type { RemoteAddress } from '../ports/remote-address.js';
import { encodeAddress, numericZone } from '../wire/address.js';

/**
 * Resolves a host name or address for a socket of a family.
 * @throws the resolver's own error (ENOTFOUND, ...); STTTransportError `ERR_STT_ADDRESS` if the socket cannot reach that family
 */
export async function resolveRemote(host: string, port: number, socket: 'IPv4' | 'IPv6'): Promise<RemoteAddress> {
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  const literal = isIP(bare.split('%')[0]!) !== 0;
  // A dual-stack socket reaches both families; an IPv4 one only its own.
  const { address } = literal ? { address: bare } : await lookup(bare, socket === 'IPv4' ? { family: 4 } : {});
  const family = address.includes(':') ? 'IPv6' : 'IPv4';
  const remote = `${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  if (family === 'IPv6' && socket === 'IPv4') {
    throw sttError('ERR_STT_ADDRESS', {
      remote,
      why: 'this node is bound to an IPv4 address; bind it to `::` instead',
    });
  }
  const octets = encodeAddress(address, port, zoneOf);
  if (octets === undefined) throw sttError('ERR_STT_ADDRESS', { remote, why: 'it is no IP address with a port' });
  return { address, port, family, octets, label: literal ? remote : `${host}:${port} (${address})` };
}

/** A scope id of an interface name or number. */
function zoneOf(zone: string): number {
  for (const addresses of Object.entries(networkInterfaces())) {
    if (addresses[0] !== zone) continue;
    for (const address of addresses[1] ?? []) if (address.family === 'IPv6') return address.scopeid;
  }
  return numericZone(zone);
}
