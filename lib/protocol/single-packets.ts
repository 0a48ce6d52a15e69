import { MIN_DATAGRAM, PACKET_OVERHEAD, STREAM_HEADER } from '../constants.js';
import type { PacketSink } from '../ports/packet-sink.js';
import { encodeAck, encodeStreamHeader, maxAckOctets } from '../wire/packet-frames.js';
import type { AckTracker } from './ack-tracker.js';
import type { ControlQueue } from './control-queue.js';
import type { ControlStream } from './control-stream.js';
import { FrameLog } from './frame-log.js';
import type { LossRecovery } from './loss-recovery.js';
import type { Messages } from './messages.js';
import type { Outbox } from './outbox.js';
import type { SendBuffer } from './send-buffer.js';
import { SentFrame } from './sent-packets.js';
import type { Stream } from './stream.js';
import { Outcome } from './stream-runs.js';
import type { Streams } from './streams.js';

// One packet at a time, shared by all sessions: a sink keeps nothing beyond its call.
const FRAMES = new Uint8Array(65_536);
/** What follows the STREAM frame, which comes first in the packet but is cut to the room that is left. */
const REST = new Uint8Array(65_536);
const LOG = new FrameLog();

/** A STREAM frame that fills up a packet should carry at least this; else the octets wait for a packet of their own. */
const WORTHWHILE = 128;
/** Room left for an ACK that rides along with a lone STREAM frame: enough for a dozen ranges. */
const ACK_ROOM = 64;

/** The machines that a packet of several frames is made from. */
export interface SinglePacketParts {
  readonly streams: Streams;
  readonly control: ControlQueue;
  readonly messages: Messages;
  readonly recovery: LossRecovery;
  readonly acks: AckTracker;
  readonly outbox: Outbox;
  /** Undefined until the control stream is used. */
  readonly controlStream: ControlStream | undefined;
}

/** Packets in which a STREAM frame, ACK, control frames and messages share the room (STT §6). */
export class SinglePackets {
  readonly #parts: SinglePacketParts;
  /** What the STREAM frame of the packet under construction carries. */
  #begin = 0;
  #end = 0;
  #fin = false;

  constructor(parts: SinglePacketParts) {
    this.#parts = parts;
  }

  /** Sends one packet if something waits that is no bulk of a stream. */
  send(now: number, sink: PacketSink): Outcome {
    return this.#wanted(now) ? this.#send(now, sink, false) : Outcome.NOTHING;
  }

  /** Sends a packet that asks for an answer, whatever congestion control says (RFC 9002 §6.2.4). */
  probe(now: number, sink: PacketSink): Outcome {
    return this.#send(now, sink, true);
  }

  #wanted(now: number): boolean {
    const { acks, control, controlStream, messages, outbox, streams } = this.#parts;
    if (control.waiting || messages.waiting || acks.shouldAckNow(now)) return true;
    if (controlStream !== undefined && controlStream.sending.sendable(Infinity)) return true;
    if (!acks.hasUnacked) return false;
    // An ACK that could still wait rides along where that costs no packet.
    const stream = streams.nextToSend(outbox.room - STREAM_HEADER);
    if (stream === undefined) return false;
    return stream.sending.pickEnd - stream.sending.pickBegin <= outbox.room - STREAM_HEADER - ACK_ROOM;
  }

  #send(now: number, sink: PacketSink, probe: boolean): Outcome {
    const { acks, control, controlStream, messages, outbox, recovery, streams } = this.#parts;
    // A probe must fit every path (STT §7).
    const size = probe ? Math.min(outbox.packetSize, MIN_DATAGRAM) : outbox.packetSize;
    const room = size - PACKET_OVERHEAD;
    const held = !probe && outbox.allowed(now, 1) === 0;
    LOG.clear();
    let end = 0;
    if (acks.hasUnacked && (!held || acks.shouldAckNow(now))) {
      end = writeAck(acks, now, room);
      LOG.add(SentFrame.ACK, acks.largest, 0, 0);
      if (acks.wantsPing && !held) control.wantPing = true;
    }
    const acknowledges = end > 0;
    let length = 0;
    let stream: Stream | undefined;
    let sending: SendBuffer | undefined;
    if (!held) {
      end = control.encode(REST, end, room, LOG, streams, now, recovery.smoothedRtt);
      end = messages.encode(REST, end, room, LOG);
      if (controlStream !== undefined && room - end > STREAM_HEADER && controlStream.sending.pick(Infinity)) {
        sending = controlStream.sending;
        length = this.#encodeStream(0, sending, room - end);
      } else if (room - end >= STREAM_HEADER + WORTHWHILE) {
        stream = streams.nextToSend(outbox.room - STREAM_HEADER) ?? (probe ? streams.oldestUnacked() : undefined);
        sending = stream?.sending;
        if (stream !== undefined) length = this.#encodeStream(stream.id, stream.sending, room - end);
      }
      if (probe && !LOG.ackEliciting) {
        control.wantPing = true;
        end = control.encode(REST, end, room, LOG, streams, now, recovery.smoothedRtt);
      }
    }
    if (length + end === 0) return held ? Outcome.HELD : Outcome.NOTHING;
    FRAMES.set(REST.subarray(0, end), length);
    if (!outbox.packet(now, sink, FRAMES, length + end, LOG)) {
      this.#takeBack();
      return Outcome.REFUSED;
    }
    messages.onEncodedSent();
    if (acknowledges) acks.onAckSent(LOG.ackEliciting);
    if (stream !== undefined) streams.onSent(stream, this.#begin, this.#end, this.#fin);
    else if (sending !== undefined) sending.onSent(this.#begin, this.#end, false);
    return held ? Outcome.HELD : Outcome.SENT;
  }

  /** Puts a STREAM frame of what was picked at the start of the packet; gives its length. */
  #encodeStream(id: number, sending: SendBuffer, room: number): number {
    this.#begin = sending.pickBegin;
    this.#end = Math.min(sending.pickEnd, this.#begin + room - STREAM_HEADER);
    this.#fin = sending.pickFin && this.#end === sending.pickEnd;
    const octets = this.#end - this.#begin;
    const at = encodeStreamHeader(id, this.#begin, this.#fin, octets, FRAMES, 0);
    if (octets > 0) sending.copy(this.#begin, octets, FRAMES, at);
    LOG.add(SentFrame.STREAM, id, this.#begin, octets * 2 + (this.#fin ? 1 : 0));
    LOG.ackEliciting = true;
    return at + octets;
  }

  /** The packet did not go out: its control frames wait again. */
  #takeBack(): void {
    const { control, streams } = this.#parts;
    for (let i = 0; i < LOG.count; i++) control.onLost(LOG.kind(i), LOG.a(i), LOG.b(i), LOG.c(i), streams);
  }
}

/** Puts an ACK of as many ranges as surely fit at the start of REST; gives its length. */
function writeAck(acks: AckTracker, now: number, room: number): number {
  let count = acks.rangeCount;
  while (count > 1 && maxAckOctets(count, acks.hasEcn) > room) count--;
  const delayUs = Math.round(acks.ackDelay(now) * 1000);
  return encodeAck(delayUs, acks.ranges, count, acks.hasEcn, acks.ect0, acks.ect1, acks.ce, REST, 0);
}
