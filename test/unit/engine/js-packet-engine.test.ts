import { describe, expect, it } from 'vitest';
import { Suite } from '../../../lib/ports/crypto.js';
import { NONE, RowFlag, RowType } from '../../../lib/ports/packet-engine.js';
import {
  ADDRESS_A,
  ADDRESS_B,
  EngineProbe,
  accountedDatagrams,
  handshakeFrame,
  helloDatagram,
  hex,
  sessionKeys,
  streamFrame,
  testCrypto,
} from '../../support/engine-harness.js';

const octets = (length: number, from = 0): Uint8Array => Uint8Array.from({ length }, (_, i) => (from + i) & 0xff);
const concat = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const PING = Uint8Array.of(0x02, 0x01, 1, 2, 3, 4, 5, 6, 7, 8);

interface Pair {
  readonly sender: EngineProbe;
  readonly receiver: EngineProbe;
  readonly from: number;
  readonly to: number;
  readonly path: number;
  seal(pn: number, ...frames: Uint8Array[]): Uint8Array;
}

function pair(
  suite: Suite = Suite.AES_256_GCM,
  options: { forgeryLimit?: number; transmitOctets?: number; holds?: boolean } = {},
): Pair {
  const { forgeryLimit, ...probe } = options;
  const sender = new EngineProbe(testCrypto, probe);
  const receiver = new EngineProbe(testCrypto);
  const [own, peer] = sessionKeys(1, suite, forgeryLimit);
  const from = sender.engine.openSession(own);
  const to = receiver.engine.openSession(peer);
  const path = sender.engine.openPath(ADDRESS_B);
  return {
    sender,
    receiver,
    from,
    to,
    path,
    seal(pn, ...frames) {
      const whole = concat(...frames);
      expect(sender.engine.sealFrames(from, path, pn, whole, 0, whole.length)).toBe(true);
      return sender.flushed()[0]!;
    },
  };
}

describe.each([
  ['AES-256-GCM', Suite.AES_256_GCM],
  ['ChaCha20-Poly1305', Suite.CHACHA20_POLY1305],
])('JS packet engine with %s', (_name, suite) => {
  it('carries a run of a stream to one row with contiguous octets', () => {
    const { sender, receiver, from, to, path } = pair(suite);
    const chunk = octets(10_000);
    expect(sender.engine.sealStreamRun(from, path, 7, 3, 2 ** 40, true, chunk, 100, 9_999, 1_000)).toBe(10);
    const packets = sender.flushed();
    expect(packets.map((packet) => packet.length)).toEqual([...new Array<number>(9).fill(1_045), 944]);
    const rows = receiver.take(packets);
    expect(rows).toEqual([
      {
        type: RowType.STREAM,
        flags: RowFlag.END,
        count: 10,
        octets: hex(chunk.subarray(100, 9_999)),
        streamId: 3,
        offset: 2 ** 40,
        pn: 7,
        slot: to,
        path: 0,
        marks: 0,
        address: undefined,
      },
    ]);
  });

  it('carries frames as they are', () => {
    const { receiver, seal } = pair(suite);
    const [row, ...more] = receiver.take([seal(0, PING, PING)]);
    expect(more).toEqual([]);
    expect(row).toMatchObject({ type: RowType.FRAMES, flags: 0, count: 1, octets: hex(concat(PING, PING)), pn: 0 });
  });

  it('hides packet numbers and reads them from anywhere in the range', () => {
    const { receiver, seal } = pair(suite);
    const numbers = [0, 1, 0xffff_fff0, 0x1_0000_0001, 0x1_7fff_ffff, 0x1_7fff_ffff - 16_383];
    const packets = numbers.map((pn) => seal(pn, PING));
    expect(receiver.take(packets).map((row) => row.pn)).toEqual(numbers);
  });
});

