import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CloseCode, ControlType, PacketFrame } from '../../lib/constants.js';
import { encodeAck, encodeAckFrequency, encodeSessionClose, encodeStream } from '../../lib/wire/packet-frames.js';
import { modelRuns } from '../support/runs.js';
import { Hostile, type SentFrame } from '../support/sim/hostile.js';

function count(sent: readonly SentFrame[], name: string): number {
  return sent.filter((frame) => frame.name === name).length;
}

describe('a peer that floods with control frames', () => {
  it('gets a bounded number of PATH_RESPONSEs and PONGs while nothing can be sent', () => {
    const peer = new Hostile();
    peer.sink.room = 0;
    for (let i = 0; i < 20_000; i++) {
      peer.control(ControlType.PATH_CHALLENGE, [1, 2, 3, 4, 5, 6, i >> 8, i & 0xff]);
      peer.ping(i);
      if (i % 100 === 0) peer.poll();
    }
    expect(peer.poll()).toEqual([]);
    peer.sink.room = Infinity;
    const sent = peer.poll();
    // A refused packet may have dropped some; PATH_RESPONSEs are never sent again.
    expect(count(sent, 'PATH_RESPONSE')).toBeLessThanOrEqual(4);
    expect(count(sent, 'PONG')).toBeLessThanOrEqual(128);
    expect(count(sent, 'PONG')).toBeGreaterThan(0);
    expect(peer.closedWith).toBeUndefined();
  });

  it('gets as many PATH_RESPONSEs and PONGs at once as this side allows, and then as many again', () => {
    const peer = new Hostile({ limits: { maxPathResponses: 2, maxPongs: 3 } });
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 50; i++) {
        peer.control(ControlType.PATH_CHALLENGE, [1, 2, 3, 4, 5, 6, round, i]);
        peer.ping(50 * round + i);
      }
      const sent = peer.poll();
      expect([count(sent, 'PATH_RESPONSE'), count(sent, 'PONG')]).toEqual([2, 3]);
      peer.sink.sent.length = 0;
    }
    expect(peer.closedWith).toBeUndefined();
  });

  it('gets every PATH_CHALLENGE answered with its own octets when there are few', () => {
    const peer = new Hostile();
    peer.control(ControlType.PATH_CHALLENGE, [1, 2, 3, 4, 5, 6, 7, 8]);
    expect(count(peer.poll(), 'PATH_RESPONSE')).toBe(1);
  });

  it('and acknowledges nothing is closed with PROTOCOL before the memory of what was sent is large', () => {
    const peer = new Hostile();
    peer.stream(1, 0, 10);
    peer.app.opened[0]!.write(new Uint8Array(100));
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    for (let i = 0; i < 200_000 && peer.closedWith === undefined; i++) {
      peer.ping(i);
      peer.poll();
      peer.sink.sent.length = 0;
      if (i % 1_000 === 0) most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    expect(peer.closedWith).toBe(CloseCode.PROTOCOL);
    expect(most).toBeLessThan(50_000_000);
  });

  it('makes one FLOW_CREDIT of any number of reads', () => {
    const peer = new Hostile({ params: { initialMaxData: 10_000, initialMaxStreamData: 10_000 } });
    peer.sink.room = 0;
    for (let i = 0; i < 10_000; i++) peer.stream(1, i, 1);
    peer.poll();
    peer.sink.room = Infinity;
    const sent = peer.poll();
    expect(sent.filter(({ name }) => name === 'FLOW_CREDIT').map(({ id }) => id)).toEqual([0, 1]);
  });

  it('does not make the sender answer every octet of credit while data is on its way', () => {
    const peer = new Hostile({ role: 'initiator', peerParams: { initialMaxStreamData: 0 } });
    const stream = peer.session.openStream()!;
    stream.write(new Uint8Array(100_000));
    peer.poll();
    let packets = 0;
    for (let i = 1; i <= 5_000; i++) {
      peer.credit(stream.id, i);
      packets += count(peer.poll(), 'STREAM');
    }
    // The first octet goes alone; then only full packets, as nothing was acknowledged.
    expect(packets).toBeLessThanOrEqual(2 + 5_000 / 1_155);
    expect(packets).toBeGreaterThanOrEqual(4);
  });

  it('lets a sender that has one octet of credit go on, one octet per round trip', () => {
    const peer = new Hostile({ role: 'initiator', peerParams: { initialMaxStreamData: 0 } });
    const stream = peer.session.openStream()!;
    stream.write(new Uint8Array(5));
    stream.finish();
    for (let i = 1; i <= 5; i++) {
      peer.credit(stream.id, i);
      expect(
        peer
          .poll()
          .filter(({ name }) => name === 'STREAM')
          .map(({ octets }) => octets),
      ).toEqual([1]);
      peer.ackAll();
    }
    expect(peer.app.finished.has(stream.id)).toBe(true);
  });

  it('cannot move credit or stream limits back', () => {
    const peer = new Hostile({ role: 'initiator', peerParams: { maxStreams: 5 } });
    peer.control(ControlType.STREAM_LIMIT, [2]).credit(0, 5);
    expect(peer.session.stats().streamsAvailable).toBe(5);
    expect(peer.session.stats().sendCredit).toBe(1_048_576);
  });

  it('cannot slow ACKs down beyond what it may, nor speed up without end', () => {
    const peer = new Hostile();
    for (const [threshold, delay] of [
      [0, 0],
      [2 ** 50, 2 ** 50],
      [1, 1],
    ] as const) {
      peer.inject(peer.encode((out, at) => encodeAckFrequency(threshold, threshold, delay, out, at)));
      peer.stream(1, 0, 1);
      peer.poll();
    }
    expect(peer.closedWith === undefined || peer.closedWith === CloseCode.PROTOCOL).toBe(true);
  });
});

