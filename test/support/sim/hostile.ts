import { ALGORITHMS } from '../../../lib/protocol/congestion/algorithms.js';
import { handleStreamRun } from '../../../lib/protocol/datagram-rows.js';
import { datagramSending } from '../../../lib/protocol/datagram-sending.js';
import { CloseCode, ControlType, PacketFrame } from '../../../lib/constants.js';
import { Suite } from '../../../lib/ports/crypto.js';
import type { PacketSink } from '../../../lib/ports/packet-sink.js';
import {
  DEFAULT_SESSION_LIMITS,
  Session,
  type SessionConfig,
  type SessionLimits,
} from '../../../lib/protocol/session.js';
import * as frames from '../../../lib/wire/packet-frames.js';
import { DEFAULT_TRANSPORT_PARAMS, type TransportParams } from '../../../lib/wire/handshake-messages.js';
import { SimRandom } from './random.js';
import { Recorder } from './recorder.js';

/** A frame that a session sent; `octets` of what it carried. */
export interface SentFrame {
  readonly pn: number;
  readonly name: string;
  readonly id: number;
  readonly value: number;
  readonly octets: number;
  readonly fin: boolean;
  /** Of STREAM frames. */
  readonly offset: number;
}

/** Parses what a session sends. */
class Capture implements PacketSink, frames.FrameVisitor {
  readonly sent: SentFrame[] = [];
  /** Packets that are taken before the transmit buffer is full. */
  room = Infinity;
  packets = 0;
  largest = -1;
  #pn = 0;

