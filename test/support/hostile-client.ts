import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { JsPacketEngine } from '../../lib/engine/js-packet-engine.js';
import type { STTNode, STTSession } from '../../lib/index.js';
import { RowType, type SessionKeys } from '../../lib/ports/packet-engine.js';
import { AckTracker } from '../../lib/protocol/ack-tracker.js';
import { ReceivedRanges } from '../../lib/protocol/received-ranges.js';
import { HandshakeInitiator } from '../../lib/protocol/handshake/handshake-initiator.js';
import type { HandshakeResult } from '../../lib/protocol/handshake/handshake-result.js';
import { HelloClock } from '../../lib/protocol/handshake/hello-clock.js';
import { deriveSeedKeys } from '../../lib/protocol/handshake/seed-keys.js';
import { preferredSuites } from '../../lib/protocol/handshake/suites.js';
import { deriveSessionKeys } from '../../lib/protocol/key-schedule.js';
import { nodeKeyPair } from '../../lib/stc/node-identity.js';
import { DEFAULT_TRANSPORT_PARAMS, type TransportParams } from '../../lib/wire/handshake-messages.js';
import * as frames from '../../lib/wire/packet-frames.js';
import { captureRows, sealRaw, streamFrame, testCrypto, ADDRESS_A, type CapturedRow } from './engine-harness.js';
import { FrameRecorder, type SeenFrame } from './frame-recorder.js';

const RESEND_MS = 100;

/** Frames of a packet that came, STREAM frames of runs among them. */
export interface ReceivedFrame {
  readonly pn: number;
  readonly frame: SeenFrame;
}

/**
 * A peer that holds the seed and the keys of a session with a real node, on a real socket, and sends whatever it is told
 * to. It acknowledges what comes unless `acknowledges` is false, and does nothing else by itself.
 */
export class HostileClient implements AsyncDisposable {
  /** Frames that came, newest last; emptied by tests as they like. STREAM frames without their octets. */
  readonly received: ReceivedFrame[] = [];
  acknowledges = true;
  /** What the node's session came to, as its application sees it. */
  session!: STTSession;
  /** Number of the next packet. */
  pn = 0;
  datagramsReceived = 0;
  readonly #socket: Socket;
  readonly #keys: SessionKeys;
  readonly #port: number;
  readonly #engine: JsPacketEngine;
  readonly #acks = new AckTracker(0, new ReceivedRanges());
  readonly #scratch = new Uint8Array(65_536);
  readonly #others: Socket[] = [];
  #changed: () => void = () => {};
  #tokens = 0;

