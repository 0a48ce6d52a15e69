import type { PacketSink } from '../../../lib/ports/packet-sink.js';
import type { Session } from '../../../lib/protocol/session.js';

/** Seals and opens the packets of one session in a simulation. */
export interface Carrier extends PacketSink {
  /** Gives the datagrams of one wake-up to the session, as rows. */
  receive(now: number, datagrams: readonly Uint8Array[], session: Session): void;
  /** Hands out what was sealed. */
  flush(send: (datagram: Uint8Array) => void): void;
}
