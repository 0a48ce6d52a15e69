import { createHash, createHmac } from 'node:crypto';
import type { CryptoProvider } from '../../lib/ports/crypto.js';
import { Suite } from '../../lib/ports/crypto.js';
import {
  Group,
  GROUP_WORDS,
  Row,
  ROW_WORDS,
  RowType,
  ADDRESS_OCTETS,
  type DirectionKeys,
  type PacketEngine,
  type PacketEngineEvents,
  type PacketEngineStats,
  type SessionKeys,
} from '../../lib/ports/packet-engine.js';
import { encodeAddress } from '../../lib/wire/address.js';
import { JsPacketEngine } from '../../lib/engine/js-packet-engine.js';
import { nodeProvider } from '../../lib/stc/node-provider.js';

/** The primitives that tests of the JS engine use. */
export const testCrypto: CryptoProvider = nodeProvider;

const TWO_32 = 0x100000000;

/** A row, with all that can be said of it, free of what two engines may do differently (positions in the slab). */
export interface CapturedRow {
  readonly type: number;
  readonly flags: number;
  readonly count: number;
  readonly octets: string;
  readonly streamId: number;
  readonly offset: number;
  readonly pn: number;
  readonly slot: number;
  readonly path: number;
  readonly marks: number;
  /** HANDSHAKE: hex of the sender's address. */
  readonly address: string | undefined;
}

/** Copies the rows of a batch out of an engine. */
export function captureRows(engine: PacketEngine, rowCount: number, groupCount: number): CapturedRow[] {
  const { rows, groups, slab } = engine;
  const captured: CapturedRow[] = [];
  let group = -1;
  for (let index = 0; index < rowCount; index++) {
    while (group + 1 < groupCount && groups[(group + 1) * GROUP_WORDS + Group.FIRST_ROW]! <= index) group++;
    const at = index * ROW_WORDS;
    const head = rows[at + Row.HEAD]!;
    const begin = rows[at + Row.BEGIN]!;
    const type = head & 0xff;
    captured.push({
      type,
      flags: (head >>> 8) & 0xff,
      count: head >>> 16,
      octets: hex(slab.subarray(begin, begin + rows[at + Row.LENGTH]!)),
      streamId: rows[at + Row.STREAM_ID]!,
      offset: rows[at + Row.OFFSET_HI]! * TWO_32 + rows[at + Row.OFFSET_LO]!,
      pn: rows[at + Row.PN_HI]! * TWO_32 + rows[at + Row.PN_LO]!,
      slot: groups[group * GROUP_WORDS + Group.SLOT]!,
      path: groups[group * GROUP_WORDS + Group.PATH]!,
      marks: groups[group * GROUP_WORDS + Group.MARKS]!,
      address:
        type === RowType.HANDSHAKE || type === RowType.STRAY
          ? hex(slab.subarray(begin - ADDRESS_OCTETS, begin))
          : undefined,
    });
  }
  return captured;
}

export interface SentDatagram {
  readonly address: string;
  readonly octets: Uint8Array;
  /** The two ECN bits of its IP header; of connections none. */
  readonly ecn?: number;
}

/** A JS engine whose rows and datagrams are kept. */
export class EngineProbe implements PacketEngineEvents {
  readonly engine: JsPacketEngine;
  readonly rows: CapturedRow[] = [];
  readonly sent: SentDatagram[] = [];
  batches = 0;
  writable = 0;
  /** Called inside `onBatch`, after the rows were kept. */
  inBatch: () => void = () => {};

  constructor(crypto: CryptoProvider, options: { slabOctets?: number; transmitOctets?: number; holds?: boolean } = {}) {
    const { holds = false, ...sizes } = options;
    this.engine = new JsPacketEngine({
      crypto,
      events: this,
      ...sizes,
      output: {
        canMark: true,
        receiveBufferOctets: 0,
        sendBufferOctets: 0,
        send: (address, bytes, begin, end, ecn) => {
          this.sent.push({ address: hex(address), octets: bytes.slice(begin, end), ecn });
          return !holds;
        },
        close: () => Promise.resolve(),
      },
    });
  }

  onBatch(rowCount: number, groupCount: number): void {
    this.batches++;
    this.rows.push(...captureRows(this.engine, rowCount, groupCount));
    this.inBatch();
  }

  onWritable(): void {
    this.writable++;
  }

  onConnectionDatagram(address: Uint8Array, octets: Uint8Array): void {
    this.sent.push({ address: hex(address), octets });
  }

  onError(error: Error): void {
    throw error;
  }

  /** Receives datagrams as one batch and gives the rows. */
  take(datagrams: Iterable<Uint8Array>, address = ADDRESS_A): CapturedRow[] {
    this.rows.length = 0;
    for (const datagram of datagrams) this.engine.receive(datagram, address);
    this.engine.deliver();
    return this.rows.slice();
  }

  /** Flushes and gives what was sent. */
  flushed(): Uint8Array[] {
    this.engine.flush();
    return this.sent.splice(0).map((datagram) => datagram.octets);
  }
}

export const ADDRESS_A = encodeAddress('192.0.2.1', 4000)!;
export const ADDRESS_B = encodeAddress('2001:db8::1', 4000)!;

