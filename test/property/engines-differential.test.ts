import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PACKET_OVERHEAD, STREAM_HEADER } from '../../lib/constants.js';
import { loadNative } from '../../lib/native/binding.js';
import { NativePacketEngine } from '../../lib/native/packet-engine.js';
import { Suite } from '../../lib/ports/crypto.js';
import { NONE } from '../../lib/ports/packet-engine.js';
import { connectionAddress } from '../../lib/wire/address.js';
import { openCookieReply, proofOf } from '../../lib/wire/cookies.js';
import {
  ADDRESS_A,
  ADDRESS_B,
  EngineProbe,
  accountedDatagrams,
  agreedStats,
  captureRows,
  helloDatagram,
  hex,
  sessionKeys,
  testCrypto,
  type CapturedRow,
  type SentDatagram,
} from '../support/engine-harness.js';
import { COOKIE_KEYS, MAC1_KEYS, play, scenario, type Received, type Stage } from '../support/engine-scenario.js';

/** An engine under test: rows are kept, and what it sealed can be taken out. */
interface Subject extends Stage {
  readonly rows: CapturedRow[];
  sealed(): SentDatagram[];
}

function jsSubject(sizes: { slabOctets?: number; transmitOctets?: number } = {}): Subject {
  const probe = new EngineProbe(testCrypto, sizes);
  return {
    engine: probe.engine,
    rows: probe.rows,
    receive(batch) {
      for (const [datagram, address, ecn] of batch) probe.engine.receive(datagram, address, ecn);
      probe.engine.deliver();
    },
    sealed() {
      probe.engine.flush();
      return probe.sent.splice(0);
    },
  };
}

function nativeSubject(sizes: { slabOctets?: number; transmitOctets?: number } = {}): Subject {
  const rows: CapturedRow[] = [];
  const forConnections: SentDatagram[] = [];
  const engine = NativePacketEngine.withoutSocket(
    {
      onBatch: (rowCount, groupCount) => {
        rows.push(...captureRows(engine, rowCount, groupCount));
      },
      onWritable: () => {},
      onConnectionDatagram: (address, octets) => forConnections.push({ address: hex(address), octets }),
      onError: (error) => {
        throw error;
      },
    },
    sizes,
  );
  return {
    engine,
    rows,
    receive(batch) {
      for (const [datagram, address, ecn] of batch) engine.receive(datagram, address, ecn);
      engine.deliver();
    },
    sealed() {
      engine.flush();
      const sealed = engine
        .takeSealed()
        .map(({ address, datagram, ecn }) => ({ address: hex(address), octets: datagram, ecn }));
      return [...sealed, ...forConnections.splice(0)];
    },
  };
}

/** Rows with numbers of sessions and addresses in place of slots and path ids, which engines may choose as they like. */
function neutral(rows: readonly CapturedRow[], slots: Map<number, number>, paths: Map<number, number>): object[] {
  return rows.map((row) => ({ ...row, slot: slots.get(row.slot) ?? row.slot, path: paths.get(row.path) ?? row.path }));
}

const { addon, why } = loadNative();
// Where the native backend is asked for, its absence is a failure, not a reason to skip.
const skips = addon === undefined && process.env['STT_BACKEND'] !== 'native';

