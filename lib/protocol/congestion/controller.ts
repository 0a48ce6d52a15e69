import type { Random } from '../../ports/random.js';
import type { RttEstimator } from '../rtt.js';

/**
 * Decides how many octets may be in flight on a path, and how fast they go out. Loss recovery sees to what all algorithms
 * share: which packets count, one congestion event per round trip, persistent congestion (RFC 9002 §7).
 */
export interface CongestionController {
  /** The congestion window, octets. */
  readonly window: number;
  /** Octets per ms at which to send; 0: the window spread over a round trip. */
  readonly pacingRate: number;
  /** Slow start ends there, octets; Infinity before the first congestion event. */
  readonly threshold: number;
  readonly inSlowStart: boolean;
  /** Who looks at every packet, if the algorithm does. */
  readonly watcher?: PacketWatcher;

  /**
   * An ACK gave an RTT sample (`rtt.latest`) and acknowledged up to `largestAcked`; `next` will be sent next.
   * Comes before `onPacketsAcked` of the same ACK.
   */
  onRttSample(rtt: RttEstimator, largestAcked: number, next: number): void;

  /**
   * One ACK acknowledged `octets` in flight, of packets sent after the last congestion event. `limited`: the window was
   * used up in the round trip before, so that it may grow (RFC 9002 §7.8).
   */
  onPacketsAcked(now: number, octets: number, rtt: RttEstimator, limited: boolean): void;

  /** Loss, or CE marks: at most once for what was sent in one round trip. */
  onCongestionEvent(now: number): void;

  /** All losses that led to the last congestion event turned out to be none: takes it back if nothing happened since. */
  onSpuriousCongestion(): void;

  /** Nothing came through for a long time (RFC 9002 §7.6). */
  onPersistentCongestion(now: number): void;

  /** Full packets are of another size from now on. */
  onPacketSize(size: number): void;
}

/**
 * Learns of every packet that counts on the path in use, for algorithms that measure the path. Packets that went out at
 * once are one unit: `slot` is a small number that names it until its last packet is acknowledged or lost, `first` its
 * lowest packet number.
 */
export interface PacketWatcher {
  /** The unit went out; with it there are `inFlight` octets in flight. */
  onSent(now: number, first: number, slot: number, octets: number, inFlight: number): void;

  /** `octets` of the unit, which was sent at `sentTime`, were acknowledged. Within one ACK in ascending order. */
  onAcked(now: number, first: number, slot: number, octets: number, sentTime: number): void;

  /** Packets `pn .. pn + count - 1` of the unit, `octets` together, are lost. */
  onLost(now: number, pn: number, count: number, first: number, slot: number, octets: number): void;

  /** All that an ACK acknowledged, and the losses that it showed, are told; `inFlight` octets are left. */
  onAckEnd(now: number, rtt: RttEstimator, inFlight: number): void;

  /** There is nothing to send, although more than the `inFlight` octets could be. */
  onAppLimited(inFlight: number): void;

  /** Nothing is in flight: gives memory back. */
  trim(): void;
}

/** Makes a controller for a path on which nothing is known yet, and whose full packets have that size. */
export type CongestionAlgorithm = (packetSize: number, random: Random) => CongestionController;

/** Initial window: 10 packets, but no more octets than RFC 9002 §7.2 allows. */
export function initialWindow(packetSize: number): number {
  return Math.min(10 * packetSize, Math.max(2 * packetSize, 14_720));
}

/** Smallest window: 2 packets (RFC 9002 §7.2). */
export function minimumWindow(packetSize: number): number {
  return 2 * packetSize;
}
