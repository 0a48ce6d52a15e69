import { CloseCode } from '../constants.js';
import { RttEstimator } from './rtt.js';
import type { Numbers, Recovery, SendingConfig } from './sending.js';
import type { SentFrameObserver } from './sent-frame.js';

/** Numbers of a packet that is remembered: packet number, when it was sent, octets, frames. Four numbers of each frame follow. */
const PACKET_WORDS = 4;
const FRAME_WORDS = 4;
/** PTO back-off ends there, ms. */
const MAX_PTO = 60_000;
/** The queue is moved up when this much of it, and half of it, is over. */
const SLACK = 1024;

/**
 * Recovery where packets keep their order: once one of them is acknowledged, all that were sent before it arrived as
 * well, or the peer dropped them. So a packet is lost exactly if a later one is acknowledged and it is not; and a probe
 * need not carry anything again, for what its acknowledgement tells.
 *
 * Packets that ask for no acknowledgement are not remembered: what is in them is never sent again.
 */
export class OrderedRecovery implements Recovery, Numbers {
  readonly rtt: RttEstimator;
  readonly room = Infinity;
  readonly congestionWindow = Number.MAX_SAFE_INTEGER;
  next = 0;
  ptoCount = 0;
  probesToSend = 0;
  largestAcked = -1;
  bytesInFlight = 0;
  packetsLost = 0;
  unsettled = 0;
  readonly #observer: SentFrameObserver;
  readonly #peerMaxAckDelay: number;
  /** The packets whose fate is open, the oldest at `#first`. */
  #queue: number[] = [];
  #first = 0;
  /** The packet that was sent last; -1 if it is not remembered. */
  #last = -1;
  /** The probe timeout runs from then. */
  #ptoBase = -Infinity;

  constructor({ handshakeRttMs, observer, peerMaxAckDelayMs }: SendingConfig) {
    this.rtt = new RttEstimator(handshakeRttMs);
    this.#observer = observer;
    this.#peerMaxAckDelay = peerMaxAckDelayMs;
  }

  take(count: number): void {
    this.next += count;
  }

  get pto(): number {
    return this.rtt.pto(this.#peerMaxAckDelay);
  }

  onPacketSent(pn: number, now: number, size: number, ackEliciting: boolean): void {
    this.#last = -1;
    if (!ackEliciting) return;
    this.#last = this.#queue.length;
    this.#queue.push(pn, now, size, 0);
    this.unsettled++;
    this.bytesInFlight += size;
    this.#ptoBase = now;
    if (this.probesToSend > 0) this.probesToSend--;
  }

  addFrame(kind: number, a: number, b: number, c: number): void {
    if (this.#last < 0) return;
    this.#queue[this.#last + PACKET_WORDS - 1]!++;
    this.#queue.push(kind, a, b, c);
  }

  onAckReceived(now: number, largest: number, ackDelayMs: number, ranges: Float64Array, rangeCount: number): number {
    if (largest >= this.next) return CloseCode.PROTOCOL;
    this.largestAcked = Math.max(this.largestAcked, largest);
    const queue = this.#queue;
    let range = rangeCount - 1;
    while (this.#first < queue.length && queue[this.#first]! <= largest) {
      const at = this.#first;
      const pn = queue[at]!;
      while (ranges[2 * range + 1]! < pn) range--;
      const arrived = pn >= ranges[2 * range]!;
      this.unsettled--;
      this.bytesInFlight -= queue[at + 2]!;
      this.#first += PACKET_WORDS + FRAME_WORDS * queue[at + 3]!;
      if (arrived) this.ptoCount = this.probesToSend = 0;
      else this.packetsLost++;
      if (pn === largest) this.rtt.sample(now - queue[at + 1]!, Math.min(ackDelayMs, this.#peerMaxAckDelay));
      this.#tell(at + PACKET_WORDS, this.#first, arrived);
    }
    if (this.#first === queue.length || (this.#first > SLACK && 2 * this.#first > queue.length)) {
      this.#queue = queue.slice(this.#first);
      this.#first = 0;
    }
    return CloseCode.NONE;
  }

  timeout(): number {
    return this.unsettled === 0 ? Infinity : this.#ptoBase + Math.min(this.pto * 2 ** this.ptoCount, MAX_PTO);
  }

  onTimeout(now: number): void {
    this.#ptoBase = now;
    this.ptoCount++;
    this.probesToSend = 1;
  }

  // One path carries everything, and nobody tries how fast it is.
  onPathChanged(): void {}
  onPacketSize(): void {}
  onAppLimited(): void {}

  /** What became of the frames from `at` to `end` of the queue. */
  #tell(at: number, end: number, arrived: boolean): void {
    const queue = this.#queue;
    for (; at < end; at += FRAME_WORDS) {
      const [kind, a, b, c] = [queue[at]!, queue[at + 1]!, queue[at + 2]!, queue[at + 3]!];
      if (arrived) this.#observer.onFrameAcked(kind, a, b, c);
      else this.#observer.onFrameLost(kind, a, b, c);
    }
  }
}
