import { MIN_DATAGRAM, PACKET_OVERHEAD, STREAM_HEADER } from '../constants.js';
import type { PacketSink } from '../ports/packet-sink.js';
import { encodeAck, encodeStreamHeader, maxAckOctets } from '../wire/packet-frames.js';
import type { AckTracker } from './ack-tracker.js';
import type { ControlQueue } from './control-queue.js';
import type { ControlStream } from './control-stream.js';
import { FrameLog } from './frame-log.js';
import type { Messages } from './messages.js';
import type { Outbox } from './outbox.js';
import type { SendBuffer } from './send-buffer.js';
import * as Outcome from './outcome.js';
import type { RttEstimator } from './rtt.js';
import type { Recovery } from './sending.js';
import { SentFrame } from './sent-frame.js';
import type { Streams } from './streams.js';

// One packet at a time, shared by all sessions: a sink keeps nothing beyond its call.
const FRAMES = new Uint8Array(65_536);
/** What follows the STREAM frame, which comes first in the packet but is cut to the room that is left. */
const REST = new Uint8Array(65_536);
const LOG = new FrameLog();

/** A STREAM frame that fills up a packet should carry at least this; else the octets wait for a packet of their own. */
const WORTHWHILE = 128;
/** A STREAM frame that leaves so much room in a full packet shares it, with an ACK of a few ranges or another stream. */
const COMPANY_ROOM = 160;

/** How long a busy event loop may take to come round to a socket, ms. */
const EVENT_LOOP_MS = 1;

/** The machines that a packet of several frames is made from. */
export interface SinglePacketParts {
  readonly streams: Streams;
  readonly control: ControlQueue;
  readonly messages: Messages;
  readonly recovery: Recovery;
  readonly acks: AckTracker;
  readonly outbox: Outbox;
  /** Undefined until the control stream is used. */
  readonly controlStream: ControlStream | undefined;
}

/** Packets in which STREAM frames, ACK, control frames and messages share the room (STT §6). */
export class SinglePackets {
  readonly #parts: SinglePacketParts;
  readonly #alone: boolean;

  /** `alone`: the bulk of streams goes in these packets too. */
  constructor(parts: SinglePacketParts, alone: boolean) {
    this.#parts = parts;
    this.#alone = alone;
  }

  /** Sends one packet if something waits that nobody else sends. */
  send(now: number, sink: PacketSink): Outcome.Kind {
    // What is put together in vain counts as sent again.
    if (this.#alone && sink.isFull?.() === true) return Outcome.REFUSED;
    return this.#wanted(now) ? this.#send(now, sink, false) : Outcome.NOTHING;
  }

  /** Sends a packet that asks for an answer, whatever congestion control says (RFC 9002 §6.2.4). */
  probe(now: number, sink: PacketSink): Outcome.Kind {
    return this.#send(now, sink, true);
  }

  #wanted(now: number): boolean {
    const { acks, control, controlStream, messages, outbox, streams } = this.#parts;
    if (control.waiting || messages.waiting || acks.shouldAckNow(now)) return true;
    if (controlStream !== undefined && controlStream.sending.sendable(Infinity)) return true;
    const alone = this.#alone;
    if (!alone && !acks.hasUnacked && streams.scheduler.count < 2) return false;
    // A little of a stream takes along an ACK that could still wait, and a little of other streams.
    const full = outbox.room - STREAM_HEADER;
    const stream = streams.nextToSend(full);
    if (stream === undefined) return false;
    return alone || stream.sending.pickEnd - stream.sending.pickBegin <= full - COMPANY_ROOM;
  }

