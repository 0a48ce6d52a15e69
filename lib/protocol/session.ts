import { CloseCode, PACKET_OVERHEAD } from '../constants.js';
import { sttError } from '../errors.js';
import type { KemAnswer } from '../ports/kem.js';
import { Marks } from '../ports/packet-engine.js';
import type { PacketSink } from '../ports/packet-sink.js';
import type { SessionObserver } from '../ports/session-observer.js';
import { encodeSessionClose } from '../wire/packet-frames.js';
import { FrameLog } from './frame-log.js';
import type { FrameReceiverHost } from './frame-receiver.js';
import type { SessionConfig, SessionLimits } from './session-config.js';
import type { SessionPaths } from './session-paths.js';
import { SessionParts } from './session-parts.js';
import type { SessionStats } from './session-stats.js';
import type { Stream } from './stream.js';

export { DEFAULT_SESSION_LIMITS } from './session-config.js';
export type { SessionConfig, SessionLimits, SessionStats };

/** Octets of a close reason (STT §6). */
const MAX_REASON = 256;
/** A SESSION_CLOSE stands alone in its packet. */
const NO_RECORDS = new FrameLog();
const CLOSE_FRAMES = new Uint8Array(MAX_REASON + 32);

/**
 * An established session (STT §5-7), sans-IO: `handle*` takes what came in, `pollTransmit` gives what goes out,
 * `pollTimeout` the next time at which `handleTimeout` wants to be called. After any call, `pollTransmit` may have
 * something to send; after `handleTimeout` and `handleBatchEnd` call it at once.
 */
export class Session implements FrameReceiverHost {
  #state: SessionStats['state'] = 'open';
  readonly #observer: SessionObserver;
  readonly #parts: SessionParts;
  #packetsReceived = 0;
  #octetsReceived = 0;
  /** What SESSION_CLOSE says, and whether it is to be sent (again). */
  #closeCode = 0;
  #closeReason: Uint8Array | undefined;
  #closeWanted = false;

  constructor(config: SessionConfig) {
    this.#observer = config.observer;
    this.#parts = new SessionParts(config, this);
    // The first packet opens the session for the responder (STT §4).
    if (config.role === 'initiator') this.#parts.control.wantPing = true;
  }

  get state(): SessionStats['state'] {
    return this.#state;
  }

  /** @internal For what only sessions over datagrams need (lib/protocol/datagram-rows.ts). */
  get parts(): SessionParts {
    return this.#parts;
  }

  /** A FRAMES row: the frames of packet `pn`, or (`rest`) what followed the STREAM frame that was given before. */
  handleFrames(
    now: number,
    path: number,
    marks: number,
    pn: number,
    rest: boolean,
    bytes: Uint8Array,
    begin: number,
    length: number,
  ): void {
    if (!this.accept(now, rest ? 0 : 1, length)) return;
    const { acks, paths, ratchet, receiver } = this.#parts;
    ratchet?.onPacketPhase(now, marks >>> Marks.PHASE_SHIFT);
    const moving = path !== paths.active || !paths.isQuiet;
    if (moving) paths.onReceived(now, path, length + (rest ? 0 : PACKET_OVERHEAD));
    const code = receiver.parse(now, path, bytes, begin, begin + length);
    if (moving && !rest && pn > acks.largest && !receiver.isPathProbe) paths.onNewest(now, path);
    if (!rest) acks.onReceived(pn, 1, receiver.ackEliciting, now, marks & Marks.ECN_MASK);
    this.check(now, code);
  }

  /** The packet engine has seen as many failed openings as a key can bear: closes with CRYPTO (STT §5). */
  handleForgeryLimit(now: number): void {
    this.close(now, CloseCode.CRYPTO, 'too many packets failed authentication under one key');
  }

