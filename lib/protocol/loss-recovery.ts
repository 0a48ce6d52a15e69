import { CloseCode } from '../constants.js';
import { AckRate } from './ack-rate.js';
import { CongestionState } from './congestion/congestion-state.js';
import { EcnValidator } from './ecn.js';
import type { LossRecoveryOptions } from './loss-recovery-options.js';
import type { PacketNumbers } from './packet-numbers.js';
import { type PathFlight, PathFlights } from './path-flights.js';
import { PROBES, ProbeTimeout } from './probe-timeout.js';
import { unlimited } from './congestion/unlimited.js';
import { PathRtt } from './path-rtt.js';
import type { PathProfile } from './path-profile.js';
import { SentFlag, type SentFrameObserver } from './sent-frame.js';
import { SentPackets } from './sent-packets.js';

/** Packets acknowledged after one that make it lost (RFC 9002 §6.1.1). */
const PACKET_THRESHOLD = 3;
/** Time after which a session with nothing in flight gives back what its bursts needed, ms. */
const TRIM_AFTER = 1000;

/** Remembers what was sent, and decides what is lost, when to probe, and how much may be in flight (RFC 9002, STT §7). */
export class LossRecovery {
  readonly rtt: PathRtt;
  // Totals, for statistics.
  packetsSent = 0;
  octetsSent = 0;
  /** Packets declared lost, PMTU probes excepted. */
  packetsLost = 0;
  /** Packets acknowledged after they were declared lost. */
  spuriousLosses = 0;
  readonly #observer: SentFrameObserver;
  readonly #numbers: PacketNumbers;
  readonly #sent = new SentPackets();
  readonly ecn: EcnValidator;
  readonly ackRate: AckRate;
  readonly #paths: PathFlights;
  readonly #congestion: CongestionState;
  readonly #probing: ProbeTimeout;
  /** Largest packet number that the peer acknowledged, -1 if none. */
  largestAcked = -1;
  #trimAt = Infinity;

  constructor(options: LossRecoveryOptions) {
    this.rtt = new PathRtt(options.handshakeRttMs);
    this.#observer = options.observer;
    this.#numbers = options.numbers;
    this.#probing = new ProbeTimeout(this.rtt, options.peerMaxAckDelayMs);
    this.#paths = new PathFlights(options.path, options.detector);
    this.ackRate = new AckRate(options.peerMaxAckDelayMs);
    this.ecn = new EcnValidator(options.ecn === true);
    const firstSample = this.rtt.hasSample ? options.now : Infinity;
    this.#congestion = new CongestionState(options.congestion, options.packetSize, firstSample, options.random);
  }

  /**
   * A packet of `size` octets (UDP payload) went out on `path`; `addFrame` follows for each frame in it that matters.
   * Packet numbers ascend. `inFlight`: counts for congestion control (all but packets of ACK and SESSION_CLOSE only).
   * A padded packet that is not ack-eliciting does not count: if nothing else is sent, nothing would ever free its place.
   */
  onPacketSent(pn: number, now: number, size: number, ackEliciting: boolean, inFlight: boolean, path: number): void {
    const paths = this.#paths;
    const index = path === paths.active.id ? paths.activeIndex : paths.indexOf(path, this.pto);
    const counts = ackEliciting && inFlight;
    const flags = (ackEliciting ? SentFlag.ACK_ELICITING : 0) | (counts ? SentFlag.IN_FLIGHT : 0);
    this.#sent.add(pn, now, size, index === paths.activeIndex ? flags | this.#mark(pn, 1) : flags, index);
    this.#onSent(paths.at(index), pn, 1, size, now, ackEliciting, counts);
  }

  /** The packet sent last carries a frame: `SentFrame` kind and what identifies it. */
  addFrame(kind: number, a: number, b: number, c: number): void {
    this.#sent.addFrame(kind, a, b, c);
  }

