import { ALGORITHMS } from '../../lib/protocol/congestion/algorithms.js';
import { LossRecovery } from '../../lib/protocol/loss-recovery.js';
import type { LossRecoveryOptions } from '../../lib/protocol/loss-recovery-options.js';
import { PacketNumbers } from '../../lib/protocol/packet-numbers.js';
import { SentFrame, type SentFrameObserver } from '../../lib/protocol/sent-packets.js';

export const SIZE = 1200;
export const PAYLOAD = 1155;
export const PATH = 7;

/** [kind, a, b, c] of a frame whose fate was told. */
export type Fate = readonly [number, number, number, number];

/** Loss recovery on its own, with what it tells noted, and numbers skipped every 4,096 packets only. */
export class RecoveryHarness implements SentFrameObserver {
  readonly numbers = new PacketNumbers({ u32: () => 4096 - 256 });
  readonly recovery: LossRecovery;
  acked: Fate[] = [];
  lost: Fate[] = [];
  #offset = 0;

  constructor(options: Partial<LossRecoveryOptions> = {}) {
    this.recovery = new LossRecovery({
      now: 0,
      observer: this,
      numbers: this.numbers,
      congestion: ALGORITHMS.newreno,
      random: { u32: () => 0 },
      packetSize: SIZE,
      peerMaxAckDelayMs: 25,
      path: PATH,
      ...options,
    });
  }

  onFrameAcked(...fate: [number, number, number, number]): void {
    this.acked.push(fate);
  }

  onFrameLost(...fate: [number, number, number, number]): void {
    this.lost.push(fate);
  }

  /** Sends single packets, each with a FLOW_CREDIT frame whose limit is the packet number. Gives the first number. */
  send(now: number, count = 1, path = PATH, kind: number = SentFrame.FLOW_CREDIT): number {
    const first = this.numbers.next;
    for (let i = 0; i < count; i++) {
      const pn = this.numbers.next;
      this.numbers.take(1);
      this.recovery.onPacketSent(pn, now, SIZE, true, true, path);
      this.recovery.addFrame(kind, 0, pn, 0);
    }
    return first;
  }

  /** Sends a packet that only acknowledges. */
  sendAck(now: number): number {
    const pn = this.numbers.next;
    this.numbers.take(1);
    this.recovery.onPacketSent(pn, now, 60, false, false, PATH);
    this.recovery.addFrame(SentFrame.ACK, pn, 0, 0);
    return pn;
  }

  /** Sends a run of stream 1 whose last packet holds one octet. */
  sendRun(now: number, count: number, fin = false): number {
    const pn = this.numbers.next;
    this.numbers.take(count);
    const begin = this.#offset;
    this.#offset += (count - 1) * PAYLOAD + 1;
    this.recovery.onRunSent(pn, count, now, SIZE, SIZE - PAYLOAD + 1, 1, begin, PAYLOAD, this.#offset, fin);
    return pn;
  }

  /** An ACK of these ranges, descending: [lo, hi] each. Gives the close code. */
  ack(now: number, ...ranges: [number, number][]): number {
    return this.recovery.onAckReceived(
      now,
      ranges[0]![1],
      0,
      new Float64Array(ranges.flat()),
      ranges.length,
      false,
      0,
      0,
      0,
    );
  }

  /** Limits (packet numbers) of the FLOW_CREDIT frames told lost. */
  get lostCredits(): number[] {
    return this.lost.filter(([kind]) => kind === SentFrame.FLOW_CREDIT).map(([, , limit]) => limit);
  }

  get ackedCredits(): number[] {
    return this.acked.filter(([kind]) => kind === SentFrame.FLOW_CREDIT).map(([, , limit]) => limit);
  }
}
