import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Stream } from '../../lib/protocol/stream.js';
import { modelRuns } from '../support/runs.js';
import type { Endpoint } from '../support/sim/endpoint.js';
import type { LinkConditions } from '../support/sim/network.js';
import { Pair, type PairOptions } from '../support/sim/pair.js';
import type { Recorder } from '../support/sim/recorder.js';
import { pattern, PatternReader } from '../support/sim/transfer.js';

/*
 * Two sessions under random schedules of what applications and networks do, against a model of what each stream must
 * have come to. A failure is shrunk to the few commands that it takes, and prints seed and path to repeat it.
 */

type SideName = 'client' | 'server';

/** One direction of a stream as it must be. */
interface Direction {
  readonly stream: Stream;
  written: number;
  finished: boolean;
  reset: boolean;
  /** The reader gave up. */
  stopped: boolean;
}

interface Model {
  /** Own halves of the streams each side knows, in order of opening. */
  readonly halves: Record<SideName, Direction[]>;
  readonly messages: Record<SideName, number>;
  readonly pings: Record<SideName, number[]>;
}

/** The system under test: two sessions, and applications that read when they are told to. */
class System {
  readonly pair: Pair;
  readonly model: Model;
  readonly unread: Record<SideName, Map<Stream, number>> = { client: new Map(), server: new Map() };
  readonly readers: Record<SideName, Map<number, PatternReader>> = { client: new Map(), server: new Map() };

  constructor(options: PairOptions, model: Model) {
    this.pair = new Pair(options);
    this.model = model;
    for (const side of ['client', 'server'] as const) {
      const { app } = this.pair[side];
      app.keeps = app.reads = false;
      app.accept = (stream) => this.know(side, stream);
      app.onData = (stream, bytes, begin, end) => {
        const readers = this.readers[side];
        if (!readers.has(stream.id)) readers.set(stream.id, new PatternReader(patternOf(other(side), stream.id)));
        readers.get(stream.id)!.take(bytes, begin, end);
        this.unread[side].set(stream, (this.unread[side].get(stream) ?? 0) + end - begin);
      };
    }
  }

  know(side: SideName, stream: Stream): void {
    this.model.halves[side].push({ stream, written: 0, finished: false, reset: false, stopped: false });
  }

  endpoint(side: SideName): Endpoint<Recorder> {
    return this.pair[side];
  }

  read(side: SideName): void {
    for (const [stream, octets] of this.unread[side]) stream.consumed(octets);
    this.unread[side].clear();
  }

  /** What holds at any moment. */
  check(): void {
    for (const side of ['client', 'server'] as const) {
      const { session, app } = this.endpoint(side);
      const stats = session.stats();
      expect(app.end).toBeUndefined();
      expect(stats.receiveCredit).toBeGreaterThanOrEqual(0);
      expect(stats.sendCredit).toBeGreaterThanOrEqual(0);
      expect(stats.streamsAvailable).toBeGreaterThanOrEqual(0);
      expect(stats.reassemblyOctets).toBeLessThanOrEqual(stats.receiveWindow);
      expect(stats.bytesInFlight).toBeGreaterThanOrEqual(0);
      // A window, the packet that fills it, and two probes for each of the timeouts that a test can see.
      expect(stats.bytesInFlight).toBeLessThanOrEqual(stats.congestionWindow + 40 * stats.packetSize);
      for (const { stream, written, reset } of this.model.halves[side]) {
        const got = this.readers[other(side)].get(stream.id)?.octets ?? 0;
        expect(got).toBeLessThanOrEqual(written);
        if (!reset && !stream.sendClosed) {
          expect(stream.bufferedOctets + stream.unackedOctets).toBeLessThanOrEqual(written);
        }
      }
    }
  }
}

const other = (side: SideName): SideName => (side === 'client' ? 'server' : 'client');
const patternOf = (writer: SideName, id: number): number => 2 * id + (writer === 'client' ? 0 : 1);

/** A command about one side. */
abstract class Command implements fc.Command<Model, System> {
  readonly side: SideName;
  constructor(side: SideName) {
    this.side = side;
  }
  check(_model: Model): boolean {
    return true;
  }
  run(_model: Model, system: System): void {
    this.act(system);
    system.pair.pump();
    system.check();
  }
  abstract act(system: System): void;
  abstract toString(): string;
}

