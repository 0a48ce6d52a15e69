/** Kinds of frames that are remembered until their packet is acknowledged or lost; a, b, c are what identifies one. */
export const SentFrame = {
  /** a = stream id, b = offset, c = length * 2 + fin. Consecutive packets of one run are told as one such frame. */
  STREAM: 1,
  /** a = largest packet number that the ACK acknowledged. */
  ACK: 2,
  /** a = message id. */
  MESSAGE: 3,
  PING: 4,
  /** a = stream id or 0, b = limit. */
  FLOW_CREDIT: 5,
  /** a = count. */
  STREAM_LIMIT: 6,
  /** a = stream id. */
  STREAM_RESET: 7,
  /** a = stream id. */
  STOP_SENDING: 8,
  RESET_TOKEN: 9,
  /** a = sequence. */
  ACK_FREQUENCY: 10,
  /** PATH_CHALLENGE or PATH_RESPONSE: never sent again (STT §7). */
  PATH: 11,
  /** Marks its packet as a PMTU probe, a = its size, b = its number: its loss is no congestion signal (STT §7). */
  MTU_PROBE: 12,
  ALT_ADDRESS: 13,
  /** A user-defined frame, a = its id: unreliable as a message is. */
  USER: 14,
} as const;

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