  sealStreamRun(
    pn: number,
    streamId: number,
    offset: number,
    fin: boolean,
    _chunk: Uint8Array,
    begin: number,
    end: number,
    payload: number,
  ): number {
    let taken = 0;
    do {
      if (!this.#take(pn + taken)) break;
      const until = Math.min(end, begin + payload);
      this.#note('STREAM', streamId, 0, until - begin, fin && until === end, offset);
      offset += until - begin;
      begin = until;
      taken++;
    } while (begin < end);
    return taken;
  }

  mark(): void {}

  sealFrames(pn: number, bytes: Uint8Array, begin: number, end: number): boolean {
    if (!this.#take(pn)) return false;
    if (frames.parsePacketFrames(bytes, begin, end, this) !== CloseCode.NONE)
      throw new Error('sent a malformed packet');
    return true;
  }

  #take(pn: number): boolean {
    if (this.room <= 0) return false;
    if (pn <= this.largest) throw new Error(`packet number ${pn} was used again`);
    this.room--;
    this.packets++;
    this.largest = this.#pn = pn;
    return true;
  }

  #note(name: string, id = 0, value = 0, octets = 0, fin = false, offset = -1): number {
    this.sent.push({ pn: this.#pn, name, id, value, octets, fin, offset });
    return CloseCode.NONE;
  }

  onPadding(): number {
    return this.#note('PADDING');
  }
  onData(tag: number, _bytes: Uint8Array, begin: number, end: number): number {
    return this.#note('DATA', tag, 0, end - begin);
  }
  onStream(id: number, offset: number, fin: boolean, _bytes: Uint8Array, begin: number, end: number): number {
    return this.#note('STREAM', id, 0, end - begin, fin, offset);
  }
  onAck(largest: number, _delay: number, _ranges: Float64Array, rangeCount: number): number {
    return this.#note('ACK', largest, rangeCount);
  }
  onUser(type: number, _bytes: Uint8Array, begin: number, end: number): number {
    return this.#note('USER', type, 0, end - begin);
  }
  onPing(): number {
    return this.#note('PING');
  }
  onPong(): number {
    return this.#note('PONG');
  }
  onFlowCredit(id: number, limit: number): number {
    return this.#note('FLOW_CREDIT', id, limit);
  }
  onSessionClose(code: number): number {
    return this.#note('SESSION_CLOSE', 0, code);
  }
  onStreamLimit(count: number): number {
    return this.#note('STREAM_LIMIT', 0, count);
  }
  onStreamReset(id: number, code: number, finalSize: number): number {
    return this.#note('STREAM_RESET', id, code, finalSize);
  }
  onStopSending(id: number, code: number): number {
    return this.#note('STOP_SENDING', id, code);
  }
  onPathChallenge(): number {
    return this.#note('PATH_CHALLENGE');
  }
  onPathResponse(): number {
    return this.#note('PATH_RESPONSE');
  }
  onResetToken(): number {
    return this.#note('RESET_TOKEN');
  }
  onAckFrequency(): number {
    return this.#note('ACK_FREQUENCY');
  }
  onImmediateAck(): number {
    return this.#note('IMMEDIATE_ACK');
  }
  onAltAddress(): number {
    return this.#note('ALT_ADDRESS');
  }
}

export interface HostileOptions {
  readonly role?: 'initiator' | 'responder';
  readonly params?: Partial<TransportParams>;
  readonly peerParams?: Partial<TransportParams>;
  readonly limits?: Partial<SessionLimits>;
  readonly config?: Partial<SessionConfig>;
}

/** A session, and a peer that sends it whatever frames it likes. The session is a responder if not told otherwise. */
export class Hostile {
  readonly app = new Recorder();
  readonly sink = new Capture();
  readonly session: Session;
  now = 1_000;
  /** Number of the next packet of the peer. */
  pn = 0;
  readonly #scratch = new Uint8Array(65_536);

  constructor(options: HostileOptions = {}) {
    this.session = new Session({
      role: options.role ?? 'responder',
      now: this.now,
      localParams: { ...DEFAULT_TRANSPORT_PARAMS, ...options.params },
      peerParams: { ...DEFAULT_TRANSPORT_PARAMS, ...options.peerParams },
      suite: Suite.AES_256_GCM,
      initialPacketSize: 1200,
      congestion: ALGORITHMS.cubic,
      sending: datagramSending,
      random: new SimRandom(7),
      observer: this.app,
      ...options.config,
      limits: { ...DEFAULT_SESSION_LIMITS, ...options.limits },
    });
  }

  /** Encodes with one of the encoders of packet-frames. */
  encode(encode: (out: Uint8Array, at: number) => number): Uint8Array {
    return this.#scratch.slice(0, encode(this.#scratch, 0));
  }

  /** One packet of these frames comes in. */
  inject(...packet: readonly Uint8Array[]): this {
    const bytes = Buffer.concat(packet);
    this.session.handleFrames(this.now, 0, 0, this.pn++, false, bytes, 0, bytes.length);
    return this;
  }

  /** One packet of octets of a stream comes in, as a row. */
  stream(id: number, offset: number, octets: Uint8Array | number, fin = false): this {
    const bytes = typeof octets === 'number' ? new Uint8Array(octets) : octets;
    handleStreamRun(this.session, this.now, 0, 0, this.pn++, 1, id, offset, fin, bytes, 0, bytes.length);
    return this;
  }

  control(type: number, body: readonly number[] = []): this {
    return this.inject(Uint8Array.of(PacketFrame.CONTROL, type, ...body));
  }

  ping(token = 0): this {
    return this.control(ControlType.PING, [0, 0, 0, 1, 0, 0, 0, token & 0xff]);
  }

  credit(id: number, limit: number): this {
    return this.inject(this.encode((out, at) => frames.encodeFlowCredit(id, limit, out, at)));
  }

  reset(id: number, code: number, finalSize: number): this {
    return this.inject(this.encode((out, at) => frames.encodeStreamReset(id, code, finalSize, out, at)));
  }

  stop(id: number, code: number): this {
    return this.inject(this.encode((out, at) => frames.encodeStopSending(id, code, out, at)));
  }

  /** Acknowledges packets lo..hi. */
  ack(lo: number, hi: number, delayUs = 0): this {
    const ranges = Float64Array.of(lo, hi);
    return this.inject(this.encode((out, at) => frames.encodeAck(delayUs, ranges, 1, false, 0, 0, 0, out, at)));
  }

  /** Acknowledges everything that the session sent. */
  ackAll(): this {
    const numbers = [...new Set(this.sink.sent.map(({ pn }) => pn))].sort((a, b) => b - a);
    for (let i = 0; i < numbers.length;) {
      let end = i;
      while (end + 1 < numbers.length && numbers[end + 1] === numbers[end]! - 1) end++;
      this.ack(numbers[end]!, numbers[i]!);
      i = end + 1;
    }
    return this;
  }

  /** Ends the batch, polls, and gives the frames that were sent. */
  poll(): SentFrame[] {
    this.session.handleBatchEnd(this.now);
    const before = this.sink.sent.length;
    this.session.pollTransmit(this.now, this.sink);
    return this.sink.sent.slice(before);
  }

  /** Lets time pass, with all the timers in it. */
  wait(ms: number): this {
    const until = this.now + ms;
    for (let at = this.session.pollTimeout(); at <= until; at = this.session.pollTimeout()) {
      this.now = Math.max(this.now, at);
      this.session.handleTimeout(this.now);
      this.session.pollTransmit(this.now, this.sink);
    }
    this.now = until;
    return this;
  }

  /** Close code with which the session ended itself, or undefined. */
  get closedWith(): number | undefined {
    return this.app.end?.remote === false ? this.app.end.closeCode : undefined;
  }
}
