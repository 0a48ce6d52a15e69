import type { RttEstimator } from '../rtt.js';

/**
 * Decides how many octets may be in flight on a path. Loss recovery sees to what all algorithms share: which packets
 * count, one congestion event per round trip, persistent congestion (RFC 9002 §7).
 */
export interface CongestionController {
  /** The congestion window, octets. */
  readonly window: number;
  /** Slow start ends there, octets; Infinity before the first congestion event. */
  readonly threshold: number;
  readonly inSlowStart: boolean;

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

/** Makes a controller for a path on which nothing is known yet, and whose full packets have that size. */
export type CongestionAlgorithm = (packetSize: number) => CongestionController;

/** Initial window: 10 packets, but no more octets than RFC 9002 §7.2 allows. */
export function initialWindow(packetSize: number): number {
  return Math.min(10 * packetSize, Math.max(2 * packetSize, 14_720));
}

/** Smallest window: 2 packets (RFC 9002 §7.2). */
export function minimumWindow(packetSize: number): number {
  return 2 * packetSize;
}
