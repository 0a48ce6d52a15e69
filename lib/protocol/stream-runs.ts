import type { PacketSink } from '../ports/packet-sink.js';
import type { Outbox } from './outbox.js';
import type { PacketNumbers } from './packet-numbers.js';
import type { Streams } from './streams.js';

/** Where the end of one chunk and the start of the next are put together; shared, since a sink keeps nothing. */
const JOINT: Uint8Array = new Uint8Array(65_536);

/** What came of an attempt to send. */
export const Outcome = {
  /** Something went out. */
  SENT: 0,
  /** There was nothing to send. */
  NOTHING: 1,
  /** Congestion control or pacing holds it back. */
  HELD: 2,
  /** The sink is full. */
  REFUSED: 3,
} as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/**
 * The bulk path: runs of packets of one STREAM frame each, sealed straight from a chunk of the writer. One call of the
 * sink sends as much as congestion window, pacing, credit, fairness, the chunk and the next skipped packet number allow.
 */
export class StreamRuns {
  readonly #streams: Streams;
  readonly #outbox: Outbox;
  readonly #numbers: PacketNumbers;

  constructor(streams: Streams, outbox: Outbox, numbers: PacketNumbers) {
    this.#streams = streams;
    this.#outbox = outbox;
    this.#numbers = numbers;
  }

  /** Sends one run of the stream in turn. */
  send(now: number, sink: PacketSink): Outcome {
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
    const taken = this.#outbox.run(now, sink, stream.id, offset, fin, chunk, begin, begin + length, payload);
    if (taken === 0) return Outcome.REFUSED;
    const whole = taken * payload >= length;
    streams.onSent(stream, offset, whole ? offset + length : offset + taken * payload, fin && whole);
    stream.tellRoom();
    return whole ? Outcome.SENT : Outcome.REFUSED;
  }
}