/** A command about one of a side's streams, the newest first. */
abstract class StreamCommand extends Command {
  readonly nth: number;
  constructor(side: SideName, nth: number) {
    super(side);
    this.nth = nth;
  }
  half(model: Model): Direction | undefined {
    const halves = model.halves[this.side];
    return halves[halves.length - 1 - (this.nth % Math.max(1, halves.length))];
  }
  /** Something may be written. */
  writable(model: Model): boolean {
    const half = this.half(model);
    return half !== undefined && !half.finished && !half.reset;
  }
}

class Open extends Command {
  readonly weight: number;
  constructor(side: SideName, weight: number) {
    super(side);
    this.weight = weight;
  }
  act(system: System): void {
    const { session } = system.endpoint(this.side);
    const { streamsAvailable } = session.stats();
    const stream = session.openStream(this.weight);
    expect(stream !== undefined).toBe(streamsAvailable > 0);
    if (stream !== undefined) system.know(this.side, stream);
  }
  toString(): string {
    return `${this.side} opens (weight ${this.weight})`;
  }
}

class Write extends StreamCommand {
  readonly length: number;
  constructor(side: SideName, nth: number, length: number) {
    super(side, nth);
    this.length = length;
  }
  override check(model: Model): boolean {
    return this.writable(model);
  }
  act({ model }: System): void {
    const half = this.half(model)!;
    half.stream.write(pattern(patternOf(this.side, half.stream.id), half.written, this.length));
    half.written += this.length;
  }
  toString(): string {
    return `${this.side} writes ${this.length} to stream -${this.nth}`;
  }
}

class Finish extends StreamCommand {
  override check(model: Model): boolean {
    return this.writable(model);
  }
  act({ model }: System): void {
    const half = this.half(model)!;
    half.finished = true;
    half.stream.finish();
  }
  toString(): string {
    return `${this.side} finishes stream -${this.nth}`;
  }
}

class Reset extends StreamCommand {
  override check(model: Model): boolean {
    return this.half(model) !== undefined;
  }
  act({ model }: System): void {
    const half = this.half(model)!;
    half.reset = true;
    half.stream.reset(5);
  }
  toString(): string {
    return `${this.side} resets stream -${this.nth}`;
  }
}

class Stop extends StreamCommand {
  override check(model: Model): boolean {
    return this.half(model) !== undefined;
  }
  act({ model }: System): void {
    const half = this.half(model)!;
    half.stopped = true;
    half.stream.stopSending(6);
  }
  toString(): string {
    return `${this.side} stops stream -${this.nth}`;
  }
}

class Read extends Command {
  act(system: System): void {
    system.read(this.side);
  }
  toString(): string {
    return `${this.side} reads`;
  }
}

class Message extends Command {
  readonly octets: number;
  constructor(side: SideName, octets: number) {
    super(side);
    this.octets = octets;
  }
  act(system: System): void {
    const { session } = system.endpoint(this.side);
    if (this.octets > session.maxMessageOctets(7)) return;
    session.sendMessage(7, new Uint8Array(this.octets));
    system.model.messages[this.side]++;
  }
  toString(): string {
    return `${this.side} sends a message of ${this.octets}`;
  }
}

class Ping extends Command {
  act(system: System): void {
    system.model.pings[this.side].push(system.endpoint(this.side).session.ping(system.pair.now));
  }
  toString(): string {
    return `${this.side} pings`;
  }
}

class Run extends Command {
  readonly ms: number;
  constructor(ms: number) {
    super('client');
    this.ms = ms;
  }
  act(system: System): void {
    system.pair.run(this.ms);
  }
  toString(): string {
    return `${this.ms} ms pass`;
  }
}

/** The network towards a side changes. */
class Weather extends Command {
  readonly conditions: LinkConditions;
  constructor(side: SideName, conditions: LinkConditions) {
    super(side);
    this.conditions = conditions;
  }
  act({ pair }: System): void {
    (this.side === 'client' ? pair.back : pair.there).conditions = this.conditions;
  }
  toString(): string {
    return `towards ${this.side}: ${JSON.stringify(this.conditions)}`;
  }
}

const side = fc.constantFrom<SideName>('client', 'server');
const nth = fc.nat(6);
const length = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.constantFrom(1_155, 1_156, 5_000, 20_000, 60_000));
const conditions: fc.Arbitrary<LinkConditions> = fc.record({
  latencyMs: fc.constantFrom(0.1, 5, 40),
  jitterMs: fc.constantFrom(0, 10),
  loss: fc.constantFrom(0, 0.05, 0.3, 1),
  burst: fc.constantFrom(1, 3),
  reorder: fc.constantFrom(0, 0.1),
  duplicate: fc.constantFrom(0, 0.1),
  corrupt: fc.constantFrom(0, 0.05),
});

