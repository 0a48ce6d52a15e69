import { describe, expect, it } from 'vitest';
import { CloseCode } from '../../lib/constants.js';
import { Pair } from '../support/sim/pair.js';
import { Transfers } from '../support/sim/transfer.js';

/** Writes, and closes as soon as everything is acknowledged: what `close()` of the API does. */
function writeThenClose(pair: Pair, octets: number): void {
  const there = new Transfers(pair.client, pair.server);
  const stream = there.start(octets, 1);
  expect(pair.client.session.isDrained).toBe(false);
  pair.runUntil(() => pair.client.session.isDrained, 600_000);
  expect(there.received(stream)).toBe(octets);
  pair.client.session.close(pair.now, 0, 'done');
  pair.pump();
}

describe('closing', () => {
  it('delivers everything written before', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const pair = new Pair({ seed, conditions: { latencyMs: 20, loss: 0.2 } });
      writeThenClose(pair, 100_000);
    }
  });

  it('tells the other side, and both are gone after three PTO', () => {
    const pair = new Pair();
    writeThenClose(pair, 1_000);
    expect(pair.client.session.state).toBe('closing');
    pair.run(15);
    expect(pair.server.app.end).toEqual({ closeCode: 0, reason: 'done', remote: true });
    expect(pair.server.session.state).toBe('draining');
    pair.run(2_000);
    expect(pair.client.session.state).toBe('closed');
    expect(pair.server.session.state).toBe('closed');
    expect(pair.client.session.pollTimeout()).toBe(Infinity);
  });

  it('that is lost is found out by the next packet of the other side', () => {
    const pair = new Pair();
    pair.run(100);
    pair.there.filter = () => false;
    pair.client.session.close(pair.now, 300, '');
    pair.run(1);
    pair.there.filter = undefined;
    expect(pair.server.app.end).toBeUndefined();
    pair.server.session.openStream()!.write(new Uint8Array(10));
    pair.run(30);
    expect(pair.server.app.end?.closeCode).toBe(300);
  });

  it('that is lost for good ends the other side by its idle timeout', () => {
    const pair = new Pair({ client: { params: { idleTimeoutMs: 5_000 } } });
    pair.run(100);
    pair.there.filter = () => false;
    pair.client.session.close(pair.now, 0, '');
    pair.run(4_000);
    expect(pair.server.app.end).toBeUndefined();
    pair.run(2_000);
    expect(pair.server.app.end).toEqual({ closeCode: CloseCode.IDLE_TIMEOUT, reason: '', remote: false });
    expect(pair.server.session.state).toBe('closed');
  });

  it('from both sides at once, or twice, ends each side once', () => {
    const pair = new Pair();
    pair.run(100);
    pair.client.session.close(pair.now, 256, 'a');
    pair.server.session.close(pair.now, 257, 'b');
    pair.client.session.close(pair.now, 258, 'c');
    pair.run(5_000);
    expect(pair.client.app.end).toEqual({ closeCode: 256, reason: 'a', remote: false });
    expect(pair.server.app.end).toEqual({ closeCode: 257, reason: 'b', remote: false });
    expect(pair.client.session.state).toBe('closed');
    expect(pair.server.session.state).toBe('closed');
  });

  it('when the close is duplicated ends the other side once', () => {
    const pair = new Pair({ conditions: { latencyMs: 10, duplicate: 1 } });
    pair.run(100);
    pair.client.session.close(pair.now, 256, '');
    pair.run(5_000);
    expect(pair.server.app.end?.closeCode).toBe(256);
  });

  it('settles the messages that are not accounted for', () => {
    const pair = new Pair();
    pair.run(100);
    const inFlight = pair.client.session.sendMessage(1, new Uint8Array(10));
    pair.pump();
    const waiting = pair.client.session.sendMessage(1, new Uint8Array(10));
    pair.client.session.close(pair.now, 0, '');
    expect(pair.client.app.fates).toEqual(
      new Map([
        [inFlight, 'closed'],
        [waiting, 'closed'],
      ]),
    );
  });

  it('leaves an ended session harmless', () => {
    const pair = new Pair();
    const stream = pair.client.session.openStream()!;
    stream.write(new Uint8Array(10));
    pair.run(100);
    pair.client.session.close(pair.now, 0, '');
    expect(stream.write(new Uint8Array(10))).toBe(true);
    stream.finish();
    stream.reset(1);
    stream.stopSending(1);
    stream.consumed(10);
    expect(pair.client.session.openStream()).toBeUndefined();
    expect(() => pair.client.session.sendMessage(1, new Uint8Array(1))).toThrow(
      expect.objectContaining({ code: 'ERR_STT_CLOSED' }),
    );
    expect(() => pair.client.session.ping(pair.now)).toThrow(expect.objectContaining({ code: 'ERR_STT_CLOSED' }));
    pair.run(5_000);
    pair.client.session.handleTimeout(pair.now);
    pair.client.session.handleBatchEnd(pair.now);
  });

  it('by destroy is silent and at once', () => {
    const pair = new Pair();
    pair.run(100);
    const before = pair.there.stats.sent;
    pair.client.session.destroy();
    pair.run(100);
    expect(pair.client.session.state).toBe('closed');
    expect(pair.client.app.end).toBeUndefined();
    expect(pair.there.stats.sent).toBe(before);
  });

  it('happens with CRYPTO before the key has sealed too many packets', () => {
    const pair = new Pair({ client: { limits: { maxSealedPackets: 1_000 } }, server: {} });
    const there = new Transfers(pair.client, pair.server);
    there.start(5_000_000, 1);
    pair.runUntil(() => pair.client.app.end !== undefined);
    expect(pair.client.app.end).toMatchObject({ closeCode: CloseCode.CRYPTO, remote: false });
    pair.run(3_000);
    expect(pair.client.session.stats().packetsSent).toBeLessThanOrEqual(1_000);
    expect(pair.server.app.end).toMatchObject({ closeCode: CloseCode.CRYPTO, remote: true });
  });

  it('happens with CRYPTO after too many failed openings', () => {
    const pair = new Pair();
    pair.run(100);
    pair.server.session.handleForgeryLimit(pair.now);
    pair.run(100);
    expect(pair.client.app.end).toMatchObject({ closeCode: CloseCode.CRYPTO, remote: true });
  });
});