  /**
   * Packets `pn .. pn + count - 1` went out on the path in use, one STREAM frame each: stream octets `offset .. end`
   * (absolute stream offsets), `payload` a packet, the last with the rest and, with `fin`, STREAM_END. `packetSize`
   * octets each, the last `lastPacketSize`. No `addFrame` may follow.
   */
  onRunSent(
    pn: number,
    count: number,
    now: number,
    packetSize: number,
    lastPacketSize: number,
    streamId: number,
    offset: number,
    payload: number,
    end: number,
    fin: boolean,
  ): void {
    if (count <= 0) return;
    const flags = SentFlag.ACK_ELICITING | SentFlag.IN_FLIGHT | this.#mark(pn, count);
    const path = this.#paths.activeIndex;
    this.#sent.addRun(pn, count, now, packetSize, lastPacketSize, flags, path, streamId, offset, payload, end, fin);
    this.#onSent(this.#paths.active, pn, count, (count - 1) * packetSize + lastPacketSize, now, true, true);
  }

  /**
   * An ACK frame: `ranges` = `rangeCount` pairs [lo, hi], descending, disjoint (the parser sees to that); `delayMs` as sent.
   * Tells the observer. Returns a close code: PROTOCOL for an ACK of a number that was not sent or skipped (STT §5).
   */
  onAckReceived(
    now: number,
    largest: number,
    delayMs: number,
    ranges: Float64Array,
    rangeCount: number,
    hasEcn: boolean,
    ect0: number,
    ect1: number,
    ce: number,
  ): number {
    if (largest >= this.#numbers.next || this.#numbers.acknowledgesSkipped(ranges, rangeCount)) {
      return CloseCode.PROTOCOL;
    }
    this.spuriousLosses += this.#congestion.refuteLosses(ranges, rangeCount);
    const sent = this.#sent;
    const { active, activeIndex } = this.#paths;
    const congestion = this.#congestion;
    let sampleTime = -1;
    if (sent.isOpen(largest)) {
      sent.look(largest);
      if (sent.path === activeIndex) sampleTime = sent.time;
    }
    const rises = largest > this.largestAcked;
    if (rises) this.largestAcked = largest;
    let acked = 0;
    let eliciting = 0;
    let growing = 0;
    let marked = 0;
    let lastMarked = -1;
    let markedTime = sampleTime;
    // From the oldest on, so that streams see their octets acknowledged in order.
    for (let i = rangeCount - 1; i >= 0; i--) {
      const hi = ranges[i * 2 + 1]!;
      for (let pn = sent.find(ranges[i * 2]!, hi); pn <= hi && pn < sent.end; pn = sent.find(pn, hi)) {
        const count = sent.acknowledge(pn, hi, this.#observer);
        pn += count;
        acked += count;
        const path = this.#paths.at(sent.path);
        path.onAcked(pn - 1, sent.largest);
        if ((sent.flags & SentFlag.ACK_ELICITING) !== 0) {
          path.eliciting -= count;
          eliciting += count;
        }
        if ((sent.flags & SentFlag.IN_FLIGHT) !== 0) {
          path.inFlight -= sent.octets;
          if (path === active) {
            if (congestion.mayGrowFor(sent.time)) growing += sent.octets;
            congestion.onDelivered(now, sent);
          }
        }
        if ((sent.flags & SentFlag.ECT) !== 0) {
          marked += count;
          lastMarked = pn - 1;
          markedTime = sent.time;
        }
      }
    }
    if (acked === 0) return CloseCode.NONE;
    if (eliciting > 0) {
      this.#probing.onAnswer();
      if (sampleTime >= 0) {
        // A peer cannot make us believe in a longer delay than it promised (STT §7).
        this.rtt.sample(now - sampleTime, Math.min(delayMs, this.#probing.peerMaxAckDelay));
        congestion.onRttSample(now, this.rtt, largest, sent.end);
      }
    }
    if (rises && this.ecn.onAck(marked, lastMarked, hasEcn, ect0, ect1, ce)) {
      congestion.onCongestionExperienced(now, markedTime);
    }
    this.#detectLosses(now);
    if (congestion.onAcked(now, growing, this.rtt, largest, sent.end, active.inFlight)) {
      const packets = Math.min(congestion.lastPeak, congestion.window) / congestion.packetSize;
      this.ackRate.onRound(packets, this.rtt, congestion.inSlowStart);
    }
    this.#planTrim(now);
    return CloseCode.NONE;
  }

  /** When `onTimeout` wants to be called: absolute ms or Infinity. */
  timeout(): number {
    const { active, all } = this.#paths;
    let time = active.lossTime;
    if (time === Infinity) time = active.eliciting > 0 ? this.#probing.deadline : this.#trimAt;
    for (const path of all) if (path.lossTime < time) time = path.lossTime;
    return time;
  }

  /**
   * To be called at or after `timeout()`; early calls do nothing. Declares losses, or sets `probesToSend` after having
   * told the oldest frames in flight as lost, so that the probes carry them.
   */
  onTimeout(now: number): void {
    if (now < this.timeout()) return;
    let losses = false;
    for (const path of this.#paths.all) if (path.lossTime <= now) losses = true;
    if (losses) {
      this.#detectLosses(now);
      this.#planTrim(now);
    } else if (this.#paths.active.eliciting > 0) {
      this.#probing.onExpired(now);
      this.ecn.onTimeout(this.#probing.count);
      this.#sent.probe(PROBES, this.#observer);
    } else {
      this.#trimAt = Infinity;
      this.#sent.trim();
      this.#congestion.trim();
    }
  }

  /** Ack-eliciting packets to send now whatever `canSend` and the pacer say; counted down as they are sent. */
  get probesToSend(): number {
    return this.#probing.probes;
  }

  /** Packets from the oldest that waits for its fate on: what memory is needed for. */
  get unsettled(): number {
    return this.#sent.end - this.#sent.lowest;
  }

  /** Probe timeouts in a row. */
  get ptoCount(): number {
    return this.#probing.count;
  }

  /** The probe timeout now, without back-off, ms. */
  get pto(): number {
    return this.#probing.period;
  }

  /** Octets in flight on the path in use. */
  get bytesInFlight(): number {
    return this.#paths.active.inFlight;
  }

  get congestionWindow(): number {
    return this.#congestion.window;
  }

  /** Octets per ms that the congestion controller asks for, 0 if it leaves it to the pacer. */
  get pacingRate(): number {
    return this.#congestion.pacingRate;
  }

  get inSlowStart(): boolean {
    return this.#congestion.inSlowStart;
  }

  /** Octets; Infinity before the first congestion event. */
  get ssthresh(): number {
    return this.#congestion.threshold;
  }

  get smoothedRtt(): number {
    return this.rtt.smoothed;
  }

  /** Octets of a full packet. */
  get packetSize(): number {
    return this.#congestion.packetSize;
  }

  /** Octets that the congestion window still allows; 0 or more. */
  get room(): number {
    return Math.max(0, this.#congestion.window - this.#paths.active.inFlight);
  }

  /** `size` more octets fit the congestion window. */
  canSend(size: number): boolean {
    return this.#paths.active.inFlight + size <= this.#congestion.window;
  }

  /** There is nothing to send although it would be allowed. */
  onAppLimited(): void {
    this.#congestion.onAppLimited(this.#paths.active.inFlight);
  }

  /** Another size of full packets (PMTU discovery). */
  onPacketSize(size: number): void {
    this.#congestion.onPacketSize(size);
  }

  /** Goes over to another path; with a profile all starts anew (STT §7). `gone`: what is out on the old one is lost. */
  onPathChanged(path: number, restart: PathProfile | undefined, gone: boolean, now: number): void {
    if (path === this.#paths.active.id) return;
    this.#paths.use(path, gone ? -Infinity : this.pto);
    this.#probing.restart(now);
    this.ecn.hold();
    if (restart !== undefined) {
      this.rtt.reset();
      this.#congestion.restart(restart.congestion ?? unlimited, restart.packetSize);
      this.ecn.onPath(restart.ecn === true);
      this.ackRate.onPath();
    }
    this.#detectLosses(now);
    this.#planTrim(now);
  }

  #mark(pn: number, count: number): number {
    return this.ecn.onSent(pn, count) ? SentFlag.ECT : 0;
  }

  #onSent(
    path: PathFlight,
    pn: number,
    count: number,
    octets: number,
    now: number,
    ackEliciting: boolean,
    inFlight: boolean,
  ): void {
    this.packetsSent += count;
    this.octetsSent += octets;
    path.lastSent = now;
    if (inFlight) path.inFlight += octets;
    if (ackEliciting) path.eliciting += count;
    if (path !== this.#paths.active) {
      path.lossTime = Math.min(path.lossTime, now + path.patience);
      return;
    }
    if (inFlight) this.#congestion.onSent(now, pn, this.#sent.currentSlot, octets, path.inFlight);
    if (ackEliciting) this.#probing.onSent(now, count);
    else this.#planTrim(now);
  }

  /**
   * Declares packets lost that were sent before an acknowledged one of the same path: by three packets, or long enough
   * ago. Sets the loss time of each path for those that may be so later.
   */
  #detectLosses(now: number): void {
    const sent = this.#sent;
    const paths = this.#paths;
    const congestion = this.#congestion;
    const lossDelay = this.rtt.lossDelay;
    let last = paths.active.largestAcked;
    for (const path of paths.all) {
      path.lossTime = Infinity;
      // Packets of other paths may lie anywhere.
      if (path !== paths.active && !path.isEmpty) last = sent.end - 1;
    }
    sent.passedAcked = false;
    for (let pn = sent.find(sent.lowest, last); pn <= last && pn < sent.end; pn = sent.find(pn, last)) {
      if (sent.passedAcked) congestion.breakSeries();
      sent.passedAcked = false;
      const runLast = sent.look(pn);
      const path = paths.at(sent.path);
      const stop = this.#lostUntil(path, pn, runLast, now, lossDelay);
      if (stop < pn) {
        pn = runLast + 1;
        continue;
      }
      const count = sent.lose(pn, stop, this.#observer);
      this.#onLost(path, pn, count, now);
      pn += count;
    }
    if (sent.passedAcked) congestion.breakSeries();
    if (congestion.endLosses(now)) this.rtt.forgetMin();
    sent.advance();
    this.#numbers.settle(sent.lowest);
  }

  /** The last of the packets `pn .. runLast`, just looked at, that is lost; less than `pn` if none is. */
  #lostUntil(path: PathFlight, pn: number, runLast: number, now: number, lossDelay: number): number {
    const givenUp = path === this.#paths.active ? Infinity : path.lastSent + path.patience;
    if (now >= givenUp) return runLast;
    const acked = path.largestAcked;
    const time = this.#sent.time + lossDelay;
    if (pn < acked && now >= time) return Math.min(runLast, acked - 1);
    const stop = Math.min(runLast, acked - PACKET_THRESHOLD);
    if (stop < pn) path.lossTime = Math.min(path.lossTime, givenUp, pn < acked ? time : Infinity);
    return stop;
  }

  /** Accounts for packets just lost. */
  #onLost(path: PathFlight, pn: number, count: number, now: number): void {
    const { flags, largest, octets } = this.#sent;
    const ackEliciting = (flags & SentFlag.ACK_ELICITING) !== 0;
    if (ackEliciting) path.eliciting -= count;
    if ((flags & SentFlag.ECT) !== 0) this.ecn.onLost(pn, count);
    if ((flags & SentFlag.IN_FLIGHT) === 0) return;
    path.inFlight -= octets;
    if ((flags & SentFlag.MTU_PROBE) !== 0) return;
    this.packetsLost += count;
    path.detector?.onLost(pn + count - 1, count, largest);
    // Losses elsewhere say nothing about the path in use.
    if (path === this.#paths.active) this.#congestion.onLost(now, pn, count, this.#sent, ackEliciting, this.pto);
  }

  #planTrim(now: number): void {
    if (this.#paths.active.eliciting === 0 && !this.#sent.isSmall) this.#trimAt = now + TRIM_AFTER;
  }
}
