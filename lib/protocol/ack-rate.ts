import { encodeAckFrequency } from '../wire/packet-frames.js';
import type { FrameLog } from './frame-log.js';
import { GRANULARITY, type RttEstimator } from './rtt.js';
import { SentFrame } from './sent-frame.js';

/**
 * ACKs wanted in a round trip while the window is full. With fewer the window follows the path late, which costs part of
 * the rate where queues are short: with 48 up to a fifth of it where there is next to no queue, with so many nothing.
 */
const ACKS_PER_ROUND = 96;
/** The same while the window doubles in a round trip: who learns late of a full queue has sent the more into it. */
const ACKS_IN_SLOW_START = 256;
/** The last packets, behind which no others come, are acknowledged after this part of a round trip. */
const DELAY_SHARE = 8;
/** With shorter round trips, ms, timers are too coarse; there whoever receives works on many packets at once anyway. */
const MIN_RTT = 8;
/** From so many packets per ACK on it is worth a frame. */
const MIN_THRESHOLD = 4;
/** Asks anew when what is wanted changed by this factor. */
const CHANGE = 2;

/**
 * How often the peer is to acknowledge (draft-ietf-quic-ack-frequency): a part of what is in flight in a round trip, so
 * that the number of ACKs does not grow with the rate; as ever where little is in flight, or near by.
 */
export class AckRate {
  /** A frame waits to be sent. */
  wanted = false;
  readonly #peerMaxDelay: number;
  #sequence = 0;
  // What was asked for last. At first the peer goes by itself: after two packets, or its max_ack_delay.
  #threshold = 1;
  #delay: number;

  /** @param peerMaxDelay the peer's max_ack_delay, ms: more it does not wait whatever it is asked for */
  constructor(peerMaxDelay: number) {
    this.#peerMaxDelay = peerMaxDelay;
    this.#delay = peerMaxDelay;
  }

  /** Packets that the peer waits for before it acknowledges, less one, once the frame arrived. */
  get threshold(): number {
    return this.#threshold;
  }

  /** ms that it waits at most. */
  get maxDelay(): number {
    return this.#delay;
  }

  /** A round trip is over, in which at most `packets` full packets were in flight. */
  onRound(packets: number, rtt: RttEstimator, inSlowStart: boolean): void {
    const acks = inSlowStart ? ACKS_IN_SLOW_START : ACKS_PER_ROUND;
    const threshold = rtt.hasSample && rtt.min >= MIN_RTT ? Math.floor(packets / acks) : 1;
    if (threshold < MIN_THRESHOLD) this.#goBack();
    else this.#ask(threshold, Math.min(rtt.min / DELAY_SHARE + GRANULARITY, this.#peerMaxDelay));
  }

  /** Nothing is known of the path any more. */
  onPath(): void {
    this.#goBack();
  }

  encode(out: Uint8Array, at: number, log: FrameLog): number {
    this.wanted = false;
    log.add(SentFrame.ACK_FREQUENCY, this.#sequence, 0, 0);
    return encodeAckFrequency(this.#sequence, this.#threshold, Math.round(this.#delay * 1000), out, at);
  }

  /** Only the newest is worth to be sent again. */
  onLost(sequence: number): void {
    if (sequence === this.#sequence) this.wanted = true;
  }

  #goBack(): void {
    if (this.#threshold > 1) this.#set(1, this.#peerMaxDelay);
  }

  #ask(threshold: number, delay: number): void {
    const isNear = (a: number, b: number): boolean => a < b * CHANGE && b < a * CHANGE;
    if (!isNear(threshold, this.#threshold) || !isNear(delay, this.#delay)) this.#set(threshold, delay);
  }

  #set(threshold: number, delay: number): void {
    this.#threshold = threshold;
    this.#delay = delay;
    this.#sequence++;
    this.wanted = true;
  }
}
