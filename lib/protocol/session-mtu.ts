import type { PacketSink } from '../ports/packet-sink.js';
import type { PathHost } from '../ports/path-host.js';
import type { BlackHoleDetector } from './black-hole.js';
import type { FrameLog } from './frame-log.js';
import type { SessionStats } from './session-stats.js';

/** What the packet size of a session has to do with the rest of it; `SessionParts` is one. */
export interface MtuParts {
  readonly outbox: {
    /** Octets of a full packet. */
    packetSize: number;
    readonly octetsSent: number;
    /** Number of the next packet. */
    readonly nextNumber: number;
    packet(now: number, sink: PacketSink, frames: Uint8Array, length: number, log: FrameLog): boolean;
  };
  readonly recovery: {
    readonly ptoCount: number;
    readonly congestionWindow: number;
    onPacketSize(size: number): void;
  };
  /** Full packets are smaller than before. */
  onSmallerPackets(): void;
}

/** What `SessionStats` tells of it. */
export type MtuStats = Pick<
  SessionStats,
  | 'packetSize'
  | 'packetSizeState'
  | 'packetSizeLimit'
  | 'packetSizeReductions'
  | 'packetSizeReduction'
  | 'mtuProbesSent'
  | 'mtuProbesLost'
>;

/** The size of full packets, and how it is found (STT §7). */
export interface SessionMtu {
  /** Told of sizes that arrive and get lost; undefined: nobody wants to know. */
  readonly detector: BlackHoleDetector | undefined;
  readonly stats: MtuStats;
  /** The session goes over another path: packets of `initial` octets get through there. */
  onPath(initial: number, path: number): void;
  /** Takes over another size if it is time for one, and sends a probe if one is due. False if the sink is full. */
  poll(now: number, sink: PacketSink): boolean;
  onProbeFate(id: number, isAcked: boolean): void;
  /** Nothing comes back on the path, by two probe timeouts. */
  onSilence(now: number): void;
  /** The operating system refused to send a datagram of so many octets there. */
  onRefused(now: number, octets: number): void;
}

/** How large packets may be; `SessionConfig` has it. */
export interface MtuBounds {
  /** Absent: every path carries the largest datagrams, as far as one knows. */
  readonly pathHost?: Pick<PathHost, 'isConnection' | 'probeLimit'>;
  readonly initialPacketSize: number;
  readonly maxPacketSize: number;
}

export type MtuFactory = (parts: MtuParts, bounds: MtuBounds) => SessionMtu;

function nothing(): void {}

/** For sessions whose packet size is that of their path's profile, as in browsers. */
export const fixedMtu: MtuFactory = (parts): SessionMtu => ({
  detector: undefined,
  get stats(): MtuStats {
    const { packetSize } = parts.outbox;
    return {
      packetSize,
      packetSizeState: 'fixed',
      packetSizeLimit: packetSize,
      packetSizeReductions: 0,
      packetSizeReduction: 'none',
      mtuProbesSent: 0,
      mtuProbesLost: 0,
    };
  },
  onPath: nothing,
  poll: () => true,
  onProbeFate: nothing,
  onSilence: nothing,
  onRefused: nothing,
});
