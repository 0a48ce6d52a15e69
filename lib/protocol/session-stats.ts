import type { EcnState } from './ecn.js';
import type { MtuReduction, MtuState } from './path-mtu.js';

/** A snapshot of a session. Octets and milliseconds. Totals run since the session began. */
export interface SessionStats {
  state: 'open' | 'closing' | 'draining' | 'closed';
  /** Idle time after which the session ends (the smaller of both sides' non-zero values), 0 = never. */
  idleTimeoutMs: number;
  /** Smoothed round-trip time, without the peer's ACK delay. */
  rttMs: number;
  /** Mean deviation of the round-trip time. */
  rttVarMs: number;
  /** Smallest round-trip time seen. */
  minRttMs: number;
  latestRttMs: number;
  /** Octets; `Number.MAX_SAFE_INTEGER` over WebSocket, where TCP controls congestion. */
  congestionWindow: number;
  bytesInFlight: number;
  /** Probe timeouts in a row, 0 while the peer answers. */
  ptoCount: number;
  /** UDP payload of full packets now: the path MTU found so far, without the headers of IP and UDP. */
  packetSize: number;
  /** `fixed` over WebSocket; else where the search for a larger size is: see `MtuState`. */
  packetSizeState: MtuState | 'fixed';
  /** Largest size that is tried on this path. */
  packetSizeLimit: number;
  /** Times the size was reduced, and why the last time. */
  packetSizeReductions: number;
  packetSizeReduction: MtuReduction;
  /** Packets sent to try a size, and those of them that were lost (no others count them as lost). */
  mtuProbesSent: number;
  mtuProbesLost: number;
  /** Whether packets are marked for ECN on this path: see `EcnState`. */
  ecn: EcnState;
  /** Packets that routers marked with Congestion Experienced, as the peer reported. */
  ceMarks: number;
  /** Times the session moved to another path. */
  pathChanges: number;
  packetsSent: number;
  packetsReceived: number;
  /** Phase of the newest keys: 0 at first, one more with each key rotation. */
  keyVersion: number;
  /** Key rotations that came to an end, begun by this side and by the peer. */
  keyRotationsBegun: number;
  keyRotationsAnswered: number;
  /** Packets sealed under the key in use. */
  packetsUnderKey: number;
  /** Packets declared lost (a late ACK does not take one back). */
  packetsLost: number;
  /** UDP payload sent, headers and tags included. */
  octetsSent: number;
  /** Octets of frames received (headers and tags of packets not counted). */
  octetsReceived: number;
  /** Stream octets sent for the first time. */
  streamOctetsSent: number;
  /** Stream octets sent again. */
  streamOctetsRetransmitted: number;
  /** Stream octets given to the application. */
  streamOctetsReceived: number;
  messagesSent: number;
  messagesReceived: number;
  messagesLost: number;
  /** Streams open now, and opened by either side so far. */
  streamsOpen: number;
  streamsOpenedLocally: number;
  streamsOpenedByPeer: number;
  /** Streams that the peer lets this side open now. */
  streamsAvailable: number;
  /** What the peer may still send on the session before it needs new credit, and the window it is given. */
  receiveCredit: number;
  receiveWindow: number;
  /** What this side may still send on the session before it needs new credit. */
  sendCredit: number;
  /** Octets held for reassembly. */
  reassemblyOctets: number;
}
