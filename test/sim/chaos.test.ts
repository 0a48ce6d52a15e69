import { describe, expect, it } from 'vitest';
import { ALGORITHMS } from '../../lib/protocol/congestion/algorithms.js';
import type { Stream } from '../../lib/protocol/stream.js';
import type { Endpoint } from '../support/sim/endpoint.js';
import type { LinkConditions } from '../support/sim/network.js';
import { Pair } from '../support/sim/pair.js';
import { PlainCarrier } from '../support/sim/plain-carrier.js';
import { SimRandom } from '../support/sim/random.js';
import type { Recorder } from '../support/sim/recorder.js';
import { forEachSeed } from '../support/sim/seeds.js';
import { pattern, PatternReader } from '../support/sim/transfer.js';

/** What one side did with a stream. */
interface Half {
  readonly stream: Stream;
  written: number;
  finished: boolean;
  reset: boolean;
  stopped: boolean;
}

/** An application that does at random what an application may do, and reads when it likes. */
class Chaos {
  readonly halves = new Map<number, Half>();
  readonly readers = new Map<number, PatternReader>();
  readonly #side: Endpoint<Recorder>;
  readonly #random: SimRandom;
  /** Both directions of a stream carry patterns of their own. */
  readonly #salt: number;
  #unread = new Map<Stream, number>();

  constructor(side: Endpoint<Recorder>, seed: number, salt: number) {
    this.#side = side;
    this.#random = new SimRandom(seed);
    this.#salt = salt;
    const { app } = side;
    app.keeps = false;
    app.reads = false;
    app.accept = (stream) => this.#add(stream);
    app.onData = (stream, bytes, begin, end) => {
      let reader = this.readers.get(stream.id);
      if (reader === undefined) this.readers.set(stream.id, (reader = new PatternReader(stream.id + 1 - this.#salt)));
      reader.take(bytes, begin, end);
      this.#unread.set(stream, (this.#unread.get(stream) ?? 0) + end - begin);
    };
  }

  /** One thing that an application may do. */
  act(): void {
    const random = this.#random;
    const { session } = this.#side;
    if (random.chance(0.3)) {
      const stream = session.openStream(random.pick([undefined, 1, 256, 40]));
      if (stream !== undefined) this.#add(stream);
    }
    if (random.chance(0.1)) session.sendMessage(random.integer(0, 300), new Uint8Array(random.integer(0, 1_000)));
    if (random.chance(0.05)) session.ping(0);
    for (const half of this.halves.values()) {
      if (half.finished || half.reset || !random.chance(0.3)) continue;
      if (random.chance(0.04)) {
        half.reset = true;
        half.stream.reset(random.integer(0, 1_000));
      } else if (random.chance(0.02)) {
        half.stopped = true;
        half.stream.stopSending(random.integer(0, 1_000));
      } else if (random.chance(0.15)) this.#finish(half);
      else {
        const length = random.pick([1, 50, 2_000, 30_000]);
        half.stream.write(pattern(half.stream.id + this.#salt, half.written, length));
        half.written += length;
        if (random.chance(0.05)) half.stream.setWeight(random.integer(1, 256));
      }
    }
    if (random.chance(0.5)) this.read();
  }

  /** Takes everything that waits to be read. */
  read(): void {
    for (const [stream, octets] of this.#unread) stream.consumed(octets);
    this.#unread.clear();
  }

  /** Ends everything that is not ended. */
  end(): void {
    for (const half of this.halves.values()) if (!half.finished && !half.reset) this.#finish(half);
  }

  #finish(half: Half): void {
    half.finished = true;
    half.stream.finish();
  }

  #add(stream: Stream): void {
    this.halves.set(stream.id, { stream, written: 0, finished: false, reset: false, stopped: false });
  }
}

function conditions(random: SimRandom): LinkConditions {
  return {
    latencyMs: random.pick([0.1, 5, 40]),
    jitterMs: random.pick([0, 0, 10]),
    loss: random.pick([0, 0.02, 0.2]),
    burst: random.pick([1, 3]),
    reorder: random.pick([0, 0.02, 0.1]),
    duplicate: random.pick([0, 0.05]),
    corrupt: random.pick([0, 0.02]),
  };
}

/** Most have room; some are full after a few packets. */
function carrier(random: SimRandom): PlainCarrier {
  const made = new PlainCarrier();
  made.capacity = random.pick([4_096, 4_096, 1, 3]);
  return made;
}

describe('two applications that do what they like', () => {
  it(
    'get exactly what was written, and in the end nothing is left over, for every seed',
    { timeout: 24 * 3_600_000 },
    () => {
      forEachSeed(200, (seed) => {
        const random = new SimRandom(seed);
        const params = {
          maxStreams: random.pick([1, 5, 100]),
          initialMaxData: random.pick([10_000, 1_048_576]),
          initialMaxStreamData: random.pick([5_000, 262_144]),
        };
        const pair = new Pair({
          seed,
          conditions: conditions(random),
          back: conditions(random),
          client: {
            params,
            carrier: carrier(random),
            config: {
              initialPacketSize: random.pick([1_200, 1_452, 8_000]),
              congestion: random.pick([ALGORITHMS.cubic, ALGORITHMS.bbr]),
            },
          },
          server: { params, carrier: carrier(random), limits: { resetBurst: 5, resetsPerSecond: 5 } },
        });
        const sides = [new Chaos(pair.client, seed, 0), new Chaos(pair.server, seed + 1, 1)] as const;
        for (let i = 0; i < 100; i++) {
          sides[i % 2]!.act();
          pair.run(random.pick([0, 1, 20]));
        }
        const { client, server } = pair;
        pair.runUntil(() => {
          for (const side of sides) {
            side.end();
            side.read();
          }
          pair.pump();
          const open = client.session.stats().streamsOpen + server.session.stats().streamsOpen;
          return open === 0 && client.session.isDrained && server.session.isDrained;
        }, 600_000);
        pair.run(10_000);
        for (const [index, side] of sides.entries()) {
          const other = sides[1 - index]!;
          for (const half of side.halves.values()) {
            const id = half.stream.id;
            const there = other.halves.get(id);
            const got = other.readers.get(id)?.octets ?? 0;
            expect(got).toBeLessThanOrEqual(half.written);
            if (!half.reset && there !== undefined && !there.stopped) expect([id, got]).toEqual([id, half.written]);
          }
        }
        for (const { app, session } of [client, server]) {
          const stats = session.stats();
          expect(app.end).toBeUndefined();
          expect(stats.reassemblyOctets).toBe(0);
          expect(stats.bytesInFlight).toBe(0);
          // All that was received was given back as credit.
          expect(stats.receiveCredit).toBeGreaterThanOrEqual(stats.receiveWindow / 2);
        }
      });
    },
  );
});
