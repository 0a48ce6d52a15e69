/** Where the pure-JS packet engine puts whole datagrams: a `dgram` socket, a simulated network, a test. */
export interface DatagramOutput {
  /**
   * Takes one datagram: octets `begin..end` of `bytes` to `address` (ADDRESS_OCTETS; one path always gives the same array),
   * with the two ECN bits of its IP header, of which only who `canMark` takes notice.
   * True if the output is done with the octets. False if it still reads them: they stay as they are until it
   * says `engine.released(1)`, in the order of sending. An output always answers the same.
   */
  send(address: Uint8Array, bytes: Uint8Array, begin: number, end: number, ecn: number): boolean;
  readonly canMark: boolean;
  /** Octets the operating system buffers on receiving and sending, 0 if unknown. */
  readonly receiveBufferOctets: number;
  readonly sendBufferOctets: number;
  /** Sends what it took, then lets its resources go. */
  close(): Promise<void>;
}
