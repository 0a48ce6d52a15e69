import { AckTracker } from '../../../../lib/protocol/ack-tracker.js';
import { ReceivedRanges } from '../../../../lib/protocol/received-ranges.js';
import type { CongestionAlgorithm } from '../../../../lib/protocol/congestion/controller.js';
import { FrameLog } from '../../../../lib/protocol/frame-log.js';
import { LossRecovery } from '../../../../lib/protocol/loss-recovery.js';
import { PacketNumbers } from '../../../../lib/protocol/packet-numbers.js';
import { Pacer } from '../../../../lib/protocol/pacer.js';
import { SimRandom } from '../random.js';
import type { Bottleneck } from './bottleneck.js';
import { Fifo } from './fifo.js';
import type { RandomLosses } from './losses.js';

/** How often a receiver looks at its socket, ms: what arrives meanwhile is one batch. */
const BATCH_MS = 0.1;
const SCRATCH = new Uint8Array(64);
const LOG = new FrameLog();
const MAX_ACK_DELAY = 25;
const MAX_RANGES = 64;
// Fields of an ACK on its way: time, delay, count, ranges.
const ACK_AT = 0;
const ACK_DELAY = 1;
const ACK_COUNT = 2;
const ACK_RANGES = 3;

export interface FlowOptions {
  readonly algorithm: CongestionAlgorithm;
  readonly bottleneck: Bottleneck;
  /** What is lost at random. */
  readonly losses: RandomLosses;
  /** Round-trip time without a queue. */
  readonly rttMs: number;
  readonly packetSize: number;
  readonly seed: number;
  /** Begins then. */
  readonly start: number;
  /** How often the receiver looks at its socket, ms; 0.1 if absent. */
  readonly batchMs?: number;
  /** Asks for as many ACKs as it needs; else there is one for every batch. True if absent. */
  readonly asks?: boolean;
}

/**
 * A sender that always has something to send, and its receiver: the product's loss recovery, congestion controller,
 * pacer, packet numbers and ACKs on a virtual clock, without the streams above and the datagrams below.
 */
export class BulkFlow {
  readonly recovery: LossRecovery;
  /** Octets that arrived. */
  arrived = 0;
  /** Packets lost at random. */
  lostAtRandom = 0;
  /** ACKs that the receiver sent, and times that it was asked to send another number of them. */
  acksSent = 0;
  asked = 0;
  losses: RandomLosses;
  readonly #options: FlowOptions;
  readonly #numbers: PacketNumbers;
  readonly #pacer: Pacer;
  readonly #acks = new AckTracker(MAX_ACK_DELAY, new ReceivedRanges());
  /** [time, number] of packets on their way. */
  readonly #packets = new Fifo(2);
  readonly #ackFrames = new Fifo(ACK_RANGES + 2 * MAX_RANGES);
  /** [time, largest] of ACKs of ACKs. */
  readonly #ackAcks = new Fifo(2);
  /** [time, threshold, ms] of demands for ACKs. */
  readonly #demands = new Fifo(3);
  readonly #ranges = new Float64Array(2 * MAX_RANGES);
  readonly #batchMs: number;
  /** Octets per ms that the application writes. */
  #appRate = Infinity;
  #written = Infinity;
  #writtenAt = 0;
  #appAt = Infinity;
  #batchAt = Infinity;
  #paceAt = Infinity;
  #started = false;
  #offset = 0;
  /** Of demands that arrived. */
  #sequence = 0;

  constructor(options: FlowOptions) {
    this.#options = options;
    this.losses = options.losses;
    this.#batchMs = options.batchMs ?? BATCH_MS;
    const random = new SimRandom(options.seed);
    this.#numbers = new PacketNumbers(random);
    this.recovery = new LossRecovery({
      now: options.start,
      observer: { onFrameAcked() {}, onFrameLost() {} },
      numbers: this.#numbers,
      congestion: options.algorithm,
      random,
      packetSize: options.packetSize,
      peerMaxAckDelayMs: MAX_ACK_DELAY,
      handshakeRttMs: options.rttMs,
      path: 0,
    });
    this.#pacer = new Pacer(this.recovery, options.start);
  }

  /** Octets that arrived and were needed. */
  get goodput(): number {
    return this.arrived - this.recovery.spuriousLosses * this.#options.packetSize;
  }