describe('a peer that sends what makes no sense', () => {
  it('is closed with PROTOCOL for an ACK of a packet that was never sent', () => {
    const peer = new Hostile();
    peer.ping();
    peer.poll();
    peer.ack(0, peer.sink.largest);
    expect(peer.closedWith).toBeUndefined();
    peer.ack(0, peer.sink.largest + 1);
    expect(peer.closedWith).toBe(CloseCode.PROTOCOL);
  });

  it('is closed with PROTOCOL for an ACK of a skipped number', () => {
    const peer = new Hostile({ role: 'initiator' });
    const stream = peer.session.openStream()!;
    const skipped = (): number => {
      const numbers = new Set(peer.sink.sent.map(({ pn }) => pn));
      for (let pn = 0; pn < peer.sink.largest; pn++) if (!numbers.has(pn)) return pn;
      return -1;
    };
    for (let i = 0; skipped() < 0; i++) {
      stream.write(new Uint8Array(100));
      peer.poll();
      const { largest } = peer.sink;
      if (skipped() < 0) peer.ack(largest, largest);
      peer.credit(stream.id, 1_000_000 + i).credit(0, 10_000_000 + i);
      expect(peer.closedWith).toBeUndefined();
      expect(i).toBeLessThan(5_000);
    }
    peer.ack(skipped(), peer.sink.largest);
    expect(peer.closedWith).toBe(CloseCode.PROTOCOL);
  });

  it('cannot make the RTT absurd by its ACK delay', () => {
    const peer = new Hostile();
    peer.ping();
    peer.poll();
    peer.now += 100;
    peer.ack(0, peer.sink.largest, Number.MAX_SAFE_INTEGER);
    const { rttMs } = peer.session.stats();
    expect(rttMs).toBeGreaterThanOrEqual(100 - 25);
    expect(rttMs).toBeLessThanOrEqual(333);
  });

  it('is closed with FRAME_ENCODING or PROTOCOL for frames that are none', () => {
    const cases: [number[], number][] = [
      [[0x05], CloseCode.PROTOCOL],
      [[PacketFrame.CONTROL, 0x04], CloseCode.PROTOCOL],
      [[PacketFrame.CONTROL], CloseCode.FRAME_ENCODING],
      [[PacketFrame.CONTROL, ControlType.PING, 1, 2, 3], CloseCode.FRAME_ENCODING],
      [[PacketFrame.ACK, 0, 5, 0, 0, 6], CloseCode.FRAME_ENCODING],
      [[PacketFrame.STREAM, 0x08, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9], CloseCode.FRAME_ENCODING],
      [[PacketFrame.STREAM, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], CloseCode.FRAME_ENCODING],
    ];
    for (const [octets, code] of cases) {
      const peer = new Hostile();
      peer.inject(Uint8Array.from(octets));
      expect([octets, peer.closedWith]).toEqual([octets, code]);
    }
  });

  it(
    'never makes the session throw or hold more than it allowed, whatever frames it sends',
    { timeout: 24 * 3_600_000 },
    () => {
      const id = fc.constantFrom(0, 1, 2, 3, 5, 201, 0xffffffff);
      const small = fc.oneof(fc.nat(20), fc.nat(70_000), fc.constant(Number.MAX_SAFE_INTEGER));
      const varint = (value: number): number[] => {
        const out: number[] = [];
        for (; value > 0x7f; value = Math.floor(value / 128)) out.push((value % 128) | 0x80);
        return [...out, value];
      };
      const frame = fc.oneof(
        fc.uint8Array({ maxLength: 40 }),
        fc
          .record({ id, offset: fc.oneof(fc.nat(50), fc.nat(2 ** 31)), length: fc.nat(60), fin: fc.boolean() })
          .map(({ id: streamId, offset, length, fin }) => {
            const out = new Uint8Array(16 + length);
            encodeStream(streamId, offset, fin, new Uint8Array(length), out, 0);
            return out;
          }),
        fc
          .record({ type: fc.integer({ min: 1, max: 15 }), numbers: fc.array(fc.oneof(id, small), { maxLength: 4 }) })
          .map(({ type, numbers }) => Uint8Array.from([PacketFrame.CONTROL, type, ...numbers.flatMap(varint)])),
        fc.record({ lo: fc.nat(10), more: fc.nat(10) }).map(({ lo, more }) => {
          const out = new Uint8Array(64);
          return out.subarray(0, encodeAck(0, Float64Array.of(lo, lo + more), 1, false, 0, 0, 0, out, 0));
        }),
      );
      // As engines give consecutive packets of a stream; never of stream 0.
      const run = fc.record({
        id: fc.constantFrom(1, 2, 3, 5, 199, 201, 0xffffffff),
        offset: fc.oneof(fc.nat(50), fc.nat(60_000), fc.constant(Number.MAX_SAFE_INTEGER - 100)),
        length: fc.oneof(fc.nat(60), fc.nat(30_000)),
        fin: fc.boolean(),
      });
      const act = fc.oneof(
        { weight: 6, arbitrary: fc.array(frame, { minLength: 1, maxLength: 4 }) },
        { weight: 2, arbitrary: run },
        { weight: 2, arbitrary: fc.constantFrom('poll', 'wait', 'ack', 'write', 'reset', 'stop', 'message') },
      );
      fc.assert(
        fc.property(fc.array(act, { maxLength: 60 }), fc.boolean(), (acts, reads) => {
          const peer = new Hostile({ params: { initialMaxData: 50_000, initialMaxStreamData: 20_000 } });
          peer.app.reads = reads;
          const own = peer.session.openStream()!;
          for (const next of acts) {
            if (typeof next === 'object' && 'offset' in next) {
              if (next.length > 0 || next.fin)
                peer.stream(next.id, next.offset, Math.min(next.length, 30_000), next.fin);
            } else if (typeof next !== 'string') {
              peer.inject(...next.filter((octets) => octets.length > 0), Uint8Array.of(0));
            } else if (next === 'poll') peer.poll();
            else if (next === 'wait') peer.wait(50);
            else if (next === 'ack') peer.ackAll();
            else if (peer.session.state !== 'open') continue;
            else if (next === 'write') own.write(new Uint8Array(3_000));
            else if (next === 'reset') for (const stream of peer.session.streams()) stream.reset(1);
            else if (next === 'stop') for (const stream of peer.session.streams()) stream.stopSending(1);
            else peer.session.sendMessage(1, new Uint8Array(10));
            const stats = peer.session.stats();
            expect(stats.reassemblyOctets).toBeLessThanOrEqual(50_000);
            expect(stats.streamsOpen).toBeLessThanOrEqual(101);
          }
          peer.wait(120_000);
          expect(peer.session.state).toBe('closed');
        }),
        { numRuns: modelRuns(500) },
      );
    },
  );

  it('ends the session with its close, and gets no answer', () => {
    const peer = new Hostile();
    peer.poll();
    peer.inject(peer.encode((out, at) => encodeSessionClose(300, new TextEncoder().encode('bye'), out, at)));
    expect(peer.app.end).toEqual({ closeCode: 300, reason: 'bye', remote: true });
    expect(peer.session.state).toBe('draining');
    peer.ping();
    expect(peer.poll()).toEqual([]);
    peer.wait(10_000);
    expect(peer.session.state).toBe('closed');
    expect(peer.session.pollTimeout()).toBe(Infinity);
  });

  it('hears SESSION_CLOSE again at every 2^n-th packet only', () => {
    const peer = new Hostile();
    peer.session.close(peer.now, 300, 'x'.repeat(1_000));
    const closes = (): number => count(peer.poll(), 'SESSION_CLOSE');
    expect(closes()).toBe(1);
    let answers = 0;
    for (let i = 0; i < 100; i++) {
      peer.ping();
      answers += closes();
    }
    expect(answers).toBe(7);
  });
});
