import { SentFlag, SentFrame, type SentFrameObserver } from './sent-frame.js';

/** Kinds that a probe can carry again, by bit. */
export const REPEATED =
  (1 << SentFrame.STREAM) |
  (1 << SentFrame.FLOW_CREDIT) |
  (1 << SentFrame.STREAM_LIMIT) |
  (1 << SentFrame.STREAM_RESET) |
  (1 << SentFrame.STOP_SENDING) |
  (1 << SentFrame.RESET_TOKEN) |
  (1 << SentFrame.ACK_FREQUENCY) |
  (1 << SentFrame.ALT_ADDRESS);
/** Every kind. */
export const ALL = -1;

// Flags of a record beside `SentFlag`.
const RUN = 16;
const FIN = 32;

// Fields of a record: one packet, or one run of packets.
const FIRST = 0;
const COUNT = 1;
/** Packets whose fate is open. */
const LEFT = 2;
const TIME = 3;
const SIZE = 4;
const LAST_SIZE = 5;
const FLAGS = 6;
const PATH = 7;
/** Packet: index of its last frame, -1 if none. Run: stream id. */
const FRAMES = 8;
const STREAM_ID = 8;
const OFFSET = 9;
const PAYLOAD = 10;
const END = 11;
const RECORD_WORDS = 12;
const MIN_RECORDS = 4;

// Fields of a frame. The free ones are linked by NEXT, as are those of a packet; free records by FIRST.
const KIND = 0;
const A = 1;
const B = 2;
const C = 3;
const NEXT = 4;
const FRAME_WORDS = 5;
const MIN_FRAMES = 4;

/**
 * Pool of what is known of sent packets: a record for each packet, or for each run of packets that differ in number and
 * stream offset only, and the frames of packets that are no run. A record is named by its first word in the pool. All
 * are numbers in two arrays that grow by doubling, so nothing is allocated per packet.
 */
export class SentRecords {
  #records = new Float64Array(MIN_RECORDS * RECORD_WORDS);
  #free = -1;
  /** Words from here on were never used. */
  #fresh = 0;
  #used = 0;
  #frames = new Float64Array(MIN_FRAMES * FRAME_WORDS);
  #freeFrame = -1;
  #freshFrame = 0;

  /** Records in use. */
  get used(): number {
    return this.#used;
  }

  get isSmall(): boolean {
    return this.#records.length === MIN_RECORDS * RECORD_WORDS && this.#frames.length === MIN_FRAMES * FRAME_WORDS;
  }

  /** Gives memory back; no record is in use. */
  reset(): void {
    this.#records = new Float64Array(MIN_RECORDS * RECORD_WORDS);
    this.#frames = new Float64Array(MIN_FRAMES * FRAME_WORDS);
    this.#free = this.#freeFrame = -1;
    this.#fresh = this.#freshFrame = 0;
  }

