import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REPLAY_WINDOW } from '../../lib/constants.js';
import { expandPacketNumber } from '../../lib/engine/packet-protection.js';
import { Suite } from '../../lib/ports/crypto.js';
import { RowType } from '../../lib/ports/packet-engine.js';
import { encodeAck, encodeSessionClose, encodeStreamReset } from '../../lib/wire/packet-frames.js';
import {
  ADDRESS_A,
  ADDRESS_B,
  EngineProbe,
  accountedDatagrams,
  handshakeFrame,
  helloDatagram,
  hex,
  sealRaw,
  sessionKeys,
  streamFrame,
  testCrypto,
} from '../support/engine-harness.js';

const SUITES = [
  ['AES-256-GCM', Suite.AES_256_GCM],
  ['ChaCha20-Poly1305', Suite.CHACHA20_POLY1305],
] as const;
const PING = Uint8Array.of(0x02, 0x01, 1, 2, 3, 4, 5, 6, 7, 8);

function link(suite: Suite): { receiver: EngineProbe; seal(pn: number, frames: Uint8Array): Uint8Array } {
  const sender = new EngineProbe(testCrypto);
  const receiver = new EngineProbe(testCrypto);
  const [own, peer] = sessionKeys(1, suite);
  const slot = sender.engine.openSession(own);
  const path = sender.engine.openPath(ADDRESS_B);
  receiver.engine.openSession(peer);
  return {
    receiver,
    seal(pn, frames) {
      sender.engine.sealFrames(slot, path, pn, frames, 0, frames.length);
      return sender.flushed()[0]!;
    },
  };
}

describe.each(SUITES)('packet protection with %s', (_name, suite) => {
  it('drops a packet with any one bit flipped, and the session lives', () => {
    const { receiver, seal } = link(suite);
    const packet = seal(70_000, streamFrame(1, 5, Uint8Array.of(1, 2, 3, 4, 5)));
    for (let bit = 0; bit < 8 * packet.length; bit++) {
      const flipped = new Uint8Array(packet);
      flipped[bit >>> 3]! ^= 1 << (bit & 7);
      expect(receiver.take([flipped]), `bit ${bit}`).toEqual([]);
    }
    const stats = receiver.engine.stats();
    expect(stats.packetsOpened).toBe(0);
    expect(accountedDatagrams(stats)).toBe(8 * packet.length);
    expect(receiver.take([packet])).toHaveLength(1);
  });

  it('drops a packet damaged anyhow', () => {
    const { receiver, seal } = link(suite);
    let pn = 0;
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 8 }),
        fc.boolean(),
        (frames, damages, cut) => {
          const packet = seal(pn, frames);
          const damaged = new Uint8Array(packet);
          for (const [at, bits] of damages) damaged[at % packet.length]! ^= bits;
          const bad = cut ? damaged.subarray(0, damages[0]![0] % packet.length) : damaged;
          if (hex(bad) !== hex(packet)) expect(receiver.take([bad])).toEqual([]);
          expect(receiver.take([packet]), 'the real one after it').toHaveLength(1);
          pn++;
        },
      ),
      { numRuns: 300 },
    );
  });

  it('gives duplicates once, in whatever order and however often they come', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40), { maxLength: 120 }), (order) => {
        const { receiver, seal } = link(suite);
        const packets = Array.from({ length: 41 }, (_, pn) => seal(pn, PING));
        const rows = receiver.take(order.map((pn) => packets[pn]!));
        expect(rows.map((row) => row.pn)).toEqual([...new Set(order)]);
        expect(receiver.engine.stats().droppedReplays).toBe(order.length - new Set(order).size);
      }),
      { numRuns: 50 },
    );
  });

  it('drops a replay after the window moved on, and takes what is late within the window', () => {
    const { receiver, seal } = link(suite);
    const old = seal(0, PING);
    const tooLate = seal(1, PING);
    const late = seal(2, PING);
    expect(receiver.take([old])).toHaveLength(1);
    expect(receiver.take([seal(REPLAY_WINDOW + 1, PING)])).toHaveLength(1);
    expect(receiver.take([old, tooLate])).toEqual([]);
    expect(receiver.take([late])).toHaveLength(1);
    expect(receiver.take([late])).toEqual([]);
    expect(receiver.engine.stats()).toMatchObject({ droppedReplays: 3, packetsOpened: 3, droppedForgeries: 0 });
  });

  it('does not move the window for a forged packet number', () => {
    const { receiver, seal } = link(suite);
    const forged = seal(1_000_000, PING);
    forged[forged.length - 1]! ^= 1;
    expect(receiver.take([forged])).toEqual([]);
    expect(receiver.take([seal(0, PING)])).toHaveLength(1);
  });

  it('drops packets sealed with the keys of the other direction: a reflected packet', () => {
    const sender = new EngineProbe(testCrypto);
    const slot = sender.engine.openSession(sessionKeys(1, suite)[0]);
    sender.engine.sealFrames(slot, sender.engine.openPath(ADDRESS_B), 0, PING, 0, PING.length);
    expect(sender.take(sender.flushed())).toEqual([]);
    expect(sender.engine.stats().packetsOpened).toBe(0);
  });

  it('gives a packet with reserved bits to the driver as one that closes the session, and drops a key phase without a key', () => {
    const { receiver } = link(suite);
    const [own] = sessionKeys(1, suite);
    let pn = 0;
    for (let first = 0x80; first <= 0xff; first++) {
      const rows = receiver.take([sealRaw(own, first, pn, PING)]);
      if ((first & 1) !== 0) expect(rows).toEqual([]);
      else if (first === 0x80) expect(rows).toMatchObject([{ type: RowType.FRAMES, octets: hex(PING), pn }]);
      else expect(rows).toMatchObject([{ type: RowType.FRAMES, flags: 0, octets: '', pn, count: 1 }]);
      pn++;
    }
    expect(receiver.engine.stats()).toMatchObject({ droppedNoKey: 64, packetsOpened: 64, droppedForgeries: 0 });
  });

  it.each([
    ['close', (out: Uint8Array) => encodeSessionClose(0, new Uint8Array(0), out, 0)],
    ['reset of a stream', (out: Uint8Array) => encodeStreamReset(1, 0, 0, out, 0)],
    ['ACK', (out: Uint8Array) => encodeAck(0, Float64Array.of(0, 0), 1, false, 0, 0, 0, out, 0)],
  ])('drops a %s that an off-path attacker made up', (_what, encode) => {
    const { receiver, seal } = link(suite);
    const scratch = new Uint8Array(64);
    const frames = scratch.slice(0, encode(scratch));
    // He has seen the session's id, and has keys of his own.
    const [, own] = sessionKeys(1, suite);
    const [his] = sessionKeys(2, suite);
    const clear = new Uint8Array(100);
    clear[0] = 0x80;
    clear.set(own.sessionId, 1);
    clear.set(frames, 13);
    for (let i = 0; i < 256; i++) {
      clear[9] = i;
      expect(receiver.take([clear])).toEqual([]);
      const sealed = sealRaw({ ...his, sessionId: own.sessionId }, 0x80, i, frames);
      expect(receiver.take([sealed])).toEqual([]);
    }
    const { droppedForgeries, droppedNoKey } = receiver.engine.stats();
    expect(droppedForgeries + droppedNoKey).toBe(512);
    expect(receiver.take([seal(0, PING)])).toHaveLength(1);
  });
});