describe('rows of the JS packet engine', () => {
  it('ends a row where stream, offset or packet number do not continue', () => {
    const { receiver, seal } = pair();
    const part = octets(10);
    const packets = [
      seal(0, streamFrame(1, 0, part)),
      seal(1, streamFrame(1, 10, part)),
      seal(2, streamFrame(1, 21, part)),
      seal(3, streamFrame(3, 31, part)),
      seal(5, streamFrame(3, 41, part)),
      seal(6, streamFrame(3, 51, part, 4)),
      seal(7, streamFrame(3, 61, part)),
    ];
    const rows = receiver.take(packets);
    expect(rows.map(({ streamId, offset, pn, count, flags }) => [streamId, offset, pn, count, flags])).toEqual([
      [1, 0, 0, 2, 0],
      [1, 21, 2, 1, 0],
      [3, 31, 3, 1, 0],
      [3, 41, 5, 2, RowFlag.END],
      [3, 61, 7, 1, 0],
    ]);
  });

  it('gives what follows the leading STREAM frame as a row of its own', () => {
    const { receiver, seal } = pair();
    const packets = [
      seal(0, streamFrame(1, 0, octets(10)), PING, streamFrame(3, 0, octets(5))),
      seal(1, streamFrame(1, 10, octets(10))),
    ];
    const rows = receiver.take(packets);
    expect(rows.map(({ type, flags, count, pn }) => [type, flags, count, pn])).toEqual([
      [RowType.STREAM, 0, 1, 0],
      [RowType.FRAMES, RowFlag.REST, 1, 0],
      [RowType.STREAM, 0, 1, 1],
    ]);
    expect(rows[1]!.octets).toBe(hex(concat(PING, streamFrame(3, 0, octets(5)))));
    expect(rows[0]!.octets).toBe(hex(octets(10)));
    expect(rows[2]!.octets).toBe(hex(octets(10)));
  });

  it('gives a leading STREAM frame that is not well-formed unparsed', () => {
    const { receiver, seal } = pair();
    const short = streamFrame(1, 0, octets(10)).subarray(0, 20);
    const zeroId = streamFrame(0, 0, octets(10));
    const flagged = streamFrame(1, 0, octets(10), 1);
    const far = streamFrame(1, Number.MAX_SAFE_INTEGER, octets(10));
    const farther = streamFrame(1, 0, octets(10));
    farther[6] = 0xff;
    const nothing = streamFrame(1, 0, octets(0));
    const frames = [short, zeroId, flagged, far, farther, nothing, short.subarray(0, 15), short.subarray(0, 1)];
    const rows = receiver.take(frames.map((frame, pn) => seal(pn, frame)));
    expect(rows.map(({ type, octets: bytes }) => [type, bytes])).toEqual(
      frames.map((frame) => [RowType.FRAMES, hex(frame)]),
    );
    const last = streamFrame(1, Number.MAX_SAFE_INTEGER - 10, octets(10));
    const empty = streamFrame(1, Number.MAX_SAFE_INTEGER, octets(0), 4);
    expect(receiver.take([seal(20, last), seal(21, empty)])).toMatchObject([
      { type: RowType.STREAM, count: 2, flags: RowFlag.END, offset: Number.MAX_SAFE_INTEGER - 10 },
    ]);
  });

  it('gives an empty payload after a good tag as a FRAMES row without octets', () => {
    const { receiver, seal } = pair();
    expect(receiver.take([seal(0)])).toMatchObject([{ type: RowType.FRAMES, flags: 0, octets: '', count: 1 }]);
  });

  it('makes one empty packet of an end without octets', () => {
    const { sender, receiver, from, path } = pair();
    expect(sender.engine.sealStreamRun(from, path, 0, 1, 50, true, octets(0), 0, 0, 1000)).toBe(1);
    expect(sender.engine.sealStreamRun(from, path, 1, 1, 50, false, octets(0), 0, 0, 1000)).toBe(0);
    expect(receiver.take(sender.flushed())).toMatchObject([
      { type: RowType.STREAM, flags: RowFlag.END, octets: '', offset: 50, count: 1 },
    ]);
  });

  it('groups rows by session and path', () => {
    const { receiver, seal, to } = pair();
    const path = receiver.engine.openPath(ADDRESS_A);
    expect(receiver.engine.openPath(ADDRESS_A)).toBe(path);
    receiver.engine.receive(seal(0, PING), ADDRESS_A);
    receiver.engine.receive(seal(1, PING), ADDRESS_A);
    receiver.engine.receive(seal(2, PING), ADDRESS_B);
    receiver.rows.length = 0;
    receiver.engine.deliver();
    expect(receiver.rows.map((row) => [row.slot, row.path])).toEqual([
      [to, path],
      [to, path],
      [to, path + 1],
    ]);
  });

  it('takes the address of an authentic packet for a path, and forgets it unless it is opened', () => {
    const { receiver, seal } = pair();
    const { engine } = receiver;
    const met: (Uint8Array | undefined)[] = [];
    receiver.inBatch = () => met.push(engine.pathAddress(receiver.rows.at(-1)!.path));
    const [row] = receiver.take([seal(0, PING)], ADDRESS_B);
    expect(met).toEqual([ADDRESS_B]);
    expect(engine.pathAddress(row!.path)).toBeUndefined();
    receiver.inBatch = () => engine.openPath(ADDRESS_B);
    const [again] = receiver.take([seal(1, PING)], ADDRESS_B);
    expect(engine.pathAddress(again!.path)).toEqual(ADDRESS_B);
    engine.closePath(again!.path);
    expect(engine.pathAddress(again!.path)).toBeUndefined();
  });

  it('delivers early when slab or rows are full, and loses nothing', () => {
    const { sender, receiver, from, path } = pair();
    const chunk = octets(5_000);
    let pn = 0;
    let count = 0;
    const collected: string[] = [];
    for (let round = 0; round < 500; round++) {
      // Two streams in turn: no two packets coalesce.
      for (const streamId of [1, 3]) {
        sender.engine.sealStreamRun(from, path, pn++, streamId, round * 5_000, false, chunk, 0, 5_000, 5_000);
      }
      for (const packet of sender.flushed()) receiver.engine.receive(packet, ADDRESS_A);
      collected.push(...receiver.rows.splice(0).map((row) => row.octets));
    }
    receiver.engine.deliver();
    collected.push(...receiver.rows.map((row) => row.octets));
    for (const bytes of collected) {
      expect(bytes === hex(chunk)).toBe(true);
      count++;
    }
    expect(count).toBe(1_000);
    expect(receiver.batches).toBeGreaterThan(3);
  });

  it('has room for the largest datagrams in the smallest slab', () => {
    const sender = new EngineProbe(testCrypto);
    const receiver = new EngineProbe(testCrypto, { slabOctets: 1 });
    const [own, peer] = sessionKeys(1);
    const slot = sender.engine.openSession(own);
    const path = sender.engine.openPath(ADDRESS_B);
    receiver.engine.openSession(peer);
    const chunk = octets(65_478);
    sender.engine.sealFrames(slot, path, 0, chunk, 0, chunk.length);
    sender.engine.sealStreamRun(slot, path, 1, 1, 0, false, chunk, 0, 65_462, 65_462);
    const packets = sender.flushed();
    for (let round = 0; round < 2; round++) {
      for (const packet of packets) receiver.engine.receive(packet, ADDRESS_A);
    }
    receiver.engine.deliver();
    expect(receiver.rows.map((row) => row.octets.length)).toEqual([2 * 65_478, 2 * 65_462]);
    expect(receiver.batches).toBe(2);
  });

  it('delivers nothing when there is nothing', () => {
    const { receiver } = pair();
    receiver.engine.deliver();
    receiver.take([Uint8Array.of(1)]);
    expect(receiver.batches).toBe(0);
  });

  it('does not give the slot of a closed session away while its rows are out', () => {
    const { receiver, seal, to } = pair();
    const [, other] = sessionKeys(2);
    let reused = -1;
    receiver.inBatch = () => {
      receiver.engine.closeSession(to);
      reused = receiver.engine.openSession(other);
    };
    receiver.take([seal(0, PING)]);
    expect(reused).not.toBe(to);
    receiver.inBatch = () => {};
    receiver.engine.closeSession(reused);
    expect([to, reused]).toContain(receiver.engine.openSession(other));
  });

  it('tells once that the limit of forgeries is reached', () => {
    const { receiver, seal, to } = pair(Suite.AES_256_GCM, { forgeryLimit: 3 });
    const forged = seal(0, PING);
    forged[20]! ^= 1;
    const rows = receiver.take([forged, forged, forged, forged, forged]);
    expect(rows).toMatchObject([{ type: RowType.FORGERY_LIMIT, slot: to, octets: '' }]);
    expect(receiver.engine.stats().droppedForgeries).toBe(5);
  });
});