  /** A record of one packet without frames, or, with `asRun` to follow, of `count` packets. */
  make(pn: number, count: number, time: number, size: number, flags: number, path: number): number {
    let at = this.#free;
    if (at >= 0) this.#free = this.#records[at + FIRST]!;
    else {
      at = this.#fresh;
      if (at === this.#records.length) this.#records = doubled(this.#records);
      this.#fresh += RECORD_WORDS;
    }
    this.#used++;
    const records = this.#records;
    records[at + FIRST] = pn;
    records[at + COUNT] = count;
    records[at + LEFT] = count;
    records[at + TIME] = time;
    records[at + SIZE] = size;
    records[at + LAST_SIZE] = size;
    records[at + FLAGS] = flags;
    records[at + PATH] = path;
    records[at + FRAMES] = -1;
    return at;
  }

  /** See `LossRecovery.onRunSent`. */
  asRun(
    at: number,
    lastSize: number,
    streamId: number,
    offset: number,
    payload: number,
    end: number,
    fin: boolean,
  ): void {
    const records = this.#records;
    records[at + FLAGS] = records[at + FLAGS]! | RUN | (fin ? FIN : 0);
    records[at + LAST_SIZE] = lastSize;
    records[at + STREAM_ID] = streamId;
    records[at + OFFSET] = offset;
    records[at + PAYLOAD] = payload;
    records[at + END] = end;
  }

  addFrame(at: number, kind: number, a: number, b: number, c: number): void {
    const records = this.#records;
    const frame = this.#newFrame();
    const frames = this.#frames;
    frames[frame + KIND] = kind;
    frames[frame + A] = a;
    frames[frame + B] = b;
    frames[frame + C] = c;
    frames[frame + NEXT] = records[at + FRAMES]!;
    records[at + FRAMES] = frame;
    if (kind === SentFrame.MTU_PROBE) records[at + FLAGS] = records[at + FLAGS]! | SentFlag.MTU_PROBE;
  }

  /** Small number that names the record while it is in use. */
  slot(at: number): number {
    return (at / RECORD_WORDS) | 0;
  }

  /** Packet number of the first packet of the record. */
  first(at: number): number {
    return this.#records[at + FIRST]!;
  }

  /** Packet number of the last packet of the record. */
  last(at: number): number {
    return this.#records[at + FIRST]! + this.#records[at + COUNT]! - 1;
  }

  time(at: number): number {
    return this.#records[at + TIME]!;
  }

  flags(at: number): number {
    return this.#records[at + FLAGS]!;
  }

  path(at: number): number {
    return this.#records[at + PATH]!;
  }

  /** Octets of each packet of the record but its last one, which may be smaller. */
  size(at: number): number {
    return this.#records[at + SIZE]!;
  }

  /** Octets of `count` packets of the record, from `pn` on. */
  octets(at: number, pn: number, count: number): number {
    const records = this.#records;
    const size = records[at + SIZE]!;
    return pn + count > this.last(at) ? (count - 1) * size + records[at + LAST_SIZE]! : count * size;
  }

  tellAcked(at: number, pn: number, count: number, observer: SentFrameObserver): void {
    const records = this.#records;
    if ((records[at + FLAGS]! & RUN) !== 0) {
      const offset = this.#runOffset(at, pn);
      observer.onFrameAcked(SentFrame.STREAM, records[at + STREAM_ID]!, offset, this.#runLength(at, pn, count));
      return;
    }
    const frames = this.#frames;
    for (let f = records[at + FRAMES]!; f >= 0; f = frames[f + NEXT]!) {
      observer.onFrameAcked(frames[f + KIND]!, frames[f + A]!, frames[f + B]!, frames[f + C]!);
    }
  }

  /** @param kinds kinds of frames that are told, by bit */
  tellLost(at: number, pn: number, count: number, kinds: number, observer: SentFrameObserver): void {
    const records = this.#records;
    if ((records[at + FLAGS]! & RUN) !== 0) {
      if ((kinds & (1 << SentFrame.STREAM)) === 0) return;
      const offset = this.#runOffset(at, pn);
      observer.onFrameLost(SentFrame.STREAM, records[at + STREAM_ID]!, offset, this.#runLength(at, pn, count));
      return;
    }
    const frames = this.#frames;
    for (let f = records[at + FRAMES]!; f >= 0; f = frames[f + NEXT]!) {
      const kind = frames[f + KIND]!;
      if ((kinds & (1 << kind)) !== 0) observer.onFrameLost(kind, frames[f + A]!, frames[f + B]!, frames[f + C]!);
    }
  }

  /** `count` packets of the record have met their fate; after the last of them the record is free. */
  release(at: number, count: number): void {
    const records = this.#records;
    const left = records[at + LEFT]! - count;
    records[at + LEFT] = left;
    if (left > 0) return;
    if ((records[at + FLAGS]! & RUN) === 0) {
      const frames = this.#frames;
      for (let f = records[at + FRAMES]!; f >= 0;) {
        const next = frames[f + NEXT]!;
        frames[f + NEXT] = this.#freeFrame;
        this.#freeFrame = f;
        f = next;
      }
    }
    records[at + FIRST] = this.#free;
    this.#free = at;
    this.#used--;
  }

  #runOffset(at: number, pn: number): number {
    const records = this.#records;
    return records[at + OFFSET]! + (pn - records[at + FIRST]!) * records[at + PAYLOAD]!;
  }

  /** Length * 2 + fin of `count` packets of a run, from `pn` on. */
  #runLength(at: number, pn: number, count: number): number {
    const records = this.#records;
    if (pn + count <= this.last(at)) return count * records[at + PAYLOAD]! * 2;
    const fin = (records[at + FLAGS]! & FIN) !== 0 ? 1 : 0;
    return (records[at + END]! - this.#runOffset(at, pn)) * 2 + fin;
  }

  #newFrame(): number {
    const free = this.#freeFrame;
    if (free >= 0) {
      this.#freeFrame = this.#frames[free + NEXT]!;
      return free;
    }
    const frame = this.#freshFrame;
    if (frame === this.#frames.length) this.#frames = doubled(this.#frames);
    this.#freshFrame += FRAME_WORDS;
    return frame;
  }
}

function doubled(array: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(array.length * 2);
  larger.set(array);
  return larger;
}
