/** Kinds of frames that are remembered until their packet is acknowledged or lost; a, b, c are what identifies one. */
export * as SentFrame from './sent-frame-kind.js';

/**
 * Learns the fate of what was sent. For one frame there is at most one `onFrameLost` and at most one `onFrameAcked`,
 * which may follow `onFrameLost`: what a probe carries again (PTO) is told lost although its packet may still be
 * acknowledged. Kinds that are never sent again (ACK, MESSAGE, USER, PING, PATH, MTU_PROBE) are told lost only when
 * their packet is, and then finally. Must not call back into loss recovery.
 */
export interface SentFrameObserver {
  onFrameAcked(kind: number, a: number, b: number, c: number): void;
  onFrameLost(kind: number, a: number, b: number, c: number): void;
}

/** Properties of a sent packet. `ECT`: sent with an ECN-capable mark. */
export const SentFlag = { ACK_ELICITING: 1, IN_FLIGHT: 2, ECT: 4, MTU_PROBE: 8 } as const;

/** A frame that is sent once, and again until it arrived. */
export interface Announcement {
  /** Of `SentFrame`; one of a kind. */
  readonly kind: number;
  readonly frame: Uint8Array;
}