describe('sessions and sending of the JS packet engine', () => {
  it('refuses an id that is taken, and takes it again after it was closed', () => {
    const { receiver, to, seal } = pair();
    const [, keys] = sessionKeys(1);
    expect(receiver.engine.openSession(keys)).toBe(-1);
    receiver.engine.closeSession(to);
    receiver.take([seal(0, PING)]);
    expect(receiver.engine.stats().droppedUnknownSession).toBe(1);
    expect(receiver.engine.openSession(keys)).toBeGreaterThanOrEqual(0);
  });

  it('keeps copies of keys, ids and addresses', () => {
    const probe = new EngineProbe(testCrypto);
    const [own, peer] = sessionKeys(9);
    const buffers = {
      ...own,
      sessionId: Buffer.from(own.sessionId),
      send: { key: Buffer.from(own.send.key), iv: Buffer.from(own.send.iv), hp: Buffer.from(own.send.hp) },
    };
    const slot = probe.engine.openSession(buffers);
    const address = Buffer.from(ADDRESS_A);
    const path = probe.engine.openPath(address);
    address.fill(0);
    for (const bytes of [buffers.sessionId, buffers.send.key, buffers.send.iv, buffers.send.hp]) bytes.fill(0);
    probe.engine.sealFrames(slot, path, 0, PING, 0, PING.length);
    probe.engine.flush();
    expect(probe.sent[0]!.address).toBe(hex(ADDRESS_A));
    const receiver = new EngineProbe(testCrypto);
    receiver.engine.openSession(peer);
    expect(receiver.take([probe.sent[0]!.octets])).toHaveLength(1);
  });

  it('takes no more than its buffer holds, and says when there is room again', () => {
    const { sender, receiver, from, path } = pair(Suite.AES_256_GCM, { transmitOctets: 65_507, holds: true });
    const chunk = octets(200_000);
    const taken = sender.engine.sealStreamRun(from, path, 0, 1, 0, false, chunk, 0, chunk.length, 1_000);
    expect(taken).toBe(Math.floor(65_507 / 1_045));
    expect(sender.engine.sealFrames(from, path, taken, chunk, 0, 2_000)).toBe(false);
    expect(sender.engine.sendDatagram(ADDRESS_A, octets(1_200))).toBe(false);
    expect(sender.engine.stats().sendBlocked).toBe(3);
    const first = sender.flushed();
    sender.engine.released(1);
    sender.engine.resume();
    expect(sender.writable).toBe(0);
    sender.engine.released(taken - 1);
    sender.engine.resume();
    sender.engine.resume();
    expect(sender.writable).toBe(1);
    const more = sender.engine.sealStreamRun(
      from,
      path,
      taken,
      1,
      taken * 1_000,
      false,
      chunk,
      taken * 1_000,
      chunk.length,
      1_000,
    );
    expect(more).toBe(taken);
    const rows = receiver.take([...first, ...sender.flushed()]);
    expect(rows).toHaveLength(1);
    expect(rows[0]!.octets === hex(chunk.subarray(0, 2 * taken * 1_000))).toBe(true);
  });

  it('counts a datagram that could not be sent as an error, not as sent', () => {
    const { sender, from, path } = pair(Suite.AES_256_GCM, { holds: true });
    sender.engine.sealFrames(from, path, 0, PING, 0, PING.length);
    sender.engine.sealFrames(from, path, 1, concat(PING, PING), 0, 20);
    sender.engine.flush();
    sender.engine.failed(false);
    expect(sender.engine.stats()).toMatchObject({ sendErrors: 1, datagramsSent: 1, octetsSent: 49 });
  });

  it('seals nothing for sessions and paths that are not there, nor what fits no datagram', () => {
    const { sender, from, path } = pair();
    const chunk = octets(70_000);
    expect(sender.engine.sealFrames(from + 1, path, 0, PING, 0, 10)).toBe(false);
    expect(sender.engine.sealFrames(from, path + 1, 0, PING, 0, 10)).toBe(false);
    expect(sender.engine.sealFrames(from, path, 0, chunk, 0, 65_479)).toBe(false);
    expect(sender.engine.sealStreamRun(from + 1, path, 0, 1, 0, false, PING, 0, 10, 10)).toBe(0);
    expect(sender.engine.sealStreamRun(from, path, 0, 1, 0, false, PING, 0, 10, 0)).toBe(0);
    expect(sender.engine.sealStreamRun(from, path, 0, 1, 0, false, chunk, 0, 70_000, 65_463)).toBe(0);
    expect(sender.engine.sendDatagram(ADDRESS_A, chunk)).toBe(false);
    expect(sender.engine.sealFrames(from, path, 0, chunk, 0, 65_478)).toBe(true);
    expect(sender.flushed().map((packet) => packet.length)).toEqual([65_507]);
  });

  it('sends handshake datagrams as they are', () => {
    const probe = new EngineProbe(testCrypto);
    expect(probe.engine.sendDatagram(ADDRESS_B, octets(1_200))).toBe(true);
    probe.engine.flush();
    expect(probe.sent).toEqual([{ address: hex(ADDRESS_B), octets: octets(1_200), ecn: 0 }]);
  });

  it('does nothing any more once it is closed', async () => {
    const { sender, receiver, seal, from, path } = pair();
    const packet = seal(0, PING);
    receiver.engine.receive(packet, ADDRESS_A);
    await Promise.all([receiver.engine.close(), receiver.engine.close(), sender.engine.close()]);
    receiver.engine.receive(packet, ADDRESS_A);
    receiver.engine.deliver();
    expect(receiver.rows).toEqual([]);
    expect(sender.engine.sealFrames(from, path, 1, PING, 0, 10)).toBe(false);
    expect(sender.engine.sendDatagram(ADDRESS_A, PING)).toBe(false);
    expect(sender.engine.openSession(sessionKeys(5)[0])).toBe(-1);
    sender.engine.flush();
    expect(sender.sent).toEqual([]);
  });
});

