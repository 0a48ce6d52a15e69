/** A remote address as text and as the octets that a packet engine knows. */
export interface RemoteAddress {
  readonly address: string;
  readonly port: number;
  readonly family: 'IPv4' | 'IPv6';
  readonly octets: Uint8Array;
  /** 'host:port' for messages to people. */
  readonly label: string;
}
