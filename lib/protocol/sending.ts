import type { BlackHoleDetector } from './black-hole.js';
import type { PacketSink } from '../ports/packet-sink.js';
import type { Random } from '../ports/random.js';
import type { CongestionAlgorithm } from './congestion/controller.js';
import type * as Outcome from './outcome.js';
import type { EcnValidator } from './ecn.js';
import type { FrameSource } from './frame-source.js';
import type { RttEstimator } from './rtt.js';
import type { SendBuffer } from './send-buffer.js';
import type { SentFrameObserver } from './sent-frame.js';
import type { PathProfile } from './path-profile.js';

/** Remembers what was sent until its fate is known, and decides what is lost, when to probe, and how much may be in flight. */
export interface Recovery {
  readonly rtt: RttEstimator;
  /** Probe timeout without back-off, ms. */
  readonly pto: number;
  /** Probe timeouts since something was acknowledged last. */
  readonly ptoCount: number;
  /** Packets to be sent whatever congestion control says. */
  readonly probesToSend: number;
  /** Largest packet number that the peer acknowledged, -1 if none. */
  readonly largestAcked: number;
  /** Octets that may be sent now. */
  readonly room: number;
  readonly congestionWindow: number;
  readonly bytesInFlight: number;
  readonly packetsLost: number;
  /** Packets that are remembered. */
  readonly unsettled: number;
  /** Of ECN; absent: packets are never marked. */
  readonly ecn?: EcnValidator;
  /** Absent: the peer is not asked to acknowledge less often. */
  readonly ackRate?: FrameSource;
  /** A packet of `size` octets went out on `path`; `addFrame` follows for each frame in it that matters. */
  onPacketSent(pn: number, now: number, size: number, ackEliciting: boolean, inFlight: boolean, path: number): void;
  addFrame(kind: number, a: number, b: number, c: number): void;
  /** An ACK came in; `ranges` are [lo, hi] pairs, descending. Gives a close code if it acknowledges what was not sent, else NONE. */
  onAckReceived(
    now: number,
    largest: number,
    ackDelayMs: number,
    ranges: Float64Array,
    rangeCount: number,
    hasEcn: boolean,
    ect0: number,
    ect1: number,
    ce: number,
  ): number;
  /** Full packets are of so many octets from now on. */
  onPacketSize(size: number): void;
  /** Nothing waits to be sent, and no credit is missing: what is in flight is all that there is. */
  onAppLimited(): void;
  /** When `onTimeout` wants to be called: absolute ms or Infinity. */
  timeout(): number;
  onTimeout(now: number): void;
  /** Packets go over another path; with a profile nothing is known of it; `gone`: nothing can come from the one before. */
  onPathChanged(path: number, restart: PathProfile | undefined, gone: boolean, now: number): void;
}

/** Gives out packet numbers. */
export interface Numbers {
  /** That of the next packet. */
  readonly next: number;
  /** `count` packets were sealed, from `next` on. */
  take(count: number): void;
}

/** Spreads packets over time. */
export interface Pacing {
  /** ms until a packet of `size` octets may go. */
  delay(now: number, size: number): number;
  /** Octets that may go now. */
  budget(now: number): number;
  onSent(now: number, octets: number): void;
}

/** Which packets came in, for ACKs to tell. */
export interface Ranges {
  /** [lo, hi] pairs, descending, the first `count` of them. Read-only; the array may be another one later. */
  readonly pairs: Float64Array;
  readonly count: number;
  /** Whether packets came with ECN marks, and so an ACK holds the three counts. */
  readonly hasEcn: boolean;
  readonly ect0: number;
  readonly ect1: number;
  readonly ce: number;
  /**
   * Packets `first..last` came in, none of which came before; `ecn`: the two ECN bits of their IP headers. True if the
   * peer should know at once, as it shows losses or congestion.
   */
  add(first: number, last: number, ecn: number): boolean;
  /** The peer knows of all up to `largest`, which must not be told again. */
  forget(largest: number): void;
}

/** A stream, as far as its bulk is concerned. */
export interface BulkStream {
  readonly id: number;
  readonly sending: SendBuffer;
  tellRoom(): void;
}

/** The streams of a session that have something to send: `Streams`. */
export interface BulkSource {
  readonly scheduler: { budget(stream: BulkStream): number };
  nextToSend(payload: number): BulkStream | undefined;
  onSent(stream: BulkStream, begin: number, end: number, fin: boolean): void;
}

/** What keeps count of what is sealed: `Outbox`. */
export interface BulkOutbox {
  readonly packetSize: number;
  readonly streamPayload: number;
  allowed(now: number, most: number, size?: number): number;
  onSealed(now: number, packets: number, octets: number, ackEliciting: boolean): void;
}

/** Sends the bulk of streams in runs of packets. */
export interface Runs {
  send(now: number, sink: PacketSink): Outcome.Kind;
}

/** How a session sends, which depends on what may happen to packets on their way. */
export interface Sending {
  readonly recovery: Recovery;
  readonly numbers: Numbers;
  readonly pacer: Pacing;
  readonly received: Ranges;
  /** Undefined: streams go in the packets of all else, and the sink needs to seal no runs. */
  runs(streams: BulkSource, outbox: BulkOutbox): Runs | undefined;
}

export interface SendingConfig {
  /** Monotonic milliseconds. */
  readonly now: number;
  readonly observer: SentFrameObserver;
  readonly random: Random;
  readonly congestion: CongestionAlgorithm | undefined;
  /** UDP payload of a full packet. */
  readonly packetSize: number;
  /** The peer's max_ack_delay_ms. */
  readonly peerMaxAckDelayMs: number;
  /** Learns which sizes arrive on the path in use and which get lost. */
  readonly detector?: BlackHoleDetector | undefined;
  /** RTT of the handshake, if its HELLO was sent once (STT §7). */
  readonly handshakeRttMs?: number;
  /** The path in use, any number that tells paths apart. */
  readonly path: number;
  /** Packets on it may be marked for ECN: see `EcnValidator`. */
  readonly ecn?: boolean | undefined;
}

export type SendingFactory = (config: SendingConfig) => Sending;
