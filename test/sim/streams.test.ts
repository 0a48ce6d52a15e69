import { describe, expect, it } from 'vitest';
import type { Stream } from '../../lib/protocol/stream.js';
import { Pair } from '../support/sim/pair.js';
import { PlainCarrier } from '../support/sim/plain-carrier.js';
import { Transfers } from '../support/sim/transfer.js';

/** Ends its own half when the peer ends the other, as a server of requests does. */
function answering(pair: Pair, answer: (stream: Stream) => Uint8Array): void {
  pair.server.app.onEndOf = (stream) => {
    stream.write(answer(stream));
    stream.finish();
  };
}

describe('streams', () => {
  it('carry a request and its answer, half-closed in between, and are forgotten on both sides', () => {
    const pair = new Pair();
    answering(pair, () => Uint8Array.of(4, 5));
    const stream = pair.client.session.openStream()!;
    stream.write(Uint8Array.of(1, 2, 3));
    stream.finish();
    pair.run(200);
    expect(pair.server.app.received.get(1)).toEqual([1, 2, 3]);
    expect(pair.client.app.received.get(1)).toEqual([4, 5]);
    for (const { app, session } of [pair.client, pair.server]) {
      expect(app.ended.has(1) && app.finished.has(1) && app.closed.has(1)).toBe(true);
      expect(session.stats().streamsOpen).toBe(0);
    }
  });

  it('end without any octet', () => {
    const pair = new Pair({ conditions: { latencyMs: 10, loss: 0.3 } });
    answering(pair, () => new Uint8Array(0));
    pair.client.session.openStream()!.finish();
    pair.runUntil(() => pair.client.app.closed.has(1) && pair.server.app.closed.has(1), 60_000);
    expect(pair.server.app.received.size).toBe(0);
  });

  it('do not wait for one another: only the stream whose packet was lost does', () => {
    const pair = new Pair({ conditions: { latencyMs: 50 } });
    pair.run(300);
    const [lossy, whole] = [pair.client.session.openStream()!, pair.client.session.openStream()!];
    let dropped = false;
    pair.there.filter = () => dropped || !(dropped = true);
    lossy.write(new Uint8Array(500));
    pair.pump();
    whole.write(new Uint8Array(500));
    pair.run(60);
    expect(pair.server.app.received.get(lossy.id)).toBeUndefined();
    expect(pair.server.app.received.get(whole.id)?.length).toBe(500);
    pair.run(1_000);
    expect(pair.server.app.received.get(lossy.id)?.length).toBe(500);
  });

  it('go on while another one is not read, whose sender stops', () => {
    const pair = new Pair();
    pair.server.app.reads = false;
    pair.server.app.keeps = false;
    const got = new Map<number, number>();
    pair.server.app.onData = (stream, _bytes, begin, end) => {
      got.set(stream.id, (got.get(stream.id) ?? 0) + end - begin);
      if (stream.id !== 1) stream.consumed(end - begin);
    };
    const ignored = pair.client.session.openStream()!;
    const read = pair.client.session.openStream()!;
    ignored.write(new Uint8Array(5_000_000));
    read.write(new Uint8Array(5_000_000));
    pair.run(20_000);
    expect(got.get(ignored.id)).toBe(262_144);
    expect(got.get(read.id)).toBe(5_000_000);
    expect(ignored.bufferedOctets).toBe(5_000_000 - 262_144);
  });

  it('tell writers to wait, and when to go on; who does not listen gets an error', () => {
    const pair = new Pair({ client: { limits: { sendHighWater: 10_000, sendBufferLimit: 50_000 } } });
    pair.server.app.reads = false;
    const stream = pair.client.session.openStream()!;
    expect(stream.write(new Uint8Array(9_999))).toBe(true);
    expect(stream.write(new Uint8Array(1))).toBe(false);
    pair.pump();
    expect(pair.client.app.writable).toBe(1);
    let written = 10_000;
    const flood = (): void => {
      for (;;) {
        stream.write(new Uint8Array(1_000));
        written += 1_000;
        pair.run(1);
      }
    };
    expect(flood).toThrow(expect.objectContaining({ code: 'ERR_STT_STREAM_BUFFER_FULL' }));
    expect(written).toBeLessThan(262_144 + 52_000);
    expect(stream.bufferedOctets).toBeLessThanOrEqual(51_000);
  });

  it('refuse octets after the end', () => {
    const pair = new Pair();
    const stream = pair.client.session.openStream()!;
    stream.finish();
    stream.finish();
    expect(() => stream.write(new Uint8Array(1))).toThrow(expect.objectContaining({ code: 'ERR_STT_INVALID_STATE' }));
  });

  it('are reset and stopped reliably, with the code of the application, and give their credit back', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const pair = new Pair({ seed, conditions: { latencyMs: 20, loss: 0.3 } });
      pair.server.app.reads = false;
      const reset = pair.client.session.openStream()!;
      const stopped = pair.client.session.openStream()!;
      reset.write(new Uint8Array(100_000));
      stopped.write(new Uint8Array(1_000_000));
      pair.runUntil(() => pair.server.app.opened.length === 2, 60_000);
      reset.reset(77);
      pair.server.app.opened.find(({ id }) => id === stopped.id)!.stopSending(88);
      const gone = (): boolean => pair.server.app.resets.has(reset.id) && pair.client.app.stops.has(stopped.id);
      pair.runUntil(gone, 60_000);
      expect(pair.server.app.resets.get(reset.id)).toBe(77);
      expect(pair.client.app.stops.get(stopped.id)).toBe(88);
      for (const stream of pair.server.app.opened) stream.reset(1);
      for (const stream of [reset, stopped]) stream.stopSending(1);
      const { client, server } = pair;
      pair.runUntil(() => client.session.stats().streamsOpen + server.session.stats().streamsOpen === 0, 60_000);
      const { receiveCredit, receiveWindow } = server.session.stats();
      expect(receiveCredit).toBeGreaterThan(receiveWindow / 2);
      expect(client.session.isDrained && server.session.isDrained).toBe(true);
    }
  });

  it('stopped in the middle of a delivery get no more octets', () => {
    const pair = new Pair();
    let calls = 0;
    pair.server.app.onData = (stream) => {
      calls++;
      stream.stopSending(9);
    };
    const stream = pair.client.session.openStream()!;
    stream.write(new Uint8Array(100_000));
    pair.run(1_000);
    expect(calls).toBe(1);
    expect(pair.client.app.stops.get(1)).toBe(9);
  });

  it('come and go by the ten thousands within the limit of a hundred', () => {
    const pair = new Pair({ conditions: { latencyMs: 1, loss: 0.02 } });
    answering(pair, () => Uint8Array.of(1));
    let opened = 0;
    const open = (): void => {
      for (let stream; opened < 10_000 && (stream = pair.client.session.openStream()) !== undefined; opened++) {
        stream.write(Uint8Array.of(1));
        stream.finish();
      }
    };
    open();
    let asked = 0;
    pair.runUntil(() => {
      if (pair.client.app.streamsAvailable > asked) {
        asked = pair.client.app.streamsAvailable;
        open();
        pair.pump();
      }
      return pair.client.app.closed.size === 10_000 && pair.server.app.closed.size === 10_000;
    }, 600_000);
    expect(pair.server.session.stats().streamsOpen).toBe(0);
  });

  it('share the rate by weight, and the lowest of them still moves', () => {
    const pair = new Pair({ conditions: { latencyMs: 10, rate: 1_000, queue: 100_000 } });
    const there = new Transfers(pair.client, pair.server);
    const high = there.start(20_000_000, 1, 256);
    const low = there.start(20_000_000, 2, 1);
    const middle = there.start(20_000_000, 3, 64);
    pair.run(10_000);
    const share = there.received(low) / there.received(high);
    expect(share).toBeGreaterThan(1 / 20);
    expect(share).toBeLessThan(1 / 10);
    expect(there.received(middle) / there.received(high)).toBeGreaterThan(0.2);
    expect(there.received(middle) / there.received(high)).toBeLessThan(0.32);
  });

  it('that write many small pieces send full packets', () => {
    const pair = new Pair();
    pair.run(200);
    const before = pair.there.stats.sent;
    const stream = pair.client.session.openStream()!;
    for (let i = 0; i < 10_000; i++) stream.write(Uint8Array.of(i & 0xff, i >> 8));
    pair.run(1_000);
    expect(pair.there.stats.sent - before).toBeLessThan(20_000 / 1_155 + 20);
    expect(pair.server.app.received.get(1)?.length).toBe(20_000);
    expect(pair.server.app.received.get(1)?.slice(-2)).toEqual([9_999 & 0xff, 9_999 >> 8]);
  });

  it('join the end of one large chunk and the start of the next in one packet', () => {
    const pair = new Pair({ conditions: { latencyMs: 1 } });
    const stream = pair.client.session.openStream()!;
    const before = pair.there.stats.sent;
    for (let i = 0; i < 20; i++) stream.write(new Uint8Array(16_385).fill(i));
    pair.run(2_000);
    const octets = pair.server.app.received.get(1)!;
    expect(octets.length).toBe(20 * 16_385);
    for (let i = 0; i < 20; i++) expect(octets[i * 16_385]).toBe(i);
    expect(pair.there.stats.sent - before).toBeLessThan((20 * 16_385) / 1_155 + 60);
  });

  it('answer a lone request with data and ACK in one packet', () => {
    const pair = new Pair();
    const stream = pair.client.session.openStream()!;
    // Past the first packets, which are acknowledged at once.
    for (let i = 0; i < 30; i++) {
      stream.write(new Uint8Array(10));
      pair.run(100);
    }
    pair.server.app.onData = (peer) => void peer.write(new Uint8Array(10));
    const before = pair.back.stats.sent;
    stream.write(new Uint8Array(10));
    pair.run(15);
    expect(pair.back.stats.sent - before).toBe(1);
  });

  it('that are many and small share packets', () => {
    const pair = new Pair();
    pair.run(200);
    const before = pair.there.stats.sent;
    for (let i = 0; i < 60; i++) {
      const stream = pair.client.session.openStream()!;
      stream.write(new Uint8Array(40).fill(i));
      stream.finish();
    }
    pair.run(500);
    expect(pair.server.app.ended.size).toBe(60);
    expect(pair.there.stats.sent - before).toBeLessThanOrEqual(6);
  });

  it('survive a transmit buffer that is full all the time', () => {
    const narrow = (): PlainCarrier => {
      const carrier = new PlainCarrier();
      carrier.capacity = 3;
      return carrier;
    };
    const pair = new Pair({
      conditions: { latencyMs: 10, loss: 0.05 },
      client: { carrier: narrow() },
      server: { carrier: narrow() },
    });
    const there = new Transfers(pair.client, pair.server);
    const back = new Transfers(pair.server, pair.client);
    for (let i = 0; i < 5; i++) {
      there.start(200_000, i);
      back.start(200_000, i);
    }
    pair.runUntil(() => there.done && back.done, 600_000);
  });

  it('fill packets of any size', () => {
    for (const initialPacketSize of [1_200, 1_452, 9_000, 65_507]) {
      const pair = new Pair({
        conditions: { latencyMs: 5, loss: 0.02, mtu: initialPacketSize },
        client: { config: { initialPacketSize } },
        server: { config: { initialPacketSize } },
      });
      const there = new Transfers(pair.client, pair.server);
      for (let i = 0; i < 3; i++) there.start(1_000_000, i);
      pair.runUntil(() => there.done, 600_000);
    }
  });

  it('are sped up by windows that grow with the bandwidth-delay product', () => {
    const pair = new Pair({ conditions: { latencyMs: 100, rate: 12_500, queue: 4_000_000 } });
    const there = new Transfers(pair.client, pair.server);
    there.start(60_000_000, 1);
    const begin = pair.now;
    pair.runUntil(() => there.done, 600_000);
    // 12.5 MB/s; with the first window of 256 KiB it would take 46 s.
    expect(pair.now - begin).toBeLessThan(12_000);
    expect(pair.server.session.stats().receiveWindow).toBeLessThanOrEqual(32 * 1024 * 1024);
  });
});