describe('an idle session', () => {
  it('ends after the smaller of both timeouts', () => {
    const pair = new Pair({
      client: { params: { idleTimeoutMs: 60_000 } },
      server: { params: { idleTimeoutMs: 10_000 } },
    });
    pair.run(9_000);
    expect(pair.client.app.end).toBeUndefined();
    pair.run(2_000);
    expect(pair.client.app.end?.closeCode).toBe(CloseCode.IDLE_TIMEOUT);
    expect(pair.server.app.end?.closeCode).toBe(CloseCode.IDLE_TIMEOUT);
  });

  it('never ends if neither side has a timeout', () => {
    const pair = new Pair({ client: { params: { idleTimeoutMs: 0 } }, server: { params: { idleTimeoutMs: 0 } } });
    pair.run(10_000_000);
    expect(pair.client.app.end).toBeUndefined();
    expect(pair.client.session.pollTimeout()).toBe(Infinity);
  });

  it('is kept by keepalive, over loss too', () => {
    const pair = new Pair({
      conditions: { latencyMs: 20, loss: 0.3 },
      client: { config: { keepAliveMs: 10_000 } },
    });
    pair.run(3_600_000);
    expect(pair.client.app.end).toBeUndefined();
    expect(pair.server.app.end).toBeUndefined();
    expect(pair.there.stats.sent).toBeLessThan(3_000);
  });

  it('is kept while octets wait for a reader, and the octets arrive when it reads', () => {
    const pair = new Pair();
    pair.server.app.reads = false;
    pair.server.app.keeps = false;
    let octets = 0;
    pair.server.app.onData = (_stream, _bytes, begin, end) => void (octets += end - begin);
    const stream = pair.client.session.openStream()!;
    stream.write(new Uint8Array(300_000));
    stream.finish();
    pair.run(300_000);
    expect(octets).toBe(262_144);
    expect(pair.client.app.end).toBeUndefined();
    pair.server.app.opened[0]!.consumed(octets);
    pair.server.app.reads = true;
    pair.run(1_000);
    expect(octets).toBe(300_000);
  });
});