  #send(now: number, sink: PacketSink, probe: boolean): Outcome.Kind {
    const { acks, control, messages, outbox, recovery, streams } = this.#parts;
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
    let head = 0;
    if (!held) {
      end = control.encode(REST, end, room, LOG, streams, now, roundTrip(recovery.rtt));
      end = messages.encode(REST, end, room, LOG);
      head = this.#controlStreamFrame(room - end);
      if (head === 0) head = this.#streamFrame(FRAMES, 0, room - end, probe);
      // Others follow, if the first one left room.
      while (head > 0 && room - head - end >= STREAM_HEADER + WORTHWHILE && !LOG.full) {
        const more = this.#streamFrame(REST, end, room - head, false);
        if (more === end) break;
        end = more;
      }
      if (probe && !LOG.ackEliciting) {
        control.wantPing = true;
        end = control.encode(REST, end, room, LOG, streams, now, roundTrip(recovery.rtt));
      }
    }
    if (head + end === 0) return held ? Outcome.HELD : Outcome.NOTHING;
    FRAMES.set(REST.subarray(0, end), head);
    if (!outbox.packet(now, sink, FRAMES, head + end, LOG)) {
      this.#takeBack();
      return Outcome.REFUSED;
    }
    messages.onEncodedSent();
    if (acknowledges) acks.onAckSent(LOG.ackEliciting);
    this.#tellRoom();
    return held ? Outcome.HELD : Outcome.SENT;
  }

  /** A STREAM frame of the control stream at the start of the packet, if it has octets; gives its length. */
  #controlStreamFrame(room: number): number {
    const sending = this.#parts.controlStream?.sending;
    if (sending === undefined || room <= STREAM_HEADER || !sending.pick(Infinity)) return 0;
    const begin = sending.pickBegin;
    const end = Math.min(sending.pickEnd, begin + room - STREAM_HEADER);
    const at = encodeStreamFrame(0, sending, begin, end, false, FRAMES, 0);
    sending.onSent(begin, end, false);
    return at;
  }

  /** A STREAM frame of the stream in turn at `at`, ending before `limit`; gives its end, `at` if there is none. */
  #streamFrame(out: Uint8Array, at: number, limit: number, probe: boolean): number {
    const { outbox, streams } = this.#parts;
    if (limit - at < STREAM_HEADER + WORTHWHILE) return at;
    const stream = streams.nextToSend(outbox.room - STREAM_HEADER) ?? (probe ? streams.oldestUnacked() : undefined);
    if (stream === undefined) return at;
    const sending = stream.sending;
    const begin = sending.pickBegin;
    const end = Math.min(sending.pickEnd, begin + limit - at - STREAM_HEADER);
    const fin = sending.pickFin && end === sending.pickEnd;
    const next = encodeStreamFrame(stream.id, sending, begin, end, fin, out, at);
    streams.onSent(stream, begin, end, fin);
    return next;
  }

  /** The packet did not go out: what it carried waits again. */
  #takeBack(): void {
    const { control, controlStream, streams } = this.#parts;
    for (let i = 0; i < LOG.count; i++) {
      const [kind, a, b, c] = [LOG.kind(i), LOG.a(i), LOG.b(i), LOG.c(i)];
      if (kind !== SentFrame.STREAM) control.onLost(kind, a, b, c, streams);
      else if (a === 0) controlStream?.sending.onLost(b, b + Math.floor(c / 2), false);
      else streams.table.get(a)?.onLost(b, b + Math.floor(c / 2), c % 2 === 1);
    }
  }

  /** Tells the writers whose octets went out. */
  #tellRoom(): void {
    const { streams } = this.#parts;
    // Taken out first: what they write must not meet a log in use.
    TOLD.length = 0;
    for (let i = 0; i < LOG.count; i++) if (LOG.kind(i) === SentFrame.STREAM) TOLD.push(LOG.a(i));
    for (let i = 0; i < TOLD.length; i++) streams.table.get(TOLD[i]!)?.tellRoom();
  }
}

/** Ids of the streams in a packet. */
const TOLD: number[] = [];

/** Encodes octets begin..end of a stream, and notes them; gives the position behind. */
function encodeStreamFrame(
  id: number,
  sending: SendBuffer,
  begin: number,
  end: number,
  fin: boolean,
  out: Uint8Array,
  at: number,
): number {
  const octets = end - begin;
  const body = encodeStreamHeader(id, begin, fin, octets, out, at);
  if (octets > 0) sending.copy(begin, octets, out, body);
  LOG.add(SentFrame.STREAM, id, begin, octets * 2 + (fin ? 1 : 0));
  LOG.ackEliciting = true;
  return body + octets;
}

/** Puts an ACK of as many ranges as surely fit at the start of REST; gives its length. */
function writeAck(acks: AckTracker, now: number, room: number): number {
  const { received } = acks;
  let { count } = received;
  const { pairs, hasEcn, ect0, ect1, ce } = received;
  while (count > 1 && maxAckOctets(count, hasEcn) > room) count--;
  const delayUs = Math.round(acks.ackDelay(now) * 1000);
  return encodeAck(delayUs, pairs, count, hasEcn, ect0, ect1, ce, REST, 0);
}

/**
 * The time in which a receive window should not run dry, ms. The smallest round trip, not the smoothed one: that grows
 * with what waits in the sockets' buffers, and a window that grew with it would fill them until they overflow. But never
 * less than what a busy event loop needs to come round.
 */
function roundTrip(rtt: RttEstimator): number {
  return rtt.hasSample ? Math.max(rtt.min, EVENT_LOOP_MS) : rtt.smoothed;
}
