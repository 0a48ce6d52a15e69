import { describe, expect, it } from 'vitest';
import { CloseCode } from '../../lib/constants.js';
import { encodeData, encodeStream } from '../../lib/wire/packet-frames.js';
import { Hostile } from '../support/sim/hostile.js';

// The session under test is a responder: odd ids are the peer's.

describe('a peer that breaks the rules of streams', () => {
  it('is closed with STREAM_LIMIT if it opens beyond the limit', () => {
    const peer = new Hostile({ params: { maxStreams: 3 } });
    peer.stream(5, 0, 1);
    expect(peer.closedWith).toBeUndefined();
    peer.stream(7, 0, 1);
    expect(peer.closedWith).toBe(CloseCode.STREAM_LIMIT);
  });

  it('costs nothing for the ids that a huge one implies, and is closed beyond the limit', () => {
    const peer = new Hostile({ params: { maxStreams: 2 ** 31 - 1 } });
    peer.stream(0xffff_fffd, 0, 1);
    expect(peer.closedWith).toBeUndefined();
    expect(peer.session.stats().streamsOpen).toBe(1);
    expect(peer.app.opened.map(({ id }) => id)).toEqual([0xffff_fffd]);
    const other = new Hostile();
    other.stream(0xffff_fffd, 0, 1);
    expect(other.closedWith).toBe(CloseCode.STREAM_LIMIT);
  });

  it('is closed with STREAM if it uses a stream of this side that was never opened', () => {
    for (const act of [
      (peer: Hostile) => peer.stream(2, 0, 1),
      (peer: Hostile) => peer.credit(2, 10),
      (peer: Hostile) => peer.reset(2, 0, 0),
      (peer: Hostile) => peer.stop(2, 0),
    ]) {
      const peer = new Hostile();
      act(peer);
      expect(peer.closedWith).toBe(CloseCode.STREAM);
    }
  });

  it('is closed with FLOW_CONTROL one octet beyond the credit of a stream', () => {
    const peer = new Hostile({ params: { initialMaxStreamData: 1_000 } });
    peer.stream(1, 999, 1);
    expect(peer.closedWith).toBeUndefined();
    peer.stream(1, 1_000, 1);
    expect(peer.closedWith).toBe(CloseCode.FLOW_CONTROL);
  });

  it('is closed with FLOW_CONTROL one octet beyond the credit of the session', () => {
    const peer = new Hostile({ params: { initialMaxStreamData: 1_000, initialMaxData: 1_500 } });
    peer.app.reads = false;
    peer.stream(1, 0, 1_000).stream(3, 0, 500);
    expect(peer.closedWith).toBeUndefined();
    peer.stream(3, 500, 1);
    expect(peer.closedWith).toBe(CloseCode.FLOW_CONTROL);
  });

  it('is closed with FLOW_CONTROL if the final size of a reset is beyond the credit', () => {
    const peer = new Hostile({ params: { initialMaxStreamData: 1_000 } });
    peer.stream(1, 0, 1).reset(1, 0, 1_001);
    expect(peer.closedWith).toBe(CloseCode.FLOW_CONTROL);
  });

  it('does not get the credit of octets counted twice', () => {
    const peer = new Hostile({ params: { initialMaxStreamData: 1_000, initialMaxData: 1_000 } });
    peer.app.reads = false;
    for (let i = 0; i < 50; i++) peer.stream(1, 100, 900);
    expect(peer.closedWith).toBeUndefined();
    expect(peer.session.stats().reassemblyOctets).toBe(900);
    peer.stream(1, 0, 100);
    expect(peer.app.received.get(1)!.length).toBe(1_000);
  });

  it('is closed with FINAL_SIZE if the end moves, is passed, or lies before what came', () => {
    const cases: ((peer: Hostile) => void)[] = [
      (peer) => peer.stream(1, 10, 0, true).stream(1, 11, 0, true),
      (peer) => peer.stream(1, 10, 0, true).stream(1, 9, 0, true),
      (peer) => peer.stream(1, 10, 0, true).stream(1, 10, 1),
      (peer) => peer.stream(1, 10, 1).stream(1, 5, 1, true),
      (peer) => peer.stream(1, 10, 1).reset(1, 0, 10),
      (peer) => peer.stream(1, 10, 0, true).reset(1, 0, 11),
      (peer) => peer.reset(1, 0, 10).reset(1, 0, 11),
      (peer) => peer.reset(1, 0, 10).stream(1, 10, 1),
    ];
    for (const [index, act] of cases.entries()) {
      const peer = new Hostile();
      act(peer);
      expect([index, peer.closedWith]).toEqual([index, CloseCode.FINAL_SIZE]);
    }
  });

  it('is closed when it leaves too many gaps, and has not made the session hold more than its window', () => {
    const peer = new Hostile({ limits: { maxReassemblyGaps: 500 } });
    peer.app.reads = false;
    for (let i = 0; i < 501 && peer.closedWith === undefined; i++) {
      expect(peer.session.stats().reassemblyOctets).toBe(i);
      peer.stream(1 + 2 * (i % 4), 1 + 2 * i, 1);
    }
    expect(peer.closedWith).toBe(CloseCode.FLOW_CONTROL);
  });

  it('gets the first of two versions of an octet through', () => {
    const peer = new Hostile();
    peer
      .stream(1, 2, Uint8Array.of(3, 4))
      .stream(1, 1, Uint8Array.of(2, 9, 9, 5))
      .stream(1, 0, Uint8Array.of(1, 9, 9));
    expect(peer.app.received.get(1)).toEqual([1, 2, 3, 4, 5]);
  });

  it('is ignored when it sends again what is over', () => {
    const peer = new Hostile();
    peer.stream(1, 0, Uint8Array.of(1, 2), true);
    peer.app.opened[0]!.finish();
    peer.poll();
    peer.ackAll();
    expect(peer.app.closed.has(1)).toBe(true);
    peer.stream(1, 0, 2, true).reset(1, 5, 2).stop(1, 1).credit(1, 99);
    expect(peer.closedWith).toBeUndefined();
    expect(peer.app.received.get(1)).toEqual([1, 2]);
    expect(peer.app.opened.length).toBe(1);
  });

  it('gets credit for new streams only when old ones are cleaned up', () => {
    const peer = new Hostile({ params: { maxStreams: 4 } });
    for (const id of [1, 3, 5, 7]) peer.stream(id, 0, 1, true);
    expect(peer.poll().some(({ name }) => name === 'STREAM_LIMIT')).toBe(false);
    peer.app.opened[0]!.finish();
    peer.poll();
    expect(peer.poll().some(({ name }) => name === 'STREAM_LIMIT')).toBe(false);
    peer.ackAll();
    expect(peer.poll().find(({ name }) => name === 'STREAM_LIMIT')?.value).toBe(5);
  });

  it('is slowed down when it opens and resets without end', () => {
    const peer = new Hostile({ params: { maxStreams: 10 }, limits: { resetBurst: 50, resetsPerSecond: 10 } });
    peer.app.accept = (stream) => queueMicrotask(() => stream);
    let limit = 10;
    let opened = 0;
    const round = (): void => {
      while (opened < limit) {
        const id = 2 * opened + 1;
        peer.stream(id, 0, 1).reset(id, 1, 1);
        // The application gives up its half as well, as Duplex does.
        peer.app.opened[opened]!.reset(1);
        opened++;
      }
      peer.poll();
      peer.ackAll();
      for (const { name, value } of peer.poll()) if (name === 'STREAM_LIMIT') limit = Math.max(limit, value);
    };
    for (let i = 0; i < 100; i++) round();
    expect(peer.closedWith).toBeUndefined();
    expect(opened).toBe(60);
    const start = peer.sink.sent.length;
    peer.wait(1_000);
    for (const { name, value } of peer.sink.sent.slice(start)) {
      if (name === 'STREAM_LIMIT') limit = Math.max(limit, value);
    }
    round();
    expect(opened).toBeGreaterThanOrEqual(65);
    expect(opened).toBeLessThanOrEqual(71);
  });

  it('can use the control stream for unknown messages only, within its buffer', () => {
    const peer = new Hostile();
    // An unknown message of three octets, one of 300 octets in two pieces, the second first.
    const long = new Uint8Array(302);
    long.set([0xac, 0x02, 0x77]);
    peer.stream(0, 0, Uint8Array.of(3, 0x70, 1, 2));
    peer.stream(0, 104, long.subarray(100)).stream(0, 4, long.subarray(0, 100));
    expect(peer.closedWith).toBeUndefined();
    peer.stream(0, 306 + 65_535, 1);
    expect(peer.closedWith).toBeUndefined();
    peer.stream(0, 306 + 65_536, 1);
    expect(peer.closedWith).toBe(CloseCode.FLOW_CONTROL);
  });

  it('is closed for a control message without type, over the limit or with a length that is not minimal', () => {
    for (const octets of [[0], [0x81, 0x80, 0x01], [0x85, 0x00], [0xff, 0xff, 0xff]]) {
      const peer = new Hostile();
      peer.stream(0, 0, Uint8Array.from(octets));
      expect(peer.closedWith).toBe(CloseCode.FRAME_ENCODING);
    }
  });

  it('is closed with PROTOCOL if it ends, resets or stops the control stream', () => {
    for (const act of [
      (peer: Hostile) => peer.stream(0, 0, 0, true),
      (peer: Hostile) => peer.reset(0, 0, 0),
      (peer: Hostile) => peer.stop(0, 0),
    ]) {
      const peer = new Hostile();
      act(peer);
      expect(peer.closedWith).toBe(CloseCode.PROTOCOL);
    }
  });

  it('is closed with PROTOCOL for a message over max_datagram, or any where none is taken', () => {
    const peer = new Hostile({ params: { maxDatagram: 10 } });
    peer.inject(peer.encode((out, at) => encodeData(1, new Uint8Array(10), out, at)));
    expect(peer.app.messages.length).toBe(1);
    peer.inject(peer.encode((out, at) => encodeData(1, new Uint8Array(11), out, at)));
    expect(peer.closedWith).toBe(CloseCode.PROTOCOL);
    const none = new Hostile({ params: { maxDatagram: 0 } });
    none.inject(none.encode((out, at) => encodeData(1, new Uint8Array(0), out, at)));
    expect(none.closedWith).toBe(CloseCode.PROTOCOL);
  });

  it('gets no call to the application after a frame that ended the session, in the same packet', () => {
    const peer = new Hostile();
    peer.inject(
      peer.encode((out, at) => encodeStream(2, 0, false, new Uint8Array(1), out, at)),
      peer.encode((out, at) => encodeData(1, new Uint8Array(1), out, at)),
    );
    expect(peer.closedWith).toBe(CloseCode.STREAM);
    expect(peer.app.messages).toEqual([]);
  });

  it('and acknowledges everything but the first octets has the sender keep a bounded amount, which goes on once it does', () => {
    const limits = { maxUnreleased: 200_000 };
    const far = { initialMaxData: 2 ** 40, initialMaxStreamData: 2 ** 40 };
    const peer = new Hostile({ role: 'initiator', limits, peerParams: far });
    const [stream, other] = [peer.session.openStream()!, peer.session.openStream()!];
    const round = (): void => {
      if (stream.bufferedOctets < 100_000) stream.write(new Uint8Array(100_000));
      peer.now += 20;
      peer.session.handleTimeout(peer.now);
      const sent = peer.poll();
      const withheld = new Set(
        sent
          .filter(({ name, id, offset }) => name === 'STREAM' && id === stream.id && offset === 0)
          .map(({ pn }) => pn),
      );
      for (const pn of new Set(sent.map(({ pn: number }) => number))) if (!withheld.has(pn)) peer.ack(pn, pn);
    };
    for (let i = 0; i < 300; i++) round();
    expect(peer.closedWith).toBeUndefined();
    expect(peer.session.stats().streamOctetsSent).toBeGreaterThan(190_000);
    expect(peer.session.stats().streamOctetsSent).toBeLessThanOrEqual(200_000);
    // Once all is acknowledged both streams go on.
    other.write(new Uint8Array(50_000));
    for (let i = 0; i < 100; i++) {
      peer.now += 20;
      peer.session.handleTimeout(peer.now);
      peer.poll();
      peer.ackAll();
      peer.sink.sent.length = 0;
    }
    expect(peer.session.isDrained).toBe(true);
  });

  it('and whose streams are reset does not hold the room that they had', () => {
    const limits = { maxUnreleased: 50_000 };
    const peer = new Hostile({ role: 'initiator', limits });
    for (let i = 0; i < 20; i++) {
      const stream = peer.session.openStream()!;
      stream.write(new Uint8Array(20_000));
      for (let j = 0; j < 5; j++) {
        peer.now += 20;
        peer.poll();
      }
      stream.reset(1);
      peer.poll();
      peer.ackAll();
    }
    const last = peer.session.openStream()!;
    last.write(new Uint8Array(40_000));
    for (let j = 0; j < 50; j++) {
      peer.now += 20;
      peer.session.handleTimeout(peer.now);
      peer.poll();
      peer.ackAll();
      peer.sink.sent.length = 0;
    }
    expect(peer.session.isDrained).toBe(true);
  });
});