describe('what is no packet and no handshake', () => {
  it('drops a plaintext STTFrame of type DATA for an open session', () => {
    const { receiver } = link(Suite.AES_256_GCM);
    const { sessionId } = sessionKeys(1)[1];
    receiver.engine.expectHandshake(sessionId);
    for (let type = 0; type < 256; type++) {
      const frame = handshakeFrame(sessionId, Uint8Array.of(2, 3, 4));
      frame[3] = type;
      expect(receiver.take([frame])).toHaveLength(type === 0x05 ? 1 : 0);
    }
    expect(receiver.engine.stats().droppedMalformed).toBe(255);
  });

  it('drops empty, one-octet and 65,507-octet garbage', () => {
    const { receiver } = link(Suite.AES_256_GCM);
    const datagrams = [new Uint8Array(0)];
    for (let first = 0; first < 256; first++) {
      datagrams.push(Uint8Array.of(first), new Uint8Array(65_507).fill(first), new Uint8Array(30).fill(first));
    }
    datagrams.push(new Uint8Array(65_527).fill(0x80), new Uint8Array(2_000_000).fill(0x80));
    expect(receiver.take(datagrams)).toEqual([]);
    const stats = receiver.engine.stats();
    expect(stats.datagramsReceived).toBe(datagrams.length);
    expect(accountedDatagrams(stats)).toBe(datagrams.length);
  });

  it('never throws, and counts every datagram once, whatever comes', () => {
    const { sessionId } = sessionKeys(1)[1];
    const mac1Key = new Uint8Array(32).fill(7);
    const good = [
      handshakeFrame(sessionId, Uint8Array.of(2, 3, 4)),
      helloDatagram(sessionId, mac1Key),
      Uint8Array.of(0x80, ...sessionId),
      Uint8Array.of(0x53, 0x54),
    ];
    const hostile = fc
      .tuple(fc.constantFrom(...good), fc.uint8Array({ maxLength: 80 }), fc.array(fc.tuple(fc.nat(), fc.nat(255))))
      .map(([head, tail, damages]) => {
        const datagram = Uint8Array.of(...head, ...tail);
        for (const [at, value] of damages) datagram[at % datagram.length] = value;
        return datagram;
      });
    const { receiver } = link(Suite.AES_256_GCM);
    receiver.engine.expectHandshake(sessionId);
    receiver.engine.setMac1Keys([mac1Key]);
    fc.assert(
      fc.property(fc.oneof(hostile, fc.uint8Array({ maxLength: 1_500 })), (datagram) => {
        const before = new Uint8Array(datagram);
        const rows = receiver.take([datagram], ADDRESS_A);
        expect(datagram).toEqual(before);
        for (const row of rows) expect(row.type).toBe(RowType.HANDSHAKE);
        const stats = receiver.engine.stats();
        expect(accountedDatagrams(stats)).toBe(stats.datagramsReceived);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('packet number expansion', () => {
  it('finds every number within 2^31 of what is expected', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.integer({ min: 1 - 2 ** 31, max: 2 ** 31 }), (largest, distance) => {
        const pn = largest + 1 + distance;
        fc.pre(pn >= 0 && pn <= Number.MAX_SAFE_INTEGER && distance < 2 ** 31);
        expect(expandPacketNumber(largest, pn >>> 0)).toBe(pn);
      }),
      { numRuns: 2_000 },
    );
  });
});
