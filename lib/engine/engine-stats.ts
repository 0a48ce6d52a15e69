import type { PacketEngineStats } from '../ports/packet-engine.js';

/** Nothing happened yet. */
export function emptyStats(): PacketEngineStats {
  return {
    datagramsReceived: 0,
    octetsReceived: 0,
    datagramsSent: 0,
    octetsSent: 0,
    packetsOpened: 0,
    handshakesReceived: 0,
    droppedMalformed: 0,
    droppedStrangers: 0,
    droppedUnproven: 0,
    droppedUnknownSession: 0,
    droppedReplays: 0,
    droppedForgeries: 0,
    resetsReceived: 0,
    droppedNoKey: 0,
    sendErrors: 0,
    sendBlocked: 0,
    receiveCalls: 0,
    sendCalls: 0,
    gso: false,
    gro: false,
    ecn: false,
    dontFragment: false,
    receiveBufferOctets: 0,
    sendBufferOctets: 0,
    sessions: 0,
    paths: 0,
    expectedHandshakes: 0,
    busyPolls: 0,
    busyPollHits: 0,
  };
}
