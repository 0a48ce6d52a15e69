import { MIN_DATAGRAM, PACKET_OVERHEAD } from '../constants.js';
import type { PacketSink } from '../ports/packet-sink.js';
import { encodePadding, encodePathChallenge, encodePathResponse } from '../wire/packet-frames.js';
import { FrameLog } from './frame-log.js';
import { SentFrame } from './sent-frame.js';
import type { PathParts } from './session-paths.js';

/** Frame, control type and eight octets. */
const PATH_FRAME = 10;

const FRAMES = new Uint8Array(MIN_DATAGRAM);
const LOG = new FrameLog();
const TOKEN = new Uint8Array(8);
const VIEW = new DataView(TOKEN.buffer);

/** Writes the frame that `sendPathFrame` sends, and gives its length. */
export function writeResponse(high: number, low: number): number {
  return encodePathResponse(token(high, low), FRAMES, 0);
}

export function writeChallenge(high: number, low: number): number {
  return encodePathChallenge(token(high, low), FRAMES, 0);
}

/**
 * Sends the frame that was written, with padding: as large as every path carries, but at most `budget` octets; what does
 * not fit that is dropped. Gives the octets sent, -1 if the sink is full.
 */
export function sendPathFrame(
  now: number,
  sink: PacketSink,
  outbox: PathParts['outbox'],
  path: number,
  length: number,
  budget: number,
): number {
  const room = Math.min(MIN_DATAGRAM, budget) - PACKET_OVERHEAD;
  if (room < PATH_FRAME) return 0;
  const end = encodePadding(room - length, FRAMES, length);
  LOG.clear();
  LOG.ackEliciting = true;
  LOG.add(SentFrame.PATH, 0, 0, 0);
  return outbox.packet(now, sink, FRAMES, end, LOG, path) ? end + PACKET_OVERHEAD : -1;
}

/** A token from two u32; valid until the next call. */
function token(high: number, low: number): Uint8Array {
  VIEW.setUint32(0, high);
  VIEW.setUint32(4, low);
  return TOKEN;
}
