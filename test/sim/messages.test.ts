import { describe, expect, it } from 'vitest';
import { Pair } from '../support/sim/pair.js';
import { Transfers } from '../support/sim/transfer.js';

describe('messages', () => {
  it('arrive once or not at all, and the sender learns which', () => {
    const pair = new Pair({ conditions: { latencyMs: 20, loss: 0.2, duplicate: 0.1 } });
    const ids: number[] = [];
    for (let i = 0; i < 500; i++) {
      ids.push(pair.client.session.sendMessage(i, Uint8Array.of(i & 0xff)));
      pair.run(10);
    }
    pair.run(5_000);
    const { fates } = pair.client.app;
    const tags = pair.server.app.messages.map(({ tag }) => tag);
    expect(new Set(tags).size).toBe(tags.length);
    for (const [index, id] of ids.entries()) {
      expect(fates.has(id)).toBe(true);
      if (fates.get(id) === 'acked') expect(tags).toContain(index);
    }
    const acked = [...fates.values()].filter((fate) => fate === 'acked').length;
    expect(acked).toBeGreaterThan(300);
    expect(acked).toBeLessThan(500);
    expect(pair.client.session.isDrained).toBe(true);
  });

  it('share packets when they are small', () => {
    const pair = new Pair();
    pair.run(200);
    const before = pair.there.stats.sent;
    for (let i = 0; i < 100; i++) pair.client.session.sendMessage(1, new Uint8Array(64));
    pair.run(500);
    expect(pair.server.app.messages.length).toBe(100);
    expect(pair.there.stats.sent - before).toBeLessThanOrEqual(12);
  });

  it('may be as large as the limit says, and no larger', () => {
    const pair = new Pair({ server: { params: { maxDatagram: 1_000 } } });
    expect(pair.client.session.maxMessageOctets(0)).toBe(1_000);
    expect(pair.server.session.maxMessageOctets(1)).toBe(1_200 - 29 - 1 - 1 - 2);
    expect(pair.server.session.maxMessageOctets(2 ** 40)).toBe(1_200 - 29 - 1 - 6 - 2);
    for (const { session } of [pair.client, pair.server]) {
      const limit = session.maxMessageOctets(5);
      session.sendMessage(5, new Uint8Array(limit));
      expect(() => session.sendMessage(5, new Uint8Array(limit + 1))).toThrow(
        expect.objectContaining({ code: 'ERR_STT_MESSAGE_TOO_LARGE', message: expect.stringContaining(String(limit)) }),
      );
    }
    pair.run(200);
    expect(pair.client.app.messages[0]!.octets.length).toBe(pair.server.session.maxMessageOctets(5));
    expect(pair.server.app.messages[0]!.octets.length).toBe(1_000);
  });

  it('are refused where the peer takes none', () => {
    const pair = new Pair({ server: { params: { maxDatagram: 0 } } });
    expect(() => pair.client.session.sendMessage(1, new Uint8Array(0))).toThrow(
      expect.objectContaining({ code: 'ERR_STT_MESSAGE_TOO_LARGE' }),
    );
  });

  it('fill a bounded queue, empty ones too', () => {
    for (const octets of [0, 1, 1_000]) {
      const pair = new Pair({ client: { limits: { sendQueueOctets: 100_000 } } });
      let queued = 0;
      const flood = (): void => {
        for (; ; queued++) pair.client.session.sendMessage(1, new Uint8Array(octets));
      };
      expect(flood).toThrow(expect.objectContaining({ code: 'ERR_STT_QUEUE_FULL' }));
      expect(queued).toBe(Math.floor(100_000 / (octets + 64)));
      pair.run(2_000);
      expect(pair.server.app.messages.length).toBe(queued);
    }
  });

  it('of the caller may be changed after the call', () => {
    const pair = new Pair();
    const octets = Uint8Array.of(1, 2, 3);
    pair.client.session.sendMessage(9, octets);
    octets.fill(0);
    pair.run(200);
    expect(pair.server.app.messages).toEqual([{ tag: 9, octets: Uint8Array.of(1, 2, 3) }]);
  });

  it('do not starve streams, nor streams them', () => {
    const pair = new Pair({ conditions: { latencyMs: 10, rate: 1_000, queue: 50_000 } });
    const there = new Transfers(pair.client, pair.server);
    const stream = there.start(50_000_000, 1);
    for (let i = 0; i < 2_000; i++) {
      try {
        for (;;) pair.client.session.sendMessage(1, new Uint8Array(1_000));
      } catch {
        // The queue is full.
      }
      pair.run(1);
    }
    expect(there.received(stream)).toBeGreaterThan(300_000);
    expect(pair.server.app.messages.length).toBeGreaterThan(300);
  });

  it('of user-defined types arrive', () => {
    const pair = new Pair();
    pair.client.session.sendUserFrame(0x80, Uint8Array.of(1));
    pair.client.session.sendUserFrame(0xff, new Uint8Array(0));
    pair.run(100);
    expect(pair.server.app.userFrames).toEqual([
      { type: 0x80, octets: Uint8Array.of(1) },
      { type: 0xff, octets: new Uint8Array(0) },
    ]);
    expect(() => pair.client.session.sendUserFrame(0x80, new Uint8Array(1_200))).toThrow(
      expect.objectContaining({ code: 'ERR_STT_MESSAGE_TOO_LARGE' }),
    );
  });
});

describe('pings', () => {
  it('measure the round trip, over loss too', () => {
    const pair = new Pair({ conditions: { latencyMs: 25 } });
    const id = pair.client.session.ping(pair.now);
    pair.run(60);
    expect(pair.client.app.pongs.get(id)).toBeCloseTo(50, 1);
    const lossy = new Pair({ conditions: { latencyMs: 25, loss: 0.4 } });
    const ids = [1, 2, 3].map(() => lossy.client.session.ping(lossy.now));
    lossy.runUntil(() => ids.every((other) => lossy.client.app.pongs.has(other)), 60_000);
  });

  it('get their answer after a blackhole, whose probes were answered into the void', () => {
    const pair = new Pair();
    pair.run(30);
    pair.client.session.ping(pair.now);
    pair.pump();
    pair.there.conditions = { latencyMs: 5, loss: 1 };
    pair.run(2_000);
    const id = pair.server.session.ping(pair.now);
    pair.run(100);
    pair.there.conditions = { latencyMs: 5 };
    pair.runUntil(() => pair.server.app.pongs.has(id), 10_000);
  });

  it('get their answers, as many as are remembered', () => {
    const pair = new Pair();
    const ids = Array.from({ length: 64 }, () => pair.client.session.ping(pair.now));
    pair.run(1_000);
    expect([...pair.client.app.pongs.keys()]).toEqual(ids);
  });

  it('are remembered up to a bound, the newest ones', () => {
    const pair = new Pair({ client: { limits: { maxPings: 5 } } });
    const ids = Array.from({ length: 100 }, () => pair.client.session.ping(pair.now));
    pair.run(1_000);
    expect([...pair.client.app.pongs.keys()]).toEqual(ids.slice(-5));
  });
});