describe('handshake datagrams at the JS packet engine', () => {
  const id = octets(8, 0x40);
  const seeds = [octets(32, 1), octets(32, 2), octets(32, 3)];

  it('lets a HELLO through whose mac1 fits, and names the seed', () => {
    const probe = new EngineProbe(testCrypto);
    probe.engine.setMac1Keys(seeds);
    const path = probe.engine.openPath(ADDRESS_B);
    const hello = helloDatagram(id, seeds[1]);
    expect(hello).toHaveLength(1_200);
    expect(probe.take([hello], ADDRESS_B)).toEqual([
      {
        type: RowType.HANDSHAKE,
        flags: 0,
        count: 1,
        octets: hex(hello),
        streamId: 1,
        offset: 0,
        pn: 0,
        slot: NONE,
        path,
        marks: 0,
        address: hex(ADDRESS_B),
      },
    ]);
    expect(probe.engine.stats().handshakesReceived).toBe(1);
  });

  it('drops the HELLO of a stranger', () => {
    const probe = new EngineProbe(testCrypto);
    const hello = helloDatagram(id, octets(32, 99));
    probe.take([hello]);
    probe.engine.setMac1Keys(seeds);
    probe.take([hello, helloDatagram(id)]);
    for (let at = 0; at < 1_200; at++) {
      if (at >= 1_184) continue; // mac2 is not looked at here
      const flipped = helloDatagram(id, seeds[0]);
      flipped[at]! ^= 0x10;
      expect(probe.take([flipped]), `octet ${at}`).toEqual([]);
    }
    const stats = probe.engine.stats();
    expect(accountedDatagrams(stats)).toBe(stats.datagramsReceived);
    expect(stats.handshakesReceived).toBe(0);
    expect(stats.droppedStrangers).toBeGreaterThan(1_100);
  });

  it('drops a HELLO of any other length before it is hashed', () => {
    const probe = new EngineProbe(testCrypto);
    probe.engine.setMac1Keys(seeds);
    for (const length of [1_199, 1_201]) {
      const payload = new Uint8Array(length - 35).fill(1);
      const datagram = handshakeFrame(id, payload, seeds[0]);
      expect(datagram).toHaveLength(length);
      expect(probe.take([datagram])).toEqual([]);
    }
    expect(probe.engine.stats().droppedMalformed).toBe(2);
  });

  it('lets answers through while they are expected', () => {
    const probe = new EngineProbe(testCrypto);
    const answers = [2, 3, 4].map((type) => handshakeFrame(id, Uint8Array.of(type, 9, 9)));
    expect(probe.take(answers)).toEqual([]);
    expect(probe.engine.stats().droppedStrangers).toBe(3);
    probe.engine.expectHandshake(id);
    expect(probe.take(answers).map((row) => [row.streamId, row.octets])).toEqual(
      answers.map((answer) => [NONE, hex(answer)]),
    );
    probe.engine.forgetHandshake(id);
    expect(probe.take(answers)).toEqual([]);
  });

  it('drops STTFrames that are no handshake message', () => {
    const probe = new EngineProbe(testCrypto);
    probe.engine.expectHandshake(id);
    const good = handshakeFrame(id, Uint8Array.of(2, 9, 9));
    const bad: Uint8Array[] = [concat(good, Uint8Array.of(0)), good.subarray(0, good.length - 1), Uint8Array.of(0x53)];
    // Type, flags, sequence, timestamp, stream id, meta_len.
    for (const at of [3, 4, 13, 20, 21, 28, 29, 32, 33]) {
      const frame = new Uint8Array(good);
      frame[at]! ^= 1;
      bad.push(frame);
    }
    bad.push(
      handshakeFrame(id, new Uint8Array(0)),
      handshakeFrame(id, Uint8Array.of(0)),
      handshakeFrame(id, Uint8Array.of(5)),
    );
    bad.push(handshakeFrame(id, octets(1_200, 2)), Uint8Array.of(0x53, 0x54, 0x80 | good[2]!, 0, ...good.subarray(3)));
    expect(probe.take(bad)).toEqual([]);
    expect(probe.engine.stats().droppedMalformed).toBe(bad.length);
    expect(probe.take([good])).toHaveLength(1);
  });
});
