// Fields of a snapshot.
/** Lowest packet number of the unit: tells whether the snapshot is of this one. */
const FIRST = 0;
const DELIVERED = 1;
const DELIVERED_TIME = 2;
const FIRST_SENT_TIME = 3;
const IN_FLIGHT = 4;
const LOST = 5;
/** 1 if the application had nothing to send some time before. */
const APP_LIMITED = 6;
const WORDS = 7;
const MIN_SLOTS = 4;

/** Shortest interval that a rate is computed from, ms: the clock's grain. */
const MIN_INTERVAL = 0.001;

/**
 * Measures how fast a path delivers (draft-ietf-ccwg-bbr, "Delivery Rate Samples"): what was delivered between the
 * sending of a packet and its ACK, by the time from the ACK before it was sent. Octets, ms, octets per ms.
 *
 * What is to be remembered of each unit that is in flight lies in one array by `slot` (see `PacketWatcher`).
 */
export class DeliveryRate {
  /** Octets acknowledged and octets declared lost so far. */
  delivered = 0;
  lost = 0;
  #deliveredTime = 0;
  /** When the packet went out that was acknowledged last. */
  #firstSentTime = 0;
  /** While `delivered` is not beyond, samples are bounded by the application; 0 if they are not. */
  #appLimited = 0;
  #snapshots = new Float64Array(MIN_SLOTS * WORDS).fill(-1);

  // The sample of an ACK: of the packet sent last among those that it acknowledged.
  #hasSample = false;
  /** Octets per ms; 0 if the ACK tells no reliable one. */
  rate = 0;
  /** Octets delivered from the sending of that packet until its ACK. */
  sampleDelivered = 0;
  /** `delivered` when that packet was sent. */
  priorDelivered = 0;
  /** Octets in flight when it was sent, itself included. */
  inFlight = 0;
  /** Octets lost since it was sent. */
  sampleLost = 0;
  isAppLimited = false;
  /** Octets that the ACK acknowledged. */
  newlyAcked = 0;
  #sendElapsed = 0;
  #ackElapsed = 0;
  #priorLost = 0;

  // Of the packets lost last.
  lossInFlight = 0;
  /** Octets lost since they were sent, they included. */
  lossLost = 0;
  lossAppLimited = false;

  onSent(now: number, first: number, slot: number, octets: number, inFlight: number): void {
    if (inFlight <= octets) this.#firstSentTime = this.#deliveredTime = now;
    const at = slot * WORDS;
    if (at >= this.#snapshots.length) this.#grow(at + WORDS);
    const snapshots = this.#snapshots;
    snapshots[at + FIRST] = first;
    snapshots[at + DELIVERED] = this.delivered;
    snapshots[at + DELIVERED_TIME] = this.#deliveredTime;
    snapshots[at + FIRST_SENT_TIME] = this.#firstSentTime;
    snapshots[at + IN_FLIGHT] = inFlight;
    snapshots[at + LOST] = this.lost;
    snapshots[at + APP_LIMITED] = this.#appLimited > 0 ? 1 : 0;
  }

  /** False for a unit that was sent before, or when the path was not in use: it says nothing. */
  onAcked(now: number, first: number, slot: number, octets: number, sentTime: number): boolean {
    const at = slot * WORDS;
    const snapshots = this.#snapshots;
    if (snapshots[at + FIRST] !== first) return false;
    this.delivered += octets;
    this.newlyAcked += octets;
    this.#hasSample = true;
    this.priorDelivered = snapshots[at + DELIVERED]!;
    this.inFlight = snapshots[at + IN_FLIGHT]!;
    this.#priorLost = snapshots[at + LOST]!;
    this.isAppLimited = snapshots[at + APP_LIMITED] === 1;
    this.#sendElapsed = sentTime - snapshots[at + FIRST_SENT_TIME]!;
    this.#ackElapsed = now - snapshots[at + DELIVERED_TIME]!;
    this.#deliveredTime = now;
    this.#firstSentTime = sentTime;
    return true;
  }

  /** Sets `lossInFlight`, `lossLost` and `lossAppLimited`. False as `onAcked`. */
  onLost(first: number, slot: number, octets: number): boolean {
    const at = slot * WORDS;
    const snapshots = this.#snapshots;
    if (snapshots[at + FIRST] !== first) return false;
    this.lost += octets;
    this.lossInFlight = snapshots[at + IN_FLIGHT]!;
    this.lossLost = this.lost - snapshots[at + LOST]!;
    this.lossAppLimited = snapshots[at + APP_LIMITED] === 1;
    return true;
  }

  /** All of an ACK is told. False if it gives no sample. `minRtt`: shorter intervals are not believed. */
  sample(minRtt: number): boolean {
    if (this.#appLimited > 0 && this.delivered > this.#appLimited) this.#appLimited = 0;
    if (!this.#hasSample) return false;
    this.#hasSample = false;
    const interval = Math.max(this.#sendElapsed, this.#ackElapsed);
    this.sampleDelivered = this.delivered - this.priorDelivered;
    this.sampleLost = this.lost - this.#priorLost;
    this.rate = interval < minRtt ? 0 : this.sampleDelivered / Math.max(interval, MIN_INTERVAL);
    return true;
  }

  /** The ACK is dealt with. */
  endAck(): void {
    this.newlyAcked = 0;
  }

  get appLimited(): boolean {
    return this.#appLimited > 0;
  }

  /** What is in flight now says only how much the application sent. */
  markAppLimited(inFlight: number): void {
    this.#appLimited = Math.max(this.delivered + inFlight, 1);
  }

  /** Nothing is in flight: gives memory back. */
  trim(): void {
    this.#snapshots = new Float64Array(MIN_SLOTS * WORDS).fill(-1);
  }

  #grow(words: number): void {
    let length = this.#snapshots.length;
    while (length < words) length *= 2;
    const larger = new Float64Array(length).fill(-1);
    larger.set(this.#snapshots);
    this.#snapshots = larger;
  }
}
