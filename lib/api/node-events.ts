import type { SendResult as SessionResult } from './send-to-each.js';
import type { STTSession } from './session.js';

/** An unreliable message and the session it came in on. */
export interface ReceivedMessage {
  readonly session: STTSession;
  /** The sender's tag, 0 if it gave none. */
  readonly streamId: number;
  readonly data: Uint8Array;
}

/** What became of a message to one of several sessions. */
export type SendResult = SessionResult<STTSession>;

export interface NodeEvents {
  /** A peer connected. */
  session: [session: STTSession];
  /** An unreliable message came in. */
  message: [message: ReceivedMessage];
  /** The node stopped. */
  close: [];
  /** The socket failed for good; the node is stopped. */
  error: [error: Error];
}
