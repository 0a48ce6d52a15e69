import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CloseCode, ControlType, PacketFrame } from '../../lib/constants.js';
import type { Stream } from '../../lib/protocol/stream.js';
import * as frames from '../../lib/wire/packet-frames.js';
import { modelRuns } from '../support/runs.js';
import { Hostile } from '../support/sim/hostile.js';
import { pattern, PatternReader } from '../support/sim/transfer.js';

/*
 * A fuzzer of a session that knows what frames mean: what it sends is mostly allowed in the state the session is in, in
 * odd orders, sizes and repetitions; a frame that is not allowed comes now and then. So it gets deep, where random
 * octets end a session at once.
 */

// Small ones, so that inputs reach them.
const SESSION_WINDOW = 12_000;
const STREAM_WINDOW = 2_500;
const MAX_STREAMS = 5;

type Act =
  | { kind: 'data'; stream: number; back: number; length: number; fin: boolean; asRun: boolean; copies: number }
  | { kind: 'reset' | 'stop' | 'credit'; stream: number; by: number }
  | { kind: 'control'; type: number; by: number }
  | { kind: 'unreliable'; type: number; length: number }
  | { kind: 'ack'; from: number; count: number; delay: number }
  | { kind: 'write'; length: number; end: boolean }
  | { kind: 'read' | 'poll' | 'open' | 'message' | 'ping' }
  | { kind: 'wait'; ms: number }
  | { kind: 'forbidden'; octets: Uint8Array };

const constant = <T>(kind: T) => fc.constant(kind);
const stream = fc.nat(MAX_STREAMS - 1);
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: constant('data' as const),
      stream,
      // How far before, or beyond, what was sent so far.
      back: fc.oneof(constant(0), fc.integer({ min: -800, max: 800 })),
      length: fc.oneof(fc.nat(30), fc.nat(1_100)),
      fin: fc.nat(15).map((n) => n === 0),
      asRun: fc.boolean(),
      copies: fc.constantFrom(1, 1, 1, 2, 5),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: constant('reset' as const), stream, by: fc.nat(500) }) },
  { weight: 1, arbitrary: fc.record({ kind: constant('stop' as const), stream, by: fc.nat(500) }) },
  { weight: 3, arbitrary: fc.record({ kind: constant('credit' as const), stream, by: fc.nat(50_000) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: constant('control' as const),
      type: fc.constantFrom(
        ControlType.PING,
        ControlType.PONG,
        ControlType.STREAM_LIMIT,
        ControlType.PATH_CHALLENGE,
        ControlType.PATH_RESPONSE,
        ControlType.RESET_TOKEN,
        ControlType.ACK_FREQUENCY,
        ControlType.IMMEDIATE_ACK,
      ),
      by: fc.nat(255),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: constant('unreliable' as const),
      type: fc.constantFrom(PacketFrame.DATA, 0x80, 0xff),
      length: fc.nat(900),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ kind: constant('ack' as const), from: fc.nat(), count: fc.nat(20), delay: fc.nat(100_000) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: constant('write' as const), length: fc.nat(9_000), end: fc.boolean() }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom('read' as const, 'poll' as const, 'open' as const, 'message' as const, 'ping' as const),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: constant('wait' as const), ms: fc.constantFrom(0, 1, 25, 400, 3_000) }) },
);
const forbidden: fc.Arbitrary<Act> = fc.record({
  kind: constant('forbidden' as const),
  octets: fc.uint8Array({ minLength: 1, maxLength: 30 }),
});

/** A session, a peer that knows the rules, and what must have come of it. */
class Fuzz {
  readonly peer = new Hostile({
    params: { initialMaxData: SESSION_WINDOW, initialMaxStreamData: STREAM_WINDOW, maxStreams: MAX_STREAMS },
    // Windows that do not grow, so that what is allowed stays known.
    limits: { maxSessionWindow: SESSION_WINDOW, maxStreamWindow: STREAM_WINDOW },
  });
  readonly #readers = new Map<number, PatternReader>();
  readonly #unread = new Map<number, number>();
  /** Of streams that the peer sends on: the octets so far, and the size once it is final. */
  readonly #sent = new Map<number, { end: number; final: boolean }>();
  readonly #credit = new Map<number, number>();
  readonly #finished = new Set<Stream>();
  #frequency = 0;
  /** Octets that reached the application. */
  delivered = 0;

  constructor() {
    const { app } = this.peer;
    app.keeps = app.reads = false;
    app.onData = (from, bytes, begin, end) => {
      let reader = this.#readers.get(from.id);
      if (reader === undefined) this.#readers.set(from.id, (reader = new PatternReader(from.id)));
      reader.take(bytes, begin, end);
      this.delivered += end - begin;
      this.#unread.set(from.id, (this.#unread.get(from.id) ?? 0) + end - begin);
    };
  }