/** Keys of both ends of a session, from a number. */
export function sessionKeys(
  seed: number,
  suite: Suite = Suite.AES_256_GCM,
  forgeryLimit = 2 ** 36,
): [SessionKeys, SessionKeys] {
  const octets = (label: string, length: number): Uint8Array =>
    new Uint8Array(createHash('sha256').update(`${label} ${seed}`).digest().subarray(0, length));
  const direction = (label: string): DirectionKeys => ({
    key: octets(`${label} key`, 32),
    iv: octets(`${label} iv`, 12),
    hp: octets(`${label} hp`, 32),
  });
  const sessionId = octets('id', 8);
  const there = direction('there');
  const back = direction('back');
  return [
    { sessionId, suite, send: there, receive: back, forgeryLimit },
    { sessionId, suite, send: back, receive: there, forgeryLimit },
  ];
}

/** A STREAM frame. */
export function streamFrame(streamId: number, offset: number, payload: Uint8Array, flags = 0): Uint8Array {
  const frame = Buffer.alloc(16 + payload.length);
  frame[0] = 0x03;
  frame[1] = flags;
  frame.writeUInt32BE(streamId, 2);
  frame.writeBigUInt64BE(BigInt(offset), 6);
  frame.writeUInt16BE(payload.length & 0xffff, 14);
  frame.set(payload, 16);
  return frame;
}

/** A handshake STTFrame around a payload; `mac1Key` makes the HELLO's mac1 right. */
export function handshakeFrame(handshakeId: Uint8Array, payload: Uint8Array, mac1Key?: Uint8Array): Uint8Array {
  const body = new Uint8Array(31 + payload.length);
  body[0] = 0x05;
  body.set(handshakeId, 2);
  body.set(payload, 31);
  if (mac1Key !== undefined) {
    const macAt = body.length - 32;
    const digest = createHash('sha256').update(handshakeId).update(body.subarray(31, macAt)).digest();
    body.set(createHmac('sha256', mac1Key).update(digest).digest().subarray(0, 16), macAt);
  }
  const length: number[] = [];
  for (let left = body.length; ; left >>>= 7) {
    length.push(left < 0x80 ? left : (left & 0x7f) | 0x80);
    if (left < 0x80) break;
  }
  return Uint8Array.of(0x53, 0x54, ...length, ...body);
}

/** A HELLO of exactly 1,200 octets with filler for the noise message, or with `head` and zeros in its place. */
export function helloDatagram(handshakeId: Uint8Array, mac1Key?: Uint8Array, head?: Uint8Array): Uint8Array {
  const payload = new Uint8Array(1200 - 4 - 31).fill(head === undefined ? 0x5a : 0);
  if (head !== undefined) payload.set(head.subarray(0, payload.length));
  payload[0] = 0x01;
  return handshakeFrame(handshakeId, payload, mac1Key);
}

/** What of the statistics two engines must agree on. */
export function agreedStats(stats: PacketEngineStats): Partial<PacketEngineStats> {
  const names = [
    'datagramsReceived',
    'octetsReceived',
    'packetsOpened',
    'handshakesReceived',
    'droppedMalformed',
    'droppedStrangers',
    'droppedUnproven',
    'droppedUnknownSession',
    'droppedReplays',
    'droppedForgeries',
    'resetsReceived',
    'droppedNoKey',
    'sessions',
    'paths',
    'expectedHandshakes',
  ] as const;
  return Object.fromEntries(names.map((name) => [name, stats[name]]));
}

/** Puts the proof into a HELLO that the cookie of `address` under `secret` allows (STT §4). */
export function prove(hello: Uint8Array, address: Uint8Array, secret: Uint8Array): Uint8Array {
  const macAt = hello.length - 32;
  const digest = createHash('sha256').update(hello.subarray(6, 14)).update(hello.subarray(35, macAt)).digest();
  const cookie = createHmac('sha256', secret).update(address.subarray(0, 18)).digest().subarray(0, 16);
  const proof = createHmac('sha256', cookie)
    .update(digest)
    .update(hello.subarray(macAt, macAt + 16))
    .digest();
  hello.set(proof.subarray(0, 16), macAt + 16);
  return hello;
}

/** Sum of what `received` and `dropped` counters say: every datagram exactly once. */
export function accountedDatagrams(stats: PacketEngineStats): number {
  return (
    stats.packetsOpened +
    stats.handshakesReceived +
    stats.droppedMalformed +
    stats.droppedStrangers +
    stats.droppedUnproven +
    stats.droppedUnknownSession +
    stats.droppedReplays +
    stats.droppedForgeries +
    stats.resetsReceived +
    stats.droppedNoKey
  );
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

/** Seals a packet with any first octet: what only a faulty or hostile holder of the keys would send. */
export function sealRaw(keys: SessionKeys, first: number, pn: number, payload: Uint8Array): Uint8Array {
  const { key, iv, hp } = keys.send;
  const header = Buffer.alloc(13);
  header[0] = first;
  header.set(keys.sessionId, 1);
  header.writeUInt32BE(pn % TWO_32, 9);
  const nonce = Buffer.from(iv);
  const counter = nonce.readBigUInt64BE(4) ^ BigInt(pn);
  nonce.writeBigUInt64BE(counter, 4);
  const packet = new Uint8Array(29 + payload.length);
  testCrypto.createPacketCipher(keys.suite, key).seal(nonce, header, new Uint8Array(0), payload, packet, 13);
  const mask = testCrypto.createHeaderCipher(keys.suite, hp).mask(packet.slice(13, 29));
  packet.set(header);
  packet[0]! ^= mask[0]! & 0x7f;
  for (let i = 0; i < 4; i++) packet[9 + i]! ^= mask[1 + i]!;
  return packet;
}
