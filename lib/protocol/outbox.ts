import { PACKET_OVERHEAD, STREAM_HEADER } from '../constants.js';
import type { PacketSink } from '../ports/packet-sink.js';
import type { FrameLog } from './frame-log.js';
import type { Lifetime } from './lifetime.js';
import type { Numbers, Pacing, Recovery } from './sending.js';

/** Packets of a key that are kept for closing the session. */
const CLOSE_RESERVE = 64;
/** From so many unsettled packets on no data goes out: 75 MiB of the smallest full ones, more than any window by default. */
const MAX_UNSETTLED = 65_536;
/** No packet number comes near 2^53 - 1 (STT §5). */
const LAST_NUMBER = Number.MAX_SAFE_INTEGER - 2 ** 20;

/** Gives packets their numbers, has them sealed, and tells everyone who keeps books about packets. */
export class Outbox {
  #packetSize: number;
  #streamPayload: number;
  /** The path in use. */
  path: number;
  packetsSent = 0;
  octetsSent = 0;
  /** What was sealed under keys of phases before. */
  #packetsBefore = 0;
  #octetsBefore = 0;
  readonly #recovery: Recovery;
  readonly #numbers: Numbers;
  readonly #pacer: Pacing;
  readonly #lifetime: Lifetime;
  #paceAt = Infinity;

  readonly #sealLimit: number;

  /** `sealLimit`: packets that the key may seal. */
  constructor(
    packetSize: number,
    path: number,
    sealLimit: number,
    recovery: Recovery,
    numbers: Numbers,
    pacer: Pacing,
    lifetime: Lifetime,
  ) {
    this.#packetSize = packetSize;
    this.#streamPayload = packetSize - PACKET_OVERHEAD - STREAM_HEADER;
    this.path = path;
    this.#sealLimit = sealLimit - Math.min(CLOSE_RESERVE, sealLimit / 2);
    this.#recovery = recovery;
    this.#numbers = numbers;
    this.#pacer = pacer;
    this.#lifetime = lifetime;
  }

  /** Octets of a full packet: what UDP carries, or a message of a WebSocket. */
  get packetSize(): number {
    return this.#packetSize;
  }

  set packetSize(size: number) {
    this.#packetSize = size;
    this.#streamPayload = size - PACKET_OVERHEAD - STREAM_HEADER;
  }

  /** Stream octets of a full packet. */
  get streamPayload(): number {
    return this.#streamPayload;
  }

  /** Octets of frames that fit a packet. */
  get room(): number {
    return this.packetSize - PACKET_OVERHEAD;
  }

  /** Number of the next packet. */
  get nextNumber(): number {
    return this.#numbers.next;
  }

  /** When pacing lets the next packet go; Infinity if it is not pacing that held the last one. */
  get paceDeadline(): number {
    return this.#paceAt;
  }

  clearPaceDeadline(): void {
    this.#paceAt = Infinity;
  }

  /** Sealed under the key in use. */
  get keyPackets(): number {
    return this.packetsSent - this.#packetsBefore;
  }

  get keyOctets(): number {
    return this.octetsSent - this.#octetsBefore;
  }

  /** Packets are sealed under another key from now on. */
  onNewKey(): void {
    this.#packetsBefore = this.packetsSent;
    this.#octetsBefore = this.octetsSent;
  }

  /** The key must not be used any more. */
  get exhausted(): boolean {
    return this.keyPackets >= this.#sealLimit || this.#numbers.next >= LAST_NUMBER;
  }

  /**
   * The peer has us send on and on and acknowledges nothing: what is remembered of the packets would fill the memory.
   * No network does that, since who cannot hear us is soon not allowed to send.
   */
  get isStarved(): boolean {
    return this.#recovery.unsettled >= 2 * MAX_UNSETTLED;
  }

  /** How many packets of `size` octets, at most `most`, congestion control, pacing and the key let go now. */
  allowed(now: number, most: number, size = this.packetSize): number {
    const room = this.#recovery.room;
    if (room < size || this.exhausted || this.#recovery.unsettled >= MAX_UNSETTLED) return 0;
    const wait = this.#pacer.delay(now, size);
    if (wait > 0) {
      this.#paceAt = now + wait;
      return 0;
    }
    const paced = Math.max(1, Math.floor(this.#pacer.budget(now) / size));
    return Math.min(most, Math.floor(room / size), paced, Math.ceil(this.#sealLimit) - this.keyPackets);
  }

  /** Seals one packet of frames. False if the sink is full: nothing happened. */
  packet(
    now: number,
    sink: PacketSink,
    frames: Uint8Array,
    length: number,
    log: FrameLog,
    path: number = this.path,
  ): boolean {
    const pn = this.#numbers.next;
    if (!sink.sealFrames(pn, frames, 0, length, path)) return false;
    this.#numbers.take(1);
    const size = length + PACKET_OVERHEAD;
    this.#recovery.onPacketSent(pn, now, size, log.ackEliciting, log.ackEliciting, path);
    for (let i = 0; i < log.count; i++) this.#recovery.addFrame(log.kind(i), log.a(i), log.b(i), log.c(i));
    this.onSealed(now, 1, size, log.ackEliciting);
    return true;
  }

  /** Packets were sealed, of `octets` in sum. */
  onSealed(now: number, packets: number, octets: number, ackEliciting: boolean): void {
    this.packetsSent += packets;
    this.octetsSent += octets;
    if (!ackEliciting) return;
    this.#pacer.onSent(now, octets);
    this.#lifetime.onSent(now);
  }
}