  /** The rows of one receive batch were given: decides whether to acknowledge at once (STT §7). */
  handleBatchEnd(now: number): void {
    if (this.#state !== 'open') return;
    this.#parts.acks.onBatchEnd();
    this.#parts.ratchet?.onBatchEnd(now);
  }

  /** Where it sends: for who finds other paths, or learns that one broke. Of an open session only. */
  get paths(): SessionPaths {
    return this.#parts.paths;
  }

  /** What ML-KEM gave to a question of the rotation's host. */
  handleKemAnswer(now: number, question: number, answer: KemAnswer): void {
    const { ratchet } = this.#parts;
    if (ratchet === undefined) return;
    const code = ratchet.onKemAnswer(now, question, answer);
    if (code > CloseCode.NONE) this.close(now, code, ratchet.why);
  }

  /** Sends what congestion, pacing and flow control allow, until the sink refuses; then call it again when the sink has room. */
  pollTransmit(now: number, sink: PacketSink): void {
    const { outbox, streams, transmitter } = this.#parts;
    if (this.#state === 'open') {
      streams.now = now;
      this.#parts.ratchetIfDue(now)?.poll(now, outbox.keyPackets, outbox.keyOctets);
      transmitter.poll(now, sink);
      if (outbox.isStarved) this.close(now, CloseCode.PROTOCOL, 'the other side acknowledges nothing');
      if (outbox.exhausted) this.close(now, CloseCode.CRYPTO, 'the key has sealed as many packets as it may');
    }
    if (this.#state === 'closing' && this.#closeWanted) {
      const length = encodeSessionClose(this.#closeCode, this.#closeReason!, CLOSE_FRAMES, 0);
      this.#closeWanted = !outbox.packet(now, sink, CLOSE_FRAMES, length, NO_RECORDS);
    }
  }

  /** When `handleTimeout` wants to be called: absolute ms or Infinity. */
  pollTimeout(): number {
    const { acks, lifetime, outbox, paths, ratchet, ratchetAt, recovery, streams } = this.#parts;
    if (this.#state === 'closed') return Infinity;
    if (this.#state !== 'open') return lifetime.closeDeadline;
    // Whatever is due has nowhere to go.
    if (paths.isStranded) return Math.min(lifetime.idleDeadline(recovery.pto), paths.deadline);
    return Math.min(
      recovery.timeout(),
      acks.ackDeadline,
      outbox.paceDeadline,
      lifetime.idleDeadline(recovery.pto),
      lifetime.keepAliveDeadline(streams.stalled),
      lifetime.silenceDeadline(recovery.pto),
      paths.deadline,
      streams.churn.deadline,
      ratchet?.deadline ?? ratchetAt,
    );
  }

  /** To be called at or after `pollTimeout()`; early calls do nothing. */
  handleTimeout(now: number): void {
    const { control, lifetime, mtu, paths, recovery, streams } = this.#parts;
    if (this.#state === 'closing' || this.#state === 'draining') {
      if (now >= lifetime.closeDeadline) this.#state = 'closed';
    }
    if (this.#state !== 'open') return;
    streams.now = now;
    if (now >= lifetime.idleDeadline(recovery.pto)) {
      this.#end('closed', CloseCode.IDLE_TIMEOUT, '', false);
      return;
    }
    if (now >= recovery.timeout()) {
      recovery.onTimeout(now);
      if (recovery.ptoCount > 1) {
        paths.onSilence(now);
        mtu.onSilence(now);
      }
    }
    if (now >= lifetime.keepAliveDeadline(streams.stalled)) {
      control.wantPing = true;
      lifetime.onKeepAlive(now);
    }
    if (now >= lifetime.silenceDeadline(recovery.pto)) {
      // What is in flight asks already.
      if (recovery.bytesInFlight === 0) control.wantPing = true;
      lifetime.onSilence();
    }
    if (now >= paths.deadline) paths.onTimeout(now);
    if (now >= streams.churn.deadline) streams.renewStreamLimit();
    this.#parts.ratchetIfDue(now)?.onTimeout(now);
  }

  /**
   * Has the keys changed, at once if none were changed lately; `RotationHost.onKeysRotated` tells when. Nothing if that is
   * under way. Throws ERR_STT_CLOSED.
   */
  rotateKeys(now: number): void {
    this.#assertOpen();
    this.#parts.startRatchet(now)?.request();
  }

  /** Whether the keys are as old, or have sealed as much, as the policy allows; the session changes them by itself. */
  shouldRotateKeys(now: number): boolean {
    return this.#state === 'open' && (this.#parts.ratchetIfDue(now)?.shouldRotate(now) ?? false);
  }

  /** Opens a stream, or undefined while the peer allows no more, or after the session ended. Nothing is sent until it is written to. */
  openStream(weight?: number): Stream | undefined {
    return this.#parts.streams.open(weight);
  }

  /** The streams that are not over, in order of opening; still there during `onEnd`. */
  streams(): Iterable<Stream> {
    return this.#parts.streams.table.values();
  }

  /**
   * Queues an unreliable message (a DATA frame; `bytes` is copied) and gives its id for `onMessageFate`.
   * Throws ERR_STT_MESSAGE_TOO_LARGE, ERR_STT_QUEUE_FULL, ERR_STT_CLOSED.
   */
  sendMessage(tag: number, bytes: Uint8Array): number {
    this.#assertOpen();
    return this.#parts.messages.push(tag, bytes, this.#parts.outbox.room);
  }

  /** Queues a user-defined frame, type 0x80-0xFF, unreliable; `bytes` is copied; throws as `sendMessage` does. */
  sendUserFrame(type: number, bytes: Uint8Array): void {
    this.#assertOpen();
    this.#parts.messages.pushUser(type, bytes, this.#parts.outbox.room);
  }

  /** The largest `sendMessage(tag, ...)` now. */
  maxMessageOctets(tag: number): number {
    return this.#parts.messages.maxOctets(tag, this.#parts.outbox.room);
  }

  /** Sends a PING; `onPong` gives the id that this returns. Throws ERR_STT_CLOSED. */
  ping(now: number): number {
    this.#assertOpen();
    return this.#parts.control.ping(now);
  }

  /** Ends the session at once: SESSION_CLOSE, then 3 PTO in `closing`. `onEnd` is called from within. Nothing if it is over. */
  close(now: number, code: number, reason: string): void {
    if (this.#state !== 'open') return;
    this.#closeCode = code;
    this.#closeReason = truncate(reason);
    this.#closeWanted = true;
    this.#parts.lifetime.linger(now, this.#parts.recovery.pto);
    this.#end('closing', code, reason, false);
  }

  /** True if everything written to streams (STREAM_END included) was acknowledged and no message waits or is in flight. */
  get isDrained(): boolean {
    return this.#parts.streams.drained && this.#parts.messages.idle;
  }

  /** Ends the session silently: nothing is sent, nothing called back any more. */
  destroy(): void {
    this.#state = 'closed';
    this.#closeWanted = false;
    this.#parts.endRotation();
    this.#parts.paths.end();
    this.#parts.streams.end();
    this.#parts.streams.table.clear();
  }

  /** Idle time after which the session ends, ms, 0 = never. */
  get idleTimeoutMs(): number {
    return this.#parts.lifetime.idleTimeoutMs;
  }

  /** Phase of the newest keys. */
  get keyVersion(): number {
    return this.#parts.ratchet?.phase ?? 0;
  }

  stats(): SessionStats {
    const { messages, outbox, paths, ratchet, receiver, recovery, streams } = this.#parts;
    const { rtt } = recovery;
    return {
      state: this.#state,
      idleTimeoutMs: this.idleTimeoutMs,
      rttMs: rtt.smoothed,
      rttVarMs: rtt.variance,
      minRttMs: rtt.min,
      latestRttMs: rtt.latest,
      congestionWindow: recovery.congestionWindow,
      bytesInFlight: recovery.bytesInFlight,
      ptoCount: recovery.ptoCount,
      ...this.#parts.mtu.stats,
      ecn: recovery.ecn?.state ?? 'unavailable',
      ceMarks: recovery.ecn?.experienced ?? 0,
      keyVersion: this.keyVersion,
      keyRotationsBegun: ratchet?.ownRotations ?? 0,
      keyRotationsAnswered: ratchet?.peerRotations ?? 0,
      packetsUnderKey: outbox.keyPackets,
      pathChanges: paths.moves,
      packetsSent: outbox.packetsSent,
      packetsReceived: this.#packetsReceived,
      packetsLost: recovery.packetsLost,
      octetsSent: outbox.octetsSent,
      octetsReceived: this.#octetsReceived,
      streamOctetsSent: streams.sentOctets,
      streamOctetsRetransmitted: streams.resentOctets,
      streamOctetsReceived: streams.deliveredOctets,
      messagesSent: messages.sent,
      messagesReceived: receiver.messagesReceived,
      messagesLost: messages.lost,
      streamsOpen: streams.table.size,
      streamsOpenedLocally: streams.table.ownOpened,
      streamsOpenedByPeer: streams.table.peerOpened,
      streamsAvailable: streams.table.available,
      receiveCredit: streams.window.limit - streams.window.received,
      receiveWindow: streams.window.window,
      sendCredit: streams.credit.available,
      reassemblyOctets: streams.reassemblyOctets,
    };
  }

  /** @internal SESSION_CLOSE came. */
  onSessionClose(now: number, code: number, reason: string): void {
    this.#parts.lifetime.linger(now, this.#parts.recovery.pto);
    this.#end('draining', code, reason, true);
  }

  /** @internal A packet came. False if nobody is there any more to take it. */
  accept(now: number, packets: number, octets: number): boolean {
    this.#packetsReceived += packets;
    this.#octetsReceived += octets;
    if (this.#state === 'open') {
      const { lifetime, ratchet, streams } = this.#parts;
      streams.now = now;
      lifetime.onReceived(now);
      if (ratchet !== undefined) ratchet.now = now;
      return true;
    }
    if (this.#state === 'closing' && packets > 0 && this.#parts.lifetime.answerWhileClosing(packets)) {
      this.#closeWanted = true;
    }
    return false;
  }

  /** @internal Ends the session if the peer did what it may not. */
  check(now: number, code: number): void {
    if (code > CloseCode.NONE) this.close(now, code, this.#parts.receiver.why);
  }

  #end(state: SessionStats['state'], closeCode: number, reason: string, remote: boolean): void {
    this.#state = state;
    const { messages, paths, streams } = this.#parts;
    this.#parts.endRotation();
    paths.end();
    streams.end();
    messages.end();
    this.#observer.onEnd({ closeCode, reason, remote });
    streams.table.clear();
  }

  #assertOpen(): void {
    if (this.#state !== 'open') throw sttError('ERR_STT_CLOSED', { why: `it is ${this.#state}` });
  }
}

/** UTF-8 of a reason, cut between characters to what the frame holds. */
function truncate(reason: string): Uint8Array {
  const bytes = new TextEncoder().encode(reason);
  if (bytes.length <= MAX_REASON) return bytes;
  let end = MAX_REASON;
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}
