import type { PacketNumbers } from './packet-numbers.js';
import { RttEstimator } from './rtt.js';
import type { SentFrameObserver } from './sent-packets.js';

export interface LossRecoveryOptions {
  readonly now: number;
  readonly observer: SentFrameObserver;
  readonly numbers: PacketNumbers;
  readonly congestion: 'cubic' | 'newreno';
  /** UDP payload of a full packet. */
  readonly packetSize: number;
  /** The peer's max_ack_delay_ms. */
  readonly peerMaxAckDelayMs: number;
  /** RTT of the handshake, if its HELLO was sent once. */
  readonly handshakeRttMs?: number;
  /** The path in use, any number that tells paths apart. */
  readonly path: number;
}

/** Remembers what was sent, and decides what is lost, when to probe, and how much may be in flight (RFC 9002, STT §7). */
export class LossRecovery {
  readonly rtt: RttEstimator;

  constructor(options: LossRecoveryOptions) {
    this.rtt = new RttEstimator(options.handshakeRttMs);
  }

  /**
   * A packet of `size` octets (UDP payload) went out on `path`; `addFrame` follows for each frame in it that matters.
   * Packet numbers ascend. `inFlight`: counts for congestion control (all but packets of ACK and SESSION_CLOSE only).
   */
  onPacketSent(
    _pn: number,
    _now: number,
    _size: number,
    _ackEliciting: boolean,
    _inFlight: boolean,
    _path: number,
  ): void {}

  /** The packet sent last carries a frame: `SentFrame` kind and what identifies it. */
  addFrame(_kind: number, _a: number, _b: number, _c: number): void {}

  /**
   * Packets `pn .. pn + count - 1` went out on the path in use, one STREAM frame each: stream octets `offset .. end`
   * (absolute stream offsets), `payload` a packet, the last with the rest and, with `fin`, STREAM_END. `packetSize` octets each, the
   * last `lastPacketSize`. No `addFrame` may follow.
   */
  onRunSent(
    _pn: number,
    _count: number,
    _now: number,
    _packetSize: number,
    _lastPacketSize: number,
    _streamId: number,
    _offset: number,
    _payload: number,
    _end: number,
    _fin: boolean,
  ): void {}

  /**
   * An ACK frame: `ranges` = `rangeCount` pairs [lo, hi], descending, disjoint (the parser sees to that); `delayMs` as sent.
   * Tells the observer. Returns a close code: PROTOCOL for an ACK of a number that was not sent or skipped.
   */
  onAckReceived(
    _now: number,
    _largest: number,
    _delayMs: number,
    _ranges: Float64Array,
    _rangeCount: number,
    _hasEcn: boolean,
    _ect0: number,
    _ect1: number,
    _ce: number,
  ): number {
    return 0;
  }

  /** When `onTimeout` wants to be called: absolute ms or Infinity. */
  timeout(): number {
    return Infinity;
  }

  /**
   * To be called at or after `timeout()`; early calls do nothing. Declares losses, or sets `probesToSend` after having
   * told the oldest frames in flight as lost, so that the probes carry them.
   */
  onTimeout(_now: number): void {}

  /** Ack-eliciting packets to send now whatever `canSend` and the pacer say; counted down as they are sent. */
  get probesToSend(): number {
    return 0;
  }

  /** Probe timeouts in a row. */
  get ptoCount(): number {
    return 0;
  }

  /** The probe timeout now, without back-off, ms. */
  get pto(): number {
    return 1000;
  }

  /** Octets in flight on the path in use. */
  get bytesInFlight(): number {
    return 0;
  }

  get congestionWindow(): number {
    return 12_000;
  }

  get inSlowStart(): boolean {
    return true;
  }

  get ssthresh(): number {
    return Infinity;
  }

  get smoothedRtt(): number {
    return this.rtt.smoothed;
  }

  get packetSize(): number {
    return 1200;
  }

  /** Octets that the congestion window still allows; 0 or more. */
  get room(): number {
    return 12_000;
  }

  /** `size` more octets fit the congestion window. */
  canSend(_size: number): boolean {
    return true;
  }

  /** Nothing that wants an ACK is in flight. */
  get isIdle(): boolean {
    return true;
  }

  get packetsSent(): number {
    return 0;
  }
  /** Packets declared lost, PMTU probes excepted. */
  get packetsLost(): number {
    return 0;
  }
  /** Packets acknowledged after they were declared lost. */
  get spuriousLosses(): number {
    return 0;
  }
  get octetsSent(): number {
    return 0;
  }

  /** Whether packets are sent with ECT(0) from now on. Turned off when validation fails (RFC 9000 §13.4.2). */
  get ecn(): boolean {
    return false;
  }
  set ecn(_on: boolean) {}

  /** Another size of full packets (PMTU discovery). */
  onPacketSize(_size: number): void {}

  /** Other limit of the peer's ACK delay (an acknowledged ACK_FREQUENCY). */
  set peerMaxAckDelayMs(_ms: number) {}

  /** Goes over to another path; with `restart` congestion control and RTT start anew (STT §7: unless only the port changed). */
  onPathChanged(_path: number, _restart: boolean, _now: number): void {}
}
