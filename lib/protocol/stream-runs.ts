import type { PacketSink } from '../ports/packet-sink.js';
import { PACKET_OVERHEAD, STREAM_HEADER } from '../constants.js';
import type { LossRecovery } from './loss-recovery.js';
import * as Outcome from './outcome.js';
import type { PacketNumbers } from './packet-numbers.js';
import type { BulkOutbox, BulkSource, Runs } from './sending.js';

/** Where the end of one chunk and the start of the next are put together; shared, since a sink keeps nothing. */
const JOINT: Uint8Array = new Uint8Array(65_536);

/**
 * The bulk path: runs of packets of one STREAM frame each, sealed straight from a chunk of the writer. One call of the
 * sink sends as much as congestion window, pacing, credit, fairness, the chunk and the next skipped packet number allow.
 */
export class StreamRuns implements Runs {
  readonly #streams: BulkSource;
  readonly #outbox: BulkOutbox;
  readonly #numbers: PacketNumbers;
  readonly #recovery: LossRecovery;

  constructor(streams: BulkSource, outbox: BulkOutbox, numbers: PacketNumbers, recovery: LossRecovery) {
    this.#recovery = recovery;
    this.#streams = streams;
    this.#outbox = outbox;
    this.#numbers = numbers;
  }

  /** Sends one run of the stream in turn. */
  send(now: number, sink: PacketSink): Outcome.Kind {
    const streams = this.#streams;
    const payload = this.#outbox.streamPayload;
    const stream = streams.nextToSend(payload);
    if (stream === undefined) return Outcome.NOTHING;
    const sending = stream.sending;
    const offset = sending.pickBegin;
    const wanted = sending.pickEnd - offset;
    const most = Math.max(1, Math.ceil(Math.min(wanted, streams.scheduler.budget(stream)) / payload));
    const size = wanted < payload ? this.#outbox.packetSize - payload + wanted : this.#outbox.packetSize;
    const packets = Math.min(this.#outbox.allowed(now, most, size), this.#numbers.run(most));
    if (packets === 0) return Outcome.HELD;
    let length = Math.min(wanted, packets * payload);
    let chunk = JOINT;
    let begin = 0;
    if (length > 0) {
      sending.locate(offset);
      const contiguous = sending.chunkEnd - sending.chunkBegin;
      if (contiguous < length && contiguous < payload) {
        // The chunk ends within this packet: the next one's octets fill it up.
        length = Math.min(length, payload);
        sending.copy(offset, length, JOINT, 0);
      } else {
        if (contiguous < length) length = contiguous - (contiguous % payload);
        chunk = sending.chunk;
        begin = sending.chunkBegin;
      }
    }
    const fin = sending.pickFin && length === wanted;
    const taken = this.#run(now, sink, stream.id, offset, fin, chunk, begin, begin + length, payload);
    if (taken === 0) return Outcome.REFUSED;
    const whole = taken * payload >= length;
    streams.onSent(stream, offset, whole ? offset + length : offset + taken * payload, fin && whole);
    stream.tellRoom();
    return whole ? Outcome.SENT : Outcome.REFUSED;
  }

  /** Seals `end - begin` octets of `chunk` as at most `packets` packets; gives how many the sink took. */
  #run(
    now: number,
    sink: PacketSink,
    streamId: number,
    offset: number,
    fin: boolean,
    chunk: Uint8Array,
    begin: number,
    end: number,
    payload: number,
  ): number {
    const pn = this.#numbers.next;
    const packets = Math.max(1, Math.ceil((end - begin) / payload));
    const taken = sink.sealStreamRun!(pn, streamId, offset, fin, chunk, begin, end, payload);
    if (taken === 0) return 0;
    this.#numbers.take(taken);
    const whole = taken === packets;
    const until = whole ? end : begin + taken * payload;
    const overhead = PACKET_OVERHEAD + STREAM_HEADER;
    const last = until - begin - (taken - 1) * payload + overhead;
    this.#recovery.onRunSent(
      pn,
      taken,
      now,
      payload + overhead,
      last,
      streamId,
      offset,
      payload,
      offset + until - begin,
      fin && whole,
    );
    this.#outbox.onSealed(now, taken, (taken - 1) * (payload + overhead) + last, true);
    return taken;
  }
}