const commands = fc.commands(
  [
    fc.tuple(side, fc.constantFrom(1, 16, 256)).map(([s, weight]) => new Open(s, weight)),
    fc.tuple(side, nth, length).map(([s, n, l]) => new Write(s, n, l)),
    fc.tuple(side, nth, length).map(([s, n, l]) => new Write(s, n, l)),
    fc.tuple(side, nth).map(([s, n]) => new Finish(s, n)),
    fc.tuple(side, nth).map(([s, n]) => new Reset(s, n)),
    fc.tuple(side, nth).map(([s, n]) => new Stop(s, n)),
    side.map((s) => new Read(s)),
    fc.tuple(side, fc.constantFrom(0, 1, 500, 1_160)).map(([s, octets]) => new Message(s, octets)),
    side.map((s) => new Ping(s)),
    fc.constantFrom(0, 1, 30, 300, 2_000).map((ms) => new Run(ms)),
    fc.constantFrom(1, 30).map((ms) => new Run(ms)),
    fc.tuple(side, conditions).map(([s, c]) => new Weather(s, c)),
  ],
  { size: '+1' },
);

const options: fc.Arbitrary<PairOptions> = fc.record({
  seed: fc.nat(1_000_000),
  client: fc.record({
    params: fc.record({
      maxStreams: fc.constantFrom(1, 4, 100),
      initialMaxData: fc.constantFrom(2_000, 1_048_576),
      initialMaxStreamData: fc.constantFrom(1_500, 262_144),
      idleTimeoutMs: fc.constant(0),
    }),
    config: fc.record({ initialPacketSize: fc.constantFrom(1_200, 1_452, 9_000) }),
  }),
  server: fc.record({
    params: fc.record({
      maxStreams: fc.constantFrom(1, 4, 100),
      initialMaxData: fc.constantFrom(2_000, 1_048_576),
      initialMaxStreamData: fc.constantFrom(1_500, 262_144),
      idleTimeoutMs: fc.constant(0),
    }),
  }),
});

/** The weather clears, the applications end and read everything: all that must arrive has arrived, and nothing is left. */
function settle(system: System): void {
  const { pair, model } = system;
  const { client, server } = pair;
  pair.there.conditions = pair.back.conditions = { latencyMs: 5 };
  pair.runUntil(() => {
    for (const name of ['client', 'server'] as const) {
      system.read(name);
      for (const half of model.halves[name]) {
        if (!half.finished && !half.reset) {
          half.finished = true;
          half.stream.finish();
        }
      }
    }
    pair.pump();
    const open = client.session.stats().streamsOpen + server.session.stats().streamsOpen;
    return open === 0 && client.session.isDrained && server.session.isDrained;
  }, 600_000);
  pair.run(10_000);
  for (const name of ['client', 'server'] as const) {
    const { session, app } = system.endpoint(name);
    for (const half of model.halves[name]) {
      const { id } = half.stream;
      const there = model.halves[other(name)].find(({ stream }) => stream.id === id);
      const got = system.readers[other(name)].get(id)?.octets ?? 0;
      if (!half.reset && there?.stopped !== true) expect([name, id, got]).toEqual([name, id, half.written]);
    }
    const stats = session.stats();
    expect(stats.reassemblyOctets).toBe(0);
    expect(stats.bytesInFlight).toBe(0);
    expect(stats.receiveCredit).toBeGreaterThanOrEqual(stats.receiveWindow / 2);
    // Every message has a fate, every ping that is still remembered an answer.
    expect(app.fates.size).toBe(model.messages[name]);
    const arrived = [...app.fates.values()].filter((fate) => fate === 'acked').length;
    expect(system.endpoint(other(name)).app.messages.length).toBeGreaterThanOrEqual(arrived);
    for (const id of model.pings[name].slice(-64)) expect(app.pongs.has(id)).toBe(true);
  }
  system.check();
}

describe('two sessions, and a model of them', () => {
  it('agree under any schedule of applications and networks', { timeout: 24 * 3_600_000 }, () => {
    fc.assert(
      fc.property(options, commands, (made, schedule) => {
        const model: Model = {
          halves: { client: [], server: [] },
          messages: { client: 0, server: 0 },
          pings: { client: [], server: [] },
        };
        const system = new System(made, model);
        fc.modelRun(() => ({ model, real: system }), schedule);
        settle(system);
      }),
      { numRuns: modelRuns(500) },
    );
  });
});