  play(next: Act): void {
    const { peer } = this;
    const { session, app } = peer;
    const isOpen = session.state === 'open';
    switch (next.kind) {
      case 'data':
        return this.#data(next);
      case 'reset': {
        const sent = this.#of(next.stream);
        sent.final = true;
        peer.reset(this.#id(next.stream), next.by, sent.end);
        return;
      }
      case 'stop':
        return void peer.stop(this.#id(next.stream), next.by);
      case 'credit': {
        const id = next.by % 2 === 0 ? 0 : this.#id(next.stream);
        if (id > 0) this.#of(next.stream);
        this.#credit.set(id, (this.#credit.get(id) ?? 0) + next.by);
        return void peer.credit(id, this.#credit.get(id)!);
      }
      case 'control':
        return void peer.inject(this.#control(next.type, next.by));
      case 'unreliable': {
        const octets = new Uint8Array(next.length);
        const encode = next.type === PacketFrame.DATA ? frames.encodeData : frames.encodeUser;
        return void peer.inject(peer.encode((out, at) => encode(next.type, octets, out, at)));
      }
      case 'ack':
        return this.#ack(next);
      case 'wait':
        return void peer.wait(next.ms);
      case 'poll':
        return void peer.poll();
      case 'read':
        for (const from of app.opened) {
          const octets = this.#unread.get(from.id) ?? 0;
          if (octets > 0 && isOpen) from.consumed(octets);
          this.#unread.delete(from.id);
        }
        return;
      case 'write': {
        const to = isOpen
          ? [...session.streams()].find(
              (one) => !this.#finished.has(one) && !one.sendClosed && one.bufferedOctets < 100_000,
            )
          : undefined;
        to?.write(new Uint8Array(next.length));
        if (next.end && to !== undefined) {
          to.finish();
          this.#finished.add(to);
        }
        return;
      }
      case 'open':
        if (isOpen) session.openStream();
        return;
      case 'message':
        if (isOpen) session.sendMessage(1, new Uint8Array(50));
        return;
      case 'ping':
        if (isOpen) session.ping(peer.now);
        return;
      case 'forbidden':
        return void peer.inject(next.octets);
    }
  }

  check(): void {
    const { reassemblyOctets, streamsOpen } = this.peer.session.stats();
    expect(reassemblyOctets).toBeLessThanOrEqual(SESSION_WINDOW);
    expect(streamsOpen).toBeLessThanOrEqual(2 * 100 + MAX_STREAMS);
    if (this.peer.session.state === 'open') return;
    const code = this.peer.app.end?.closeCode;
    expect(Object.values(CloseCode)).toContain(code);
  }

  #id(number: number): number {
    return 2 * number + 1;
  }

  #of(number: number): { end: number; final: boolean } {
    let sent = this.#sent.get(number);
    if (sent === undefined) this.#sent.set(number, (sent = { end: 0, final: false }));
    return sent;
  }

  /** Within the first windows, which are all that is surely allowed. */
  #data({ stream: number, back, length, fin, asRun, copies }: Act & { kind: 'data' }): void {
    const sent = this.#of(number);
    const id = this.#id(number);
    const limit = Math.min(STREAM_WINDOW, SESSION_WINDOW / MAX_STREAMS);
    const offset = Math.min(Math.max(0, sent.end + back), sent.final ? sent.end : limit);
    const end = Math.min(offset + length, sent.final ? sent.end : limit);
    const isEnd = fin && !sent.final && end >= sent.end;
    if (end === offset && !isEnd) return;
    const octets = pattern(id, offset, end - offset).slice();
    sent.end = Math.max(sent.end, end);
    sent.final ||= isEnd;
    for (let i = 0; i < copies; i++) {
      if (asRun) this.peer.stream(id, offset, octets, isEnd);
      else this.peer.inject(this.peer.encode((out, at) => frames.encodeStream(id, offset, isEnd, octets, out, at)));
    }
  }

  #control(type: number, by: number): Uint8Array {
    const token = (length: number): number[] => new Array<number>(length).fill(by);
    const body: Record<number, number[]> = {
      [ControlType.STREAM_LIMIT]: [by & 0x7f],
      [ControlType.RESET_TOKEN]: token(16),
      [ControlType.ACK_FREQUENCY]: [++this.#frequency & 0x7f, by & 0x7f, by & 0x7f],
      [ControlType.IMMEDIATE_ACK]: [],
    };
    return Uint8Array.of(PacketFrame.CONTROL, type, ...(body[type] ?? token(8)));
  }

  /** Of packets that were sent, no others. */
  #ack({ from, count, delay }: Act & { kind: 'ack' }): void {
    const { sent } = this.peer.sink;
    if (sent.length === 0) return;
    const numbers = new Set(sent.map(({ pn }) => pn));
    let pn = sent[from % sent.length]!.pn;
    const lo = pn;
    for (let i = 0; i < count && numbers.has(pn + 1); i++) pn++;
    this.peer.ack(lo, pn, delay);
  }
}

describe('a fuzzer that knows what frames mean', { timeout: 24 * 3_600_000 }, () => {
  it('finds no schedule of allowed frames that ends the session, loses an octet or exceeds a limit', () => {
    const runs = modelRuns(300);
    let delivered = 0;
    let sent = 0;
    fc.assert(
      fc.property(fc.array(act, { minLength: 20, maxLength: 150, size: 'max' }), (acts) => {
        const fuzz = new Fuzz();
        for (const next of acts) {
          fuzz.play(next);
          fuzz.check();
          // Silence of minutes apart, nothing that happened is a reason to end.
          if (fuzz.peer.session.state !== 'open') {
            expect(fuzz.peer.app.end!.closeCode).toBe(CloseCode.IDLE_TIMEOUT);
            break;
          }
        }
        delivered += fuzz.delivered;
        sent += fuzz.peer.sink.sent.length;
      }),
      { numRuns: runs },
    );
    // It got deep: a fuzzer that is refused at the door finds nothing.
    expect(delivered / runs).toBeGreaterThan(400);
    expect(sent / runs).toBeGreaterThan(10);
  });

  it('finds no forbidden frame in the middle of it that throws, or gets the application called afterwards', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 12, arbitrary: act }, { weight: 1, arbitrary: forbidden }), {
          minLength: 20,
          maxLength: 100,
          size: 'max',
        }),
        (acts) => {
          const fuzz = new Fuzz();
          for (const next of acts) {
            fuzz.play(next);
            fuzz.check();
          }
          fuzz.peer.wait(200_000);
          expect(fuzz.peer.session.state).toBe('closed');
        },
      ),
      { numRuns: modelRuns(300) },
    );
  });
});