describe.skipIf(skips)(`native and JS packet engine${skips ? ` (skipped: ${why})` : ''}`, () => {
  it('make the same rows, octets and counters of the same datagrams', () => {
    fc.assert(
      fc.property(scenario, (steps) => {
        const native = nativeSubject();
        const js = jsSubject();
        const ofNative = play(steps, native);
        const ofJs = play(steps, js);
        expect(neutral(native.rows, ofNative.slots, ofNative.paths)).toEqual(neutral(js.rows, ofJs.slots, ofJs.paths));
        const stats = js.engine.stats();
        expect(agreedStats(native.engine.stats())).toEqual(agreedStats(stats));
        expect(accountedDatagrams(stats)).toBe(stats.datagramsReceived);
        // What they sent by themselves are cookies, under random nonces.
        const shapes = (sent: SentDatagram[]): object[] =>
          sent.map(({ address, octets }) => ({ address, head: hex(octets.subarray(0, 35)), size: octets.length }));
        expect(shapes(native.sealed())).toEqual(shapes(js.sealed()));
        void native.engine.close();
      }),
      { numRuns: 500 },
    );
  });

  it('give cookies that the initiator opens and both take for a proof, from their address only', () => {
    const secret = new Uint8Array(32).fill(9);
    const native = nativeSubject();
    const js = jsSubject();
    for (const { engine } of [native, js]) {
      engine.setMac1Keys(MAC1_KEYS);
      engine.demandCookies(COOKIE_KEYS, [secret]);
    }
    const hello = helloDatagram(new Uint8Array(8).fill(5), MAC1_KEYS[2]);
    const mac1 = hello.subarray(-32, -16);
    const cookies = [native, js].map((subject) => {
      subject.receive([[hello, ADDRESS_B]]);
      const [{ octets: reply, address } = { octets: new Uint8Array(0), address: '' }, ...more] = subject.sealed();
      expect([address, more, subject.rows]).toEqual([hex(ADDRESS_B), [], []]);
      return hex(openCookieReply(testCrypto, COOKIE_KEYS[2]!, mac1, reply, 0, reply.length)!);
    });
    expect(cookies[0]).toBe(cookies[1]);
    expect(cookies[0]).toHaveLength(32);
    const digest = testCrypto.sha256(hello.subarray(6, 14), hello.subarray(35, -32));
    const proven = hello.slice();
    proven.set(proofOf(testCrypto, Uint8Array.from(Buffer.from(cookies[0]!, 'hex')), { digest, mac1 }), 1184);
    for (const subject of [native, js]) {
      subject.receive([[proven, ADDRESS_B]]);
      expect(subject.rows).toHaveLength(1);
      subject.receive([[proven, ADDRESS_A]]);
      expect(subject.rows).toHaveLength(1);
      expect(subject.engine.stats()).toMatchObject({ handshakesReceived: 1, droppedUnproven: 2 });
      subject.engine.demandCookies([], []);
      subject.receive([[hello, ADDRESS_A]]);
      expect(subject.rows).toHaveLength(2);
    }
    void native.engine.close();
  });

  it('mark the same packets: those of a session on the path that is marked', () => {
    const step = fc.record({ mark: fc.constantFrom(undefined, 0, 1, 2), path: fc.nat(1), run: fc.nat(3) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), (steps) => {
        const [native, js] = [nativeSubject(), jsSubject()].map((subject) => {
          const slots = [1, 2].map((number) => subject.engine.openSession(sessionKeys(number)[0]));
          const paths = [ADDRESS_A, ADDRESS_B].map((address) => subject.engine.openPath(address));
          let pn = 0;
          for (const { mark, path, run } of steps) {
            if (mark !== undefined) subject.engine.markPath(slots[0]!, paths[mark] ?? NONE);
            const chunk = new Uint8Array(100 * run + 1);
            for (const slot of slots) {
              subject.engine.sealStreamRun(slot, paths[path]!, pn, 1, 0, false, chunk, 0, chunk.length, 100);
              subject.engine.sealFrames(slot, paths[path]!, pn + run + 1, chunk, 0, 1);
            }
            pn += run + 2;
          }
          expect(subject.engine.canMark).toBe(true);
          // For sessions that are not there.
          subject.engine.markPath(1_000, paths[0]!);
          const sealed = subject.sealed();
          void subject.engine.close();
          return sealed.map((one) => ({ ...one, octets: hex(one.octets) }));
        });
        expect(native).toEqual(js);
        let [marked, at] = [2, 0];
        for (const { mark, path, run } of steps) {
          marked = mark ?? marked;
          for (const slot of [0, 1]) {
            for (let i = 0; i < run + 2; i++) expect(js![at++]!.ecn).toBe(slot === 0 && path === marked ? 2 : 0);
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it('agree when a batch does not fit the slab', () => {
    const [own, peer] = sessionKeys(1);
    const sender = jsSubject();
    const slot = sender.engine.openSession(own);
    const path = sender.engine.openPath(ADDRESS_B);
    const chunk = Uint8Array.from({ length: 60_000 }, (_, i) => (i * 31) & 0xff);
    let pn = 0;
    let offset = 0;
    const step = fc.record({ stream: fc.boolean(), length: fc.integer({ min: 1, max: 60_000 }), again: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
        const batch: Received[] = [];
        for (const { stream, length, again } of steps) {
          if (stream) pn += sender.engine.sealStreamRun(slot, path, pn, 1, offset, false, chunk, 0, length, 30_000);
          else pn += Number(sender.engine.sealFrames(slot, path, pn, chunk, 0, length));
          offset += length;
          for (const { octets } of sender.sealed()) batch.push([octets, ADDRESS_A]);
          if (again) batch.push(batch[0]!);
        }
        const subjects = [nativeSubject({ slabOctets: 1 }), jsSubject({ slabOctets: 1 })];
        for (const subject of subjects) {
          subject.engine.openSession(peer);
          subject.receive(batch);
        }
        const [native, js] = subjects as [Subject, Subject];
        expect(native.rows.map(({ octets, ...rest }) => ({ ...rest, octets: octets.length }))).toEqual(
          js.rows.map(({ octets, ...rest }) => ({ ...rest, octets: octets.length })),
        );
        expect(native.rows.every(({ octets }, i) => octets === js.rows[i]!.octets)).toBe(true);
        expect(agreedStats(native.engine.stats())).toEqual(agreedStats(js.engine.stats()));
        void native.engine.close();
      }),
      { numRuns: 50 },
    );
  });

  it('agree on garbage of every length and first octet', () => {
    const batch: Received[] = [];
    for (let length = 0; length < 80; length++) {
      for (const first of [0x00, 0x53, 0x7f, 0x80, 0x81, 0xff])
        batch.push([new Uint8Array(length).fill(first), ADDRESS_A]);
    }
    for (const first of [0x00, 0x53, 0x80, 0xff]) batch.push([new Uint8Array(65_507).fill(first), ADDRESS_B]);
    const [native, js] = [nativeSubject(), jsSubject()];
    for (const subject of [native, js]) {
      const { sessionId } = sessionKeys(1)[1];
      subject.engine.openSession({ ...sessionKeys(1)[1], sessionId: sessionId.map(() => 0x80) });
      subject.receive(batch);
      expect(subject.rows).toEqual([]);
    }
    expect(agreedStats(native.engine.stats())).toEqual(agreedStats(js.engine.stats()));
  });

  it('agree on every bit flip of a packet and of every kind of handshake message', () => {
    fc.assert(
      fc.property(scenario, fc.nat(), (steps, which) => {
        const datagrams: Received[] = [];
        play(steps, { engine: jsSubject().engine, receive: (batch) => datagrams.push(...batch) });
        fc.pre(datagrams.length > 0);
        const [original, address] = datagrams[which % datagrams.length]!;
        const batch = Array.from({ length: Math.min(8 * original.length, 8 * 64) }, (_, bit): Received => {
          const flipped = new Uint8Array(original);
          flipped[bit >>> 3]! ^= 1 << (bit & 7);
          return [flipped, address];
        });
        const [native, js] = [nativeSubject(), jsSubject()];
        play([], native);
        play([], js);
        native.receive(batch);
        js.receive(batch);
        expect(native.rows.map(({ octets }) => octets)).toEqual(js.rows.map(({ octets }) => octets));
        expect(agreedStats(native.engine.stats())).toEqual(agreedStats(js.engine.stats()));
        void native.engine.close();
      }),
      { numRuns: 50 },
    );
  });

  describe.each([
    ['AES-256-GCM', Suite.AES_256_GCM],
    ['ChaCha20-Poly1305', Suite.CHACHA20_POLY1305],
  ])('with %s', (_name, suite) => {
    it('seal the same octets, and what one seals the other opens', () => {
      const call = fc.record({
        stream: fc.boolean(),
        jump: fc.constantFrom(0, 1, 300, 2 ** 20),
        streamId: fc.constantFrom(1, 2, 0xffffffff),
        offset: fc.oneof(fc.nat(1_000), fc.constantFrom(2 ** 32 - 5, 2 ** 40 + 1, Number.MAX_SAFE_INTEGER - 5_000)),
        fin: fc.boolean(),
        length: fc.nat(5_000),
        payload: fc.constantFrom(1_155, 1, 17, 1_400, 65_462),
      });
      fc.assert(
        fc.property(fc.array(call, { minLength: 1, maxLength: 8 }), (calls) => {
          const [own, peer] = sessionKeys(1, suite);
          const results = [nativeSubject(), jsSubject()].map((subject) => {
            const { engine } = subject;
            const slot = engine.openSession(own);
            const path = engine.openPath(ADDRESS_B);
            const taken: (number | boolean)[] = [];
            let pn = 0;
            for (const { stream, jump, streamId, offset, fin, length, payload } of calls) {
              const size = payload < 20 ? Math.min(length, 20 * payload) : length;
              const chunk = Uint8Array.from({ length: size + 3 }, (_, i) => (i * 7) & 0xff);
              pn += jump;
              const count = stream
                ? engine.sealStreamRun(slot, path, pn, streamId, offset, fin, chunk, 3, 3 + size, payload)
                : engine.sealFrames(slot, path, pn, chunk, 0, size);
              taken.push(count);
              pn += Number(count);
            }
            return { subject, taken, sealed: subject.sealed() };
          });
          const [native, js] = results as [(typeof results)[0], (typeof results)[0]];
          expect(native.taken).toEqual(js.taken);
          expect(native.sealed.map(({ octets }) => hex(octets))).toEqual(js.sealed.map(({ octets }) => hex(octets)));
          expect(native.sealed.map(({ address }) => address)).toEqual(js.sealed.map(({ address }) => address));
          // Crosswise: each opens what the other one sealed.
          const [nativeOpens, jsOpens] = [nativeSubject(), jsSubject()];
          nativeOpens.engine.openSession(peer);
          jsOpens.engine.openSession(peer);
          nativeOpens.receive(js.sealed.map(({ octets }) => [octets, ADDRESS_A]));
          jsOpens.receive(native.sealed.map(({ octets }) => [octets, ADDRESS_A]));
          expect(nativeOpens.engine.stats().packetsOpened).toBe(js.sealed.length);
          expect(jsOpens.engine.stats().packetsOpened).toBe(js.sealed.length);
          expect(nativeOpens.rows).toEqual(jsOpens.rows);
          for (const { engine } of [native.subject, nativeOpens]) void engine.close();
        }),
        { numRuns: 100 },
      );
    });
  });

  it('agree on runs of packets of every size up to the largest, in the order of sizes or any other', () => {
    const size = fc.oneof(
      fc.constantFrom(1_155, 1_427, 8_927, 16_311, 65_443, 65_462),
      fc.integer({ min: 900, max: 65_462 }),
    );
    const run = fc.record({ payload: size, octets: fc.integer({ min: 1, max: 200_000 }), isProbe: fc.boolean() });
    const source = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 13) >>> 3);
    const probe = new Uint8Array(65_478);
    fc.assert(
      fc.property(fc.array(run, { minLength: 1, maxLength: 6 }), (runs) => {
        const [own, peer] = sessionKeys(1);
        const results = [nativeSubject(), jsSubject()].map((subject) => {
          const { engine } = subject;
          const slot = engine.openSession(own);
          const path = engine.openPath(ADDRESS_B);
          const sealed: SentDatagram[] = [];
          const taken: (number | boolean)[] = [];
          let pn = 0;
          let offset = 0;
          for (const { payload, octets, isProbe } of runs) {
            // A probe of a larger size goes before packets of the size in use.
            if (isProbe) {
              const length = Math.min(65_478, 2 * payload);
              probe[0] = 2;
              probe[1] = 1;
              taken.push(engine.sealFrames(slot, path, pn++, probe, 0, length));
            }
            const count = engine.sealStreamRun(slot, path, pn, 1, offset, false, source, 0, octets, payload);
            taken.push(count);
            sealed.push(...subject.sealed());
            pn += count;
            offset += octets;
          }
          return { subject, taken, sealed };
        });
        const [native, js] = results as [(typeof results)[0], (typeof results)[0]];
        expect(native.taken).toEqual(js.taken);
        expect(native.sealed.length).toBe(js.sealed.length);
        native.sealed.forEach(({ octets }, i) => expect(Buffer.compare(octets, js.sealed[i]!.octets)).toBe(0));
        const [nativeOpens, jsOpens] = [nativeSubject(), jsSubject()];
        nativeOpens.engine.openSession(peer);
        jsOpens.engine.openSession(peer);
        for (const { octets } of native.sealed) {
          nativeOpens.receive([[octets, ADDRESS_A]]);
          jsOpens.receive([[octets, ADDRESS_A]]);
        }
        expect(nativeOpens.engine.stats().packetsOpened).toBe(native.sealed.length);
        expect(nativeOpens.rows.length).toBe(jsOpens.rows.length);
        nativeOpens.rows.forEach((row, i) => expect(row).toEqual(jsOpens.rows[i]));
        for (const { engine } of [native.subject, nativeOpens]) void engine.close();
      }),
      { numRuns: 30 },
    );
  });

  it('keep what is for connections apart from what is for the socket, each with room of its own', () => {
    const results = [nativeSubject, jsSubject].map((make) => {
      const { engine, sealed } = make({ transmitOctets: 70_000 });
      const slot = engine.openSession(sessionKeys(1)[0]);
      const socket = engine.openPath(ADDRESS_A);
      const connections = [1, 2].map((number) => engine.openPath(connectionAddress('192.0.2.1', 4000, number)));
      const chunk = new Uint8Array(100_000);
      const round = (pn: number): unknown[] => [
        ...connections.map((path, i) =>
          engine.sealStreamRun(slot, path, pn + i, 1, 0, false, chunk, 0, 100_000, 30_000),
        ),
        engine.sealFrames(slot, connections[0]!, pn + 10, chunk, 0, 30_000),
        engine.sendDatagram(connectionAddress('192.0.2.1', 4000, 1), chunk.subarray(0, 30_000)),
        engine.sealFrames(slot, socket, pn + 20, chunk, 0, 60_000),
        engine.sendDatagram(ADDRESS_A, chunk.subarray(0, 30_000)),
        sealed().map(({ address, octets }) => [address, octets.length]),
      ];
      const rounds = [round(0), round(100)];
      const { datagramsSent, octetsSent } = engine.stats();
      void engine.close();
      return { rounds, datagramsSent, octetsSent };
    });
    expect(results[0]).toEqual(results[1]);
    const [address, size] = [hex(connectionAddress('192.0.2.1', 4000, 1)), 30_000 + PACKET_OVERHEAD + STREAM_HEADER];
    const sealed = [
      [hex(ADDRESS_A), 60_000 + PACKET_OVERHEAD],
      [address, size],
      [address, size],
    ];
    expect(results[0]!.rounds[0]).toEqual([2, 0, false, false, true, false, sealed]);
    expect(results[0]!.rounds[1]).toEqual(results[0]!.rounds[0]);
  });

  it('refuse the same calls', () => {
    const results = [nativeSubject(), jsSubject()].map(({ engine, sealed }) => {
      const [own] = sessionKeys(1);
      const slot = engine.openSession(own);
      const path = engine.openPath(ADDRESS_A);
      const chunk = new Uint8Array(70_000);
      const answers = [
        engine.openSession(own),
        engine.openPath(ADDRESS_A) === path,
        engine.sealFrames(slot + 1, path, 0, chunk, 0, 10),
        engine.sealFrames(slot, path + 1, 0, chunk, 0, 10),
        engine.sealFrames(slot, path, 0, chunk, 0, 65_479),
        engine.sealFrames(slot, path, 0, chunk, 0, 65_478),
        engine.sealStreamRun(slot + 1, path, 1, 1, 0, false, chunk, 0, 10, 10),
        engine.sealStreamRun(slot, path + 1, 1, 1, 0, false, chunk, 0, 10, 10),
        engine.sealStreamRun(slot, path, 1, 1, 0, false, chunk, 0, 10, 0),
        engine.sealStreamRun(slot, path, 1, 1, 0, false, chunk, 0, 70_000, 65_463),
        engine.sealStreamRun(slot, path, 1, 1, 0, false, chunk, 0, 0, 100),
        engine.sealStreamRun(slot, path, 1, 1, 0, true, chunk, 5, 5, 100),
        engine.sendDatagram(ADDRESS_A, chunk),
        engine.sendDatagram(ADDRESS_A, chunk.subarray(0, 65_507)),
      ];
      engine.closePath(path);
      answers.push(engine.sealFrames(slot, path, 2, chunk, 0, 10));
      engine.closePath(path);
      answers.push(engine.sealFrames(slot, path, 3, chunk, 0, 10));
      engine.closeSession(slot);
      engine.closeSession(slot);
      engine.closePath(path);
      answers.push(engine.sealFrames(slot, path, 4, chunk, 0, 10));
      return { answers, sizes: sealed().map(({ octets }) => octets.length) };
    });
    expect(results[0]).toEqual(results[1]);
  });
});
