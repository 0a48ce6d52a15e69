import { isConnection } from '../wire/address.js';

/** The WebSockets of a node, to the sessions on them: an address (ADDRESS_OCTETS) names each, as `isConnection` tells. */
export interface Connections {
  send(address: Uint8Array, datagram: Uint8Array): void;
  /** Nothing more is to be sealed for this one now. */
  isFull(address: Uint8Array): boolean;
  /** A session uses it from now on; `onLost` is called when it breaks. False if it is gone already. */
  bind(address: Uint8Array, onLost: (why: string) => void): boolean;
  /** The session does not use it any more: with the last one it is closed. */
  unbind(address: Uint8Array, onLost: (why: string) => void): void;
}

/** What a remote address is reached by. */
export function transportOf(address: Uint8Array): 'udp' | 'websocket' {
  return isConnection(address) ? 'websocket' : 'udp';
}
