/** Packets that may be marked before the peer confirmed any (RFC 9000 A.4). */
const TESTED_PACKETS = 10;

const State = { OFF: 0, TESTING: 1, CAPABLE: 2, FAILED: 3 } as const;

/** Checks that ECN marks get through a path and come back in ACKs (RFC 9000 §13.4.2). Only ECT(0) is sent. */
export class EcnValidator {
  #state: number = State.OFF;
  #ect0 = 0;
  #ect1 = 0;
  #ce = 0;
  /** Packets sent with ECT(0) so far. */
  #marked = 0;
  /** The same on this path, while testing it. */
  #tested = 0;

  /** Packets sent now are marked ECT(0). */
  get marking(): boolean {
    return this.#state === State.CAPABLE || (this.#state === State.TESTING && this.#tested < TESTED_PACKETS);
  }

  get failed(): boolean {
    return this.#state === State.FAILED;
  }

  /** Begins to mark, unless validation failed before. */
  start(): void {
    if (this.#state === State.OFF) this.#state = State.TESTING;
  }

  stop(): void {
    if (this.#state !== State.FAILED) this.#state = State.OFF;
  }

  /** Another path: what was learnt does not hold there, but the peer's counts run on. */
  restart(): void {
    if (this.#state === State.OFF) return;
    this.#state = State.TESTING;
    this.#tested = 0;
  }

  onMarkedSent(count: number): void {
    this.#marked += count;
    this.#tested += count;
  }

  /**
   * An ACK that raised the largest acknowledged number and newly acknowledged `marked` packets sent with ECT(0).
   * Gives the number of newly reported CE marks; 0 if validation fails or had failed.
   */
  onAck(marked: number, hasEcn: boolean, ect0: number, ect1: number, ce: number): number {
    if (this.#state === State.OFF || this.#state === State.FAILED) return 0;
    if (!hasEcn) {
      if (marked > 0) this.#state = State.FAILED;
      return 0;
    }
    const newEct0 = ect0 - this.#ect0;
    const newCe = ce - this.#ce;
    // Marks that vanished, changed into ECT(1) or went backwards: something on the path meddles with them.
    if (newEct0 < 0 || newCe < 0 || ect1 !== this.#ect1 || newEct0 + newCe < marked || ect0 + ce > this.#marked) {
      this.#state = State.FAILED;
      return 0;
    }
    this.#ect0 = ect0;
    this.#ect1 = ect1;
    this.#ce = ce;
    if (marked > 0) this.#state = State.CAPABLE;
    return newCe;
  }
}
