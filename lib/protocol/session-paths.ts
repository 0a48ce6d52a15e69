import type { PacketSink } from '../ports/packet-sink.js';
import type { PathHost } from '../ports/path-host.js';
import type { Random } from '../ports/random.js';
import type { FrameLog } from './frame-log.js';
import type { PathProfile } from './path-profile.js';
import type { Recovery } from './sending.js';
import type { SessionMtu } from './session-mtu.js';

/** What the path of a session has to do with the rest of it; `SessionParts` is one. */
export interface PathParts {
  readonly outbox: {
    path: number;
    /** Octets of a full packet. */
    packetSize: number;
    packet(now: number, sink: PacketSink, frames: Uint8Array, length: number, log: FrameLog, path?: number): boolean;
  };
  readonly recovery: Pick<Recovery, 'pto' | 'onPathChanged' | 'onPacketSize'>;
  readonly mtu: Pick<SessionMtu, 'onPath'>;
  readonly acks: { repeat(): void };
  readonly control: { wantPing: boolean };
  /** What packets on a path are like at first. */
  profileOf(path: number): PathProfile;
  /** Full packets are smaller than before. */
  onSmallerPackets(): void;
}

/** Where a session sends, and what it knows of other paths (STT §7). */
export interface SessionPaths {
  /** The path in use. */
  readonly active: number;
  /** Packets on the path in use need no look. */
  readonly isQuiet: boolean;
  /** There is nothing to send on: the path in use broke. */
  readonly isStranded: boolean;
  /** Nor is there another one being tried. */
  readonly isLost: boolean;
  /** When `poll` has something to do, or a path is to be given up: absolute ms or Infinity. */
  readonly deadline: number;
  /** Times the session moved. */
  readonly moves: number;
  /** Datagrams of `octets` in sum came in on a path. */
  onReceived(now: number, id: number, octets: number): void;
  /** The newest packet so far, which is no probe, came in on a path: the peer is there. */
  onNewest(now: number, id: number): void;
  /** Nothing comes back on the path in use: asks whether the peer can be reached elsewhere, to move there if so. */
  onSilence(now: number): void;
  /** Asks on a path that the host keeps already whether the peer is there, to move there if so. */
  tryPath(now: number, id: number): void;
  /** A better path may be known by now. */
  lookSoon(now: number): void;
  /** A connection broke. False if it was the path in use and there is nothing to hope for. */
  onGone(now: number, id: number): boolean;
  /** PATH_CHALLENGE came in on a path. */
  onChallenge(id: number, high: number, low: number): void;
  /** PATH_RESPONSE came in, on whatever path. */
  onResponse(now: number, high: number, low: number): void;
  /** Gives up paths that did not answer. */
  onTimeout(now: number): void;
  /** Sends the responses and challenges that are due. False if the sink is full. */
  poll(now: number, sink: PacketSink): boolean;
  /** The session is over: gives all paths back but the one in use. */
  end(): void;
}

/**
 * Makes what knows of the paths of a session that begins on `path`. `maxResponses`: PATH_RESPONSEs that wait to be sent;
 * further challenges are not answered.
 */
export type PathsFactory = (
  now: number,
  path: number,
  parts: PathParts,
  host: PathHost | undefined,
  random: Random,
  maxResponses: number,
) => SessionPaths;