  /** When something happens next. */
  next(): number {
    if (!this.#started) return this.#options.start;
    let at = Math.min(this.#paceAt, this.#appAt, this.recovery.timeout(), this.#batchAt, this.#acks.ackDeadline);
    if (this.#ackFrames.length > 0) at = Math.min(at, this.#ackFrames.values[this.#ackFrames.first + ACK_AT]!);
    if (this.#ackAcks.length > 0) at = Math.min(at, this.#ackAcks.values[this.#ackAcks.first]!);
    if (this.#demands.length > 0) at = Math.min(at, this.#demands.values[this.#demands.first]!);
    return at;
  }

  /** The application writes so many octets per ms from now on; Infinity: there is always more. */
  setAppRate(now: number, rate: number): void {
    this.#appRate = rate;
    this.#written = rate === Infinity ? Infinity : 0;
    this.#writtenAt = now;
    this.#appAt = now;
  }

  step(now: number): void {
    this.#started = true;
    this.#receive(now);
    while (this.#ackFrames.length > 0 && this.#ackFrames.values[this.#ackFrames.first + ACK_AT]! <= now) {
      this.#onAckFrame(now);
    }
    if (this.recovery.timeout() <= now) this.recovery.onTimeout(now);
    this.#send(now);
  }

  #send(now: number): void {
    const { recovery } = this;
    const size = this.#options.packetSize;
    this.#paceAt = this.#appAt = Infinity;
    this.#write(now);
    this.#ask(now);
    while (recovery.probesToSend > 0) this.#sendRun(now, 1);
    for (;;) {
      const room = Math.floor(Math.min(recovery.room, this.#written) / size);
      if (room === 0) {
        if (this.#written >= size) return;
        recovery.onAppLimited();
        if (this.#appRate > 0) this.#appAt = now + (size - this.#written) / this.#appRate + 1e-6;
        return;
      }
      const wait = this.#pacer.delay(now, size);
      if (wait > 0) {
        this.#paceAt = now + wait;
        return;
      }
      this.#sendRun(now, Math.min(room, Math.max(1, Math.floor(this.#pacer.budget(now) / size))));
    }
  }

  /** A frame that asks for more or fewer ACKs; it goes with a packet that is not lost. */
  #ask(now: number): void {
    const { ackRate } = this.recovery;
    if (this.#options.asks === false || !ackRate.wanted) return;
    ackRate.encode(SCRATCH, 0, LOG);
    LOG.clear();
    this.asked++;
    const at = this.#demands.push();
    this.#demands.values[at] = now + this.#options.rttMs / 2 + this.#options.bottleneck.delay(now);
    this.#demands.values[at + 1] = ackRate.threshold;
    this.#demands.values[at + 2] = ackRate.maxDelay;
  }

  #write(now: number): void {
    if (this.#appRate === Infinity) return;
    this.#written += (now - this.#writtenAt) * this.#appRate;
    this.#writtenAt = now;
  }

  #sendRun(now: number, most: number): void {
    const { bottleneck, packetSize, rttMs } = this.#options;
    const first = this.#numbers.next;
    const count = this.#numbers.run(most);
    const begin = this.#offset;
    this.#offset += count * packetSize;
    this.#written = Math.max(0, this.#written - count * packetSize);
    this.recovery.onRunSent(first, count, now, packetSize, packetSize, 1, begin, packetSize, this.#offset, false);
    this.#pacer.onSent(now, count * packetSize);
    this.#numbers.take(count);
    for (let pn = first; pn < first + count; pn++) {
      const isLost = this.losses.next();
      const left = bottleneck.offer(now, packetSize);
      if (left < 0) continue;
      if (isLost) {
        this.lostAtRandom++;
        continue;
      }
      const at = this.#packets.push();
      const { values } = this.#packets;
      values[at] = left + rttMs / 2;
      values[at + 1] = pn;
      if (this.#batchAt === Infinity) this.#batchAt = left + rttMs / 2 + this.#batchMs;
    }
  }

  #receive(now: number): void {
    const acks = this.#acks;
    const ackAcks = this.#ackAcks;
    while (ackAcks.length > 0 && ackAcks.values[ackAcks.first]! <= now) {
      acks.onAckOfAckReceived(ackAcks.values[ackAcks.first + 1]!);
      ackAcks.shift();
    }
    const demands = this.#demands;
    while (demands.length > 0 && demands.values[demands.first]! <= now) {
      const { first, values } = demands;
      acks.onAckFrequency(this.#sequence++, values[first + 1]!, values[first + 2]!);
      demands.shift();
    }
    if (now >= this.#batchAt) {
      const packets = this.#packets;
      let first = -1;
      let count = 0;
      while (packets.length > 0 && packets.values[packets.first]! <= now) {
        const pn = packets.values[packets.first + 1]!;
        packets.shift();
        if (pn !== first + count) {
          if (count > 0) acks.onReceived(first, count, true, now);
          first = pn;
          count = 0;
        }
        count++;
        this.arrived += this.#options.packetSize;
      }
      if (count > 0) acks.onReceived(first, count, true, now);
      acks.onBatchEnd();
      this.#batchAt = packets.length > 0 ? packets.values[packets.first]! + this.#batchMs : Infinity;
    }
    if (acks.shouldAckNow(now)) this.#sendAck(now);
  }

  #sendAck(now: number): void {
    const acks = this.#acks;
    const half = this.#options.rttMs / 2;
    const at = this.#ackFrames.push();
    const { values } = this.#ackFrames;
    values[at + ACK_AT] = now + half;
    values[at + ACK_DELAY] = acks.ackDelay(now);
    values[at + ACK_COUNT] = acks.received.count;
    for (let i = 0; i < 2 * acks.received.count; i++) values[at + ACK_RANGES + i] = acks.received.pairs[i]!;
    const isEliciting = acks.wantsPing;
    if (isEliciting) {
      // The sender acknowledges it with its next packet.
      const back = this.#ackAcks.push();
      this.#ackAcks.values[back] = now + 2 * half + this.#options.bottleneck.delay(now);
      this.#ackAcks.values[back + 1] = acks.largest;
    }
    acks.onAckSent(isEliciting);
    this.acksSent++;
  }

  #onAckFrame(now: number): void {
    const frames = this.#ackFrames;
    const at = frames.first;
    const { values } = frames;
    const count = values[at + ACK_COUNT]!;
    this.#ranges.set(values.subarray(at + ACK_RANGES, at + ACK_RANGES + 2 * count));
    const delay = values[at + ACK_DELAY]!;
    frames.shift();
    const code = this.recovery.onAckReceived(now, this.#ranges[1]!, delay, this.#ranges, count, false, 0, 0, 0);
    if (code !== 0) throw new Error(`an ACK was refused: ${code}`);
  }
}