  private constructor(socket: Socket, port: number, keys: SessionKeys) {
    this.#socket = socket;
    this.#port = port;
    this.#keys = keys;
    this.#engine = new JsPacketEngine({
      crypto: testCrypto,
      events: {
        onBatch: (rowCount, groupCount) => this.#onRows(captureRows(this.#engine, rowCount, groupCount)),
        onWritable: () => {},
        onError: () => {},
      },
      output: {
        canMark: false,
        receiveBufferOctets: 0,
        sendBufferOctets: 0,
        send: () => true,
        close: () => Promise.resolve(),
      },
    });
    this.#engine.openSession(keys);
    socket.on('message', (datagram) => {
      this.datagramsReceived++;
      this.#engine.receive(datagram, ADDRESS_A);
      this.#engine.deliver();
      this.#changed();
    });
  }

  /** Makes a session with a node on 127.0.0.1. */
  static async connect(
    node: STTNode,
    sharedSeed: Uint8Array,
    params: Partial<TransportParams> = {},
  ): Promise<HostileClient> {
    const { port } = node.address!;
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const initiator = new HandshakeInitiator({
      crypto: testCrypto,
      seed: deriveSeedKeys(testCrypto, sharedSeed),
      staticKeys: nodeKeyPair(testCrypto, randomBytes(32)),
      params: { ...DEFAULT_TRANSPORT_PARAMS, ...params },
      suites: preferredSuites(testCrypto),
      helloClock: new HelloClock(),
      random: { u32: () => 2 ** 31 },
      isSessionIdTaken: () => false,
    });
    initiator.start(0);
    let result: HandshakeResult | undefined;
    // Once more with a cookie, if the node is under load.
    for (let now = 0; result === undefined; now++) {
      const hello = initiator.pollTransmit(now, Date.now() * 1000);
      if (hello !== undefined) socket.send(hello.datagram, port, '127.0.0.1');
      const [answer] = (await once(socket, 'message')) as [Buffer];
      result = initiator.handleAnswer(answer, 0, answer.length, now + 1);
    }
    const client = new HostileClient(socket, port, deriveSessionKeys(testCrypto, result));
    const accepted = once(node, 'session') as Promise<[STTSession]>;
    client.ping();
    [client.session] = await accepted;
    client.session.once('close', () => client.#changed());
    return client;
  }

  /** Encodes with one of the encoders of packet-frames. */
  encode(encode: (out: Uint8Array, at: number) => number): Uint8Array {
    return this.#scratch.slice(0, encode(this.#scratch, 0));
  }

  /** A packet of these frames, sealed; with a number of its own unless one is given. */
  seal(payload: Uint8Array | readonly Uint8Array[], pn = this.pn++, first = 0x80): Uint8Array {
    return sealRaw(this.#keys, first, pn, payload instanceof Uint8Array ? payload : Buffer.concat(payload));
  }

  /** Sends a datagram as it is. */
  raw(datagram: Uint8Array): this {
    this.#socket.send(datagram, this.#port, '127.0.0.1');
    return this;
  }

  /** Sends one packet of these frames. */
  send(...packet: readonly Uint8Array[]): this {
    return this.raw(this.seal(packet));
  }

  stream(id: number, offset: number, octets: Uint8Array | number, fin = false): this {
    const bytes = typeof octets === 'number' ? new Uint8Array(octets) : octets;
    return this.send(streamFrame(id, offset, bytes, fin ? 4 : 0));
  }

  ping(token = 0): this {
    const octets = Buffer.alloc(8);
    octets.writeUInt32BE(token);
    return this.send(this.encode((out, at) => frames.encodePing(octets, out, at)));
  }

  credit(id: number, limit: number): this {
    return this.send(this.encode((out, at) => frames.encodeFlowCredit(id, limit, out, at)));
  }

  reset(id: number, code: number, finalSize: number): this {
    return this.send(this.encode((out, at) => frames.encodeStreamReset(id, code, finalSize, out, at)));
  }

  /** Acknowledges ranges ([lo, hi], descending). */
  ack(ranges: readonly (readonly [number, number])[], delayUs = 0): this {
    const flat = Float64Array.from(ranges.flat());
    return this.send(this.encode((out, at) => frames.encodeAck(delayUs, flat, ranges.length, false, 0, 0, 0, out, at)));
  }

  /** Sends a packet from a port that nobody has seen; what comes back there is counted. */
  async sendFromNewPort(...packet: readonly Uint8Array[]): Promise<{ datagrams: number; octets: number }> {
    const socket = createSocket('udp4');
    this.#others.push(socket);
    const back = { datagrams: 0, octets: 0 };
    socket.on('message', (datagram) => {
      back.datagrams++;
      back.octets += datagram.length;
    });
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const datagram = this.seal(packet);
    await new Promise<void>((resolve) => socket.send(datagram, this.#port, '127.0.0.1', () => resolve()));
    return back;
  }

  /** Waits until the node has worked on all that was sent before: answered a PING, or ended the session. */
  async settle(): Promise<this> {
    // The high half tells these from the PINGs of tests.
    const token = 0xf0000000 + ++this.#tokens;
    const octets = Buffer.alloc(8);
    octets.writeUInt32BE(token);
    const wanted = octets.toString('hex');
    const ping = this.encode((out, at) => frames.encodePing(octets, out, at));
    let done = this.#isOver();
    const timer = setInterval(() => this.send(ping), RESEND_MS);
    this.send(ping);
    while (!done) {
      await new Promise<void>((resolve) => (this.#changed = resolve));
      done = this.#isOver() || this.received.some(({ frame }) => frame[0] === 'PONG' && frame[1] === wanted);
    }
    clearInterval(timer);
    return this;
  }

  /** Frames of one name that came. */
  count(name: string): number {
    return this.received.filter(({ frame }) => frame[0] === name).length;
  }

  /** Octets of streams that came, sent again or not. */
  get streamOctets(): number {
    return this.received.reduce((sum, { frame }) => sum + (frame[0] === 'STREAM' ? (frame[4] as number) : 0), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#socket, ...this.#others].map((socket) => new Promise<void>((done) => socket.close(done))));
  }

  #isOver(): boolean {
    return this.session.state === 'closed';
  }

  #onRows(rows: readonly CapturedRow[]): void {
    let eliciting = false;
    for (const { type, pn, count, streamId, offset, octets, flags } of rows) {
      const rest = (flags & 2) !== 0;
      if (type === RowType.STREAM) {
        this.received.push({ pn, frame: ['STREAM', streamId, offset, (flags & 1) !== 0, octets.length / 2] });
        eliciting = true;
      } else {
        const bytes = Buffer.from(octets, 'hex');
        const recorder = new FrameRecorder();
        frames.parsePacketFrames(bytes, 0, bytes.length, recorder);
        for (const frame of recorder.seen) {
          const isStream = frame[0] === 'STREAM';
          const short = isStream ? ([...frame.slice(0, 4), (frame[4] as string).length / 2] as unknown) : frame;
          this.received.push({ pn, frame: short as SeenFrame });
          if (!['ACK', 'PADDING', 'SESSION_CLOSE'].includes(frame[0])) eliciting = true;
        }
      }
      if (!rest) this.#acks.onReceived(pn, count, true, 0);
    }
    if (!eliciting || !this.acknowledges) return;
    const { pairs, count } = this.#acks.received;
    this.send(this.encode((out, at) => frames.encodeAck(0, pairs, count, false, 0, 0, 0, out, at)));
  }
}
