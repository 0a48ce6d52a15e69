/** Packets that are marked before the peer confirmed any (RFC 9000 A.4). */
const TESTED_PACKETS = 10;
/** So many of them lost, and no other one acknowledged, are no bad luck; nor are fewer in so many probe timeouts. */
const LOST_PACKETS = 5;
const LOST_TIMEOUTS = 3;
/** Probe timeouts in a row from which on a path that carried marks is tested anew. */
const SILENT_TIMEOUTS = 2;

/**
 * Whether packets are marked ECT(0) (RFC 9000 §13.4.2): `unavailable`: the path is a WebSocket, or the own socket cannot
 * mark; `testing`: a few are; `unknown`: no more are until the peer has confirmed some; `capable`: all are; `failed`:
 * marks get lost, or come back wrong.
 */
export type EcnState = 'unavailable' | 'testing' | 'unknown' | 'capable' | 'failed';

/** Checks that ECN marks get through a path and come back in ACKs (RFC 9000 §13.4.2). Only ECT(0) is sent. */
export class EcnValidator {
  #state: EcnState = 'unavailable';
  /** Packets sent now are marked. */
  #marking = false;
  // What the peer counts.
  #ect0 = 0;
  #ect1 = 0;
  #ce = 0;
  /** Packets sent with ECT(0) so far: all that a peer can have counted. */
  #marked = 0;
  // Of the test at hand: its first packet, marked ones sent, those of them lost, probe timeouts.
  #testBegin = -1;
  #tested = 0;
  #lost = 0;
  #timeouts = 0;
  /** CE marks that the peer reported, while that was believed. */
  experienced = 0;

  /** @param possible the path at hand, and the socket, carry marks */
  constructor(possible: boolean) {
    this.onPath(possible);
  }

  get state(): EcnState {
    return this.#state;
  }

  /** Decides whether the packets sent until the next call are marked. */
  decide(): boolean {
    const testing = this.#state === 'testing' && this.#tested < TESTED_PACKETS;
    return (this.#marking = testing || this.#state === 'capable');
  }

  /** Another path: what was learnt does not hold there, but the peer's counts run on. */
  onPath(possible: boolean): void {
    this.hold();
    this.#startTest(possible ? 'testing' : 'unavailable');
  }

  /** Nothing is marked until the next decision. */
  hold(): void {
    this.#marking = false;
  }

  /** Packets `pn .. pn + count - 1` go out. True if they are marked. */
  onSent(pn: number, count: number): boolean {
    if (!this.#marking) return false;
    this.#marked += count;
    if (this.#state === 'capable') return true;
    if (this.#testBegin < 0) this.#testBegin = pn;
    this.#tested += count;
    return true;
  }

  /**
   * An ACK that raised the largest acknowledged number and newly acknowledged `marked` packets sent with ECT(0), the last
   * of them `last`. True if it reports new CE marks; never once validation failed.
   */
  onAck(marked: number, last: number, hasEcn: boolean, ect0: number, ect1: number, ce: number): boolean {
    if (this.#state === 'unavailable') return false;
    if (!hasEcn) {
      if (marked > 0) this.#fail();
      return false;
    }
    const newEct0 = ect0 - this.#ect0;
    const newEct1 = ect1 - this.#ect1;
    const newCe = ce - this.#ce;
    this.#ect0 = ect0;
    this.#ect1 = ect1;
    this.#ce = ce;
    if (this.#state === 'failed') return false;
    // Marks that vanished, changed into ECT(1) or went backwards, or more than were sent: somebody meddles with them.
    const isWrong = newEct0 < 0 || newCe < 0 || newEct1 !== 0;
    if (isWrong || newEct0 + newCe < marked || ect0 + ce > this.#marked) {
      this.#fail();
      return false;
    }
    if (marked > 0 && this.#testBegin >= 0 && last >= this.#testBegin) this.#state = 'capable';
    else if (this.#testBegin < 0 && this.#state === 'unknown') this.#state = 'testing';
    this.experienced += newCe;
    return newCe > 0;
  }

  /** Marked packets are lost, `pn` the first one. */
  onLost(pn: number, count: number): void {
    if (this.#state !== 'testing' && this.#state !== 'unknown') return;
    if (this.#testBegin < 0 || pn < this.#testBegin) return;
    this.#lost += count;
    if (this.#lost < this.#tested) return;
    // Every one of them (RFC 9000 §13.4.2).
    if (this.#lost >= LOST_PACKETS || this.#timeouts >= LOST_TIMEOUTS) this.#fail();
    else this.#state = 'testing';
  }

  /** Nothing came back for a probe timeout, the `count`th in a row: perhaps because of the marks. */
  onTimeout(count: number): void {
    if (this.#state === 'testing' && this.#tested > 0) {
      this.#timeouts++;
      this.#state = 'unknown';
    } else if (this.#state === 'capable' && count >= SILENT_TIMEOUTS) {
      // Without marks until the peer answers.
      this.#startTest('unknown');
    }
  }

  #startTest(state: EcnState): void {
    this.#state = state;
    this.#testBegin = -1;
    this.#tested = this.#lost = this.#timeouts = 0;
  }

  #fail(): void {
    this.#state = 'failed';
  }
}
