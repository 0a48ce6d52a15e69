// Kinds of frames that are remembered until their packet is acknowledged or lost; a, b, c are what identifies one.

/** a = stream id, b = offset, c = length * 2 + fin. Consecutive packets of one run are told as one such frame. */
export const STREAM = 1;
/** a = largest packet number that the ACK acknowledged. */
export const ACK = 2;
/** a = message id. */
export const MESSAGE = 3;
export const PING = 4;
/** a = stream id or 0, b = limit. */
export const FLOW_CREDIT = 5;
/** a = count. */
export const STREAM_LIMIT = 6;
/** a = stream id. */
export const STREAM_RESET = 7;
/** a = stream id. */
export const STOP_SENDING = 8;
export const RESET_TOKEN = 9;
/** a = sequence. */
export const ACK_FREQUENCY = 10;
/** PATH_CHALLENGE or PATH_RESPONSE: never sent again (STT §7). */
export const PATH = 11;
/** Marks its packet as a PMTU probe, a = its size, b = its number: its loss is no congestion signal (STT §7). */
export const MTU_PROBE = 12;
export const ALT_ADDRESS = 13;
/** A user-defined frame, a = its id: unreliable as a message is. */
export const USER = 14;
