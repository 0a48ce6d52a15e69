import type { CongestionAlgorithm } from './congestion/controller.js';
import type { Suite } from '../ports/crypto.js';
import type { PathHost } from '../ports/path-host.js';
import type { Random } from '../ports/random.js';
import type { SessionObserver } from '../ports/session-observer.js';
import type { TransportParams } from '../wire/handshake-messages.js';
import type { Announcement } from './sent-frame.js';
import type { PathProfile } from './path-profile.js';
import type { RotationConfig } from './rotation-config.js';
import type { MtuFactory } from './session-mtu.js';
import type { SendingFactory } from './sending.js';
import type { PathsFactory } from './session-paths.js';

/** Every bound of a session. All of them are numbers; octets and milliseconds unless the name says otherwise. */
export interface SessionLimits {
  /** Cap of a stream's receive window, which starts at `initial_max_stream_data` and grows with the bandwidth-delay product (STT §6). */
  readonly maxStreamWindow: number;
  /** The same for the whole session. */
  readonly maxSessionWindow: number;
  /** Received ranges that wait for a gap before them, all streams together; more: FLOW_CONTROL. */
  readonly maxReassemblyGaps: number;
  /** Unsent octets of a stream from which on `write` returns false. */
  readonly sendHighWater: number;
  /** Unsent octets of a stream from which on `write` throws ERR_STT_STREAM_BUFFER_FULL: for writers who ignore `false`. */
  readonly sendBufferLimit: number;
  /**
   * Octets that were sent and are kept, all streams together, counted from the first one of each stream that is not
   * acknowledged; while there are more, streams send nothing new.
   */
  readonly maxUnreleased: number;
  /** Octets of messages and user frames that may wait to be sent; more: ERR_STT_QUEUE_FULL. */
  readonly sendQueueOctets: number;
  /** Streams the peer may end by reset at once, before credit for new ones is given only at `resetsPerSecond`. */
  readonly resetBurst: number;
  /** Rate at which that burst comes back. */
  readonly resetsPerSecond: number;
  /** PATH_RESPONSEs that wait to be sent; further challenges are not answered. */
  readonly maxPathResponses: number;
  /** PONGs that wait to be sent; further PINGs are acknowledged only. */
  readonly maxPongs: number;
  /** Own PINGs whose PONG is awaited; the oldest is forgotten. */
  readonly maxPings: number;
  /** Packets sealed under one key, if that is fewer than the AEAD allows (STT §5). */
  readonly maxSealedPackets: number;
}

/** The defaults, each with its reason. */
export const DEFAULT_SESSION_LIMITS: SessionLimits = {
  // 16 MiB carry 1.3 Gbit/s over 100 ms; two such streams fill the session.
  maxStreamWindow: 16 * 1024 * 1024,
  maxSessionWindow: 32 * 1024 * 1024,
  // 32 MiB in flight at 1,200 octets and 50 % loss make some 7,000; at 16 octets each this costs at most 256 KiB.
  maxReassemblyGaps: 16_384,
  // Eight blocks of 64 KiB: 0.7 ms at 6 Gbit/s, more than one turn of an event loop needs.
  sendHighWater: 512 * 1024,
  sendBufferLimit: 64 * 1024 * 1024,
  // Twice the largest window of a session. What lies behind a lost packet is kept until that one arrives: so a peer that
  // acknowledges all but the first octet would have everything kept.
  maxUnreleased: 64 * 1024 * 1024,
  sendQueueOctets: 4 * 1024 * 1024,
  resetBurst: 1_000,
  resetsPerSecond: 200,
  maxPathResponses: 4,
  // All that a peer of the same limits may await at once, and those that only probe.
  maxPongs: 128,
  maxPings: 64,
  maxSealedPackets: Number.MAX_SAFE_INTEGER,
};

export interface SessionConfig {
  readonly role: 'initiator' | 'responder';
  /** Monotonic milliseconds. */
  readonly now: number;
  readonly localParams: TransportParams;
  readonly peerParams: TransportParams;
  readonly suite: Suite;
  /** UDP payload of full packets at first: 1,200 unless the user knows better (STT §7). */
  readonly initialPacketSize: number;
  /** Largest one that is searched for; absent, or no more than the first: no search. */
  readonly maxPacketSize?: number;
  /** Default: the packet size is never changed. */
  readonly mtu?: MtuFactory;
  /** Absent: nobody controls it here. */
  readonly congestion?: CongestionAlgorithm;
  /** The sink marks packets (`PacketSink.mark`): ECN is used where a path carries it. Default false. */
  readonly ecn?: boolean;
  /** Both for paths that are connections; absent: the same. */
  readonly connection?: PathProfile;
  /** What becomes of packets on their way, and what is done about it. */
  readonly sending: SendingFactory;
  /** RTT of the handshake, if its HELLO was sent once: the first sample. */
  readonly handshakeRttMs?: number;
  /** The path the session begins on, 0 if absent. */
  readonly path?: number;
  /** Default: the session stays on the path it began on. */
  readonly paths?: PathsFactory;
  /** Who knows of addresses, for `paths`. */
  readonly pathHost?: PathHost;
  readonly random: Random;
  readonly observer: SessionObserver;
  readonly limits: SessionLimits;
  /** Sends a PING when nothing came in for so long; 0 or absent: none. */
  readonly keepAliveMs?: number;
  /** Without it the keys are never changed, and the session closes with CRYPTO when they are used up. */
  readonly rotation?: RotationConfig;
  /** What is told to the peer at first: see `lib/protocol/announcements.ts`. */
  readonly announcements?: readonly Announcement[];
}
