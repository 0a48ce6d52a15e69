import { createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { deriveSessionKeys } from '../../../lib/protocol/key-schedule.js';
import { serializeStt, type SttDict } from '../../../lib/wire/serialization.js';
import { hex } from '../../support/crypto-providers.js';
import { ADDRESS, answer, Party, SHARED_SEED, VirtualClock } from '../../support/handshake-party.js';
import { ReferenceNoise, referenceKeys, type ReferenceResult } from '../../support/noise-ixpsk0-reference.js';

/*
 * The messages of STT §4 put together and taken apart by hand around the second Noise implementation; of the product
 * only the serialization is used.
 *
 *   HELLO is 1,200 octets: "ST", length (2), 31 of header, payload
 */

const HEADER = 4 + 31;
const expand = (prk: Uint8Array, label: string): Buffer =>
  createHmac('sha256', prk).update(label).update(Uint8Array.of(1)).digest();
const prk = createHmac('sha256', 'STT v1 psk').update(SHARED_SEED).digest();
const [psk, mac1Key] = [expand(prk, 'noise'), expand(prk, 'mac1')];
const mac = (...parts: readonly Uint8Array[]): Buffer => {
  const digest = parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
  return createHmac('sha256', mac1Key).update(digest).digest().subarray(0, 16);
};
const sessionKey = ({ hash, k1, k2 }: ReferenceResult): Buffer =>
  Buffer.from(hkdfSync('sha256', Buffer.concat([k1, k2]), hash, 'STT v1 session', 32));

function padded(dict: SttDict, size: number): Uint8Array {
  const bare = serializeStt({ ...dict, pad: new Uint8Array(0) }).length;
  return serializeStt({ ...dict, pad: new Uint8Array(size - bare) });
}

function frame(id: Uint8Array, payload: Uint8Array): Buffer {
  const length = 31 + payload.length;
  const head = Buffer.alloc(HEADER);
  head.write('ST');
  head[2] = (length & 0x7f) | 0x80;
  head[3] = length >> 7;
  head[4] = 5;
  head.set(id, 6);
  return Buffer.concat([head, payload]);
}

const noise = (id: Uint8Array, staticPrivateKey: Uint8Array): ReferenceNoise =>
  new ReferenceNoise({ psk, prologue: Buffer.concat([Buffer.from('STT v1'), id]), staticPrivateKey });

describe('A peer written without the product', () => {
  it('connects to it', () => {
    const clock = new VirtualClock();
    const bob = new Party(clock, 2);
    const [id, secret] = [randomBytes(8), randomBytes(32)];
    const peer = noise(id, secret);
    const hello = { v: 1, versions: [1], ts: clock.wall, suites: [1, 2], params: { max_streams: 9 } };
    const first = Buffer.concat([Uint8Array.of(1), peer.writeFirst(padded(hello, 1200 - HEADER - 1 - 96 - 32))]);
    const mac1 = mac(id, first);
    const { reply, opened } = bob.receive(frame(id, Buffer.concat([first, mac1, Buffer.alloc(16)])), ADDRESS)!;
    expect(hex(opened!.peerNodeId)).toBe(hex(referenceKeys(secret).raw));
    expect(opened!.peerParams.maxStreams).toBe(9);

    expect(reply.length).toBe(1200);
    expect(hex(reply.subarray(0, HEADER))).toBe(hex(frame(id, new Uint8Array(1200 - HEADER)).subarray(0, HEADER)));
    expect(reply[HEADER]).toBe(2);
    const authenticated = reply.subarray(HEADER, 1184);
    expect(hex(reply.subarray(1184))).toBe(hex(mac(id, mac1, authenticated)));
    const payload = Buffer.from(peer.readSecond(authenticated.subarray(1)));
    expect(payload.includes(Buffer.from(opened!.sessionId))).toBe(true);
    expect(hex(peer.remoteStatic)).toBe(hex(bob.nodeId));
    expect(hex(opened!.sessionKey)).toBe(hex(sessionKey(peer.split())));
  });

  it('is connected to by it', () => {
    const clock = new VirtualClock();
    const alice = new Party(clock, 1);
    const secret = randomBytes(32);
    const initiator = alice.dial({ peerNodeId: referenceKeys(secret).raw });
    const hello = alice.hello(initiator);
    const id = hello.slice(6, 14);
    expect(hex(hello.subarray(0, HEADER))).toBe(hex(frame(id, new Uint8Array(1200 - HEADER)).subarray(0, HEADER)));
    const [first, mac1, mac2] = [hello.subarray(HEADER, 1168), hello.slice(1168, 1184), hello.subarray(1184)];
    expect(first[0]).toBe(1);
    expect(hex(mac1)).toBe(hex(mac(id, first)));
    expect(hex(mac2)).toBe('00'.repeat(16));

    const peer = noise(id, secret);
    peer.readFirst(first.subarray(1));
    expect(hex(peer.remoteStatic)).toBe(hex(alice.nodeId));
    const sessionId = randomBytes(8);
    const response = { v: 1, suite: 2, session_id: sessionId, params: {}, reset_token: randomBytes(16) };
    const second = Buffer.concat([Uint8Array.of(2), peer.writeSecond(padded(response, 900))]);
    const result = answer(initiator, frame(id, Buffer.concat([second, mac(id, mac1, second)])), clock.now)!;
    expect(hex(result.sessionId)).toBe(hex(sessionId));
    expect(hex(result.sessionKey)).toBe(hex(sessionKey(peer.split())));
    const i2r = expand(result.sessionKey, 'i2r');
    expect(hex(deriveSessionKeys(alice.crypto, result).send.key)).toBe(hex(expand(i2r, 'key')));
  });

  it('that answers under the identity of the initiator itself makes no session', () => {
    const clock = new VirtualClock();
    const alice = new Party(clock, 1);
    const initiator = alice.dial();
    const hello = alice.hello(initiator);
    const [id, mac1] = [hello.slice(6, 14), hello.slice(1168, 1184)];
    const peer = noise(id, alice.staticKeys.privateKey);
    peer.readFirst(hello.subarray(HEADER + 1, 1168));
    const response = { v: 1, suite: 1, session_id: randomBytes(8), params: {}, reset_token: randomBytes(16) };
    const second = Buffer.concat([Uint8Array.of(2), peer.writeSecond(padded(response, 900))]);
    const reply = frame(id, Buffer.concat([second, mac(id, mac1, second)]));
    expect(answer(initiator, reply, clock.now)).toBeUndefined();
    clock.now += 10_000;
    initiator.pollTransmit(clock.now, clock.wall);
    expect(initiator.failure).toBe('ERR_STT_HANDSHAKE_SELF');
  });

  it.each([
    ['a version of its own', { v: 2 }],
    ['a suite that was not offered', { suite: 3 }],
    ['a session id of another length', { session_id: new Uint8Array(7) }],
    ['a reset token of another length', { reset_token: new Uint8Array(17) }],
    ['parameters out of range', { params: { max_udp_payload: 100 } }],
  ])('and gives %s is not believed', (_, change) => {
    const clock = new VirtualClock();
    const alice = new Party(clock, 1);
    const initiator = alice.dial();
    const hello = alice.hello(initiator);
    const [id, mac1] = [hello.slice(6, 14), hello.slice(1168, 1184)];
    const reply = (dict: SttDict): Uint8Array => {
      const peer = noise(id, new Uint8Array(32).fill(0x77));
      peer.readFirst(hello.subarray(HEADER + 1, 1168));
      const second = Buffer.concat([Uint8Array.of(2), peer.writeSecond(padded(dict, 900))]);
      return frame(id, Buffer.concat([second, mac(id, mac1, second)]));
    };
    const good = { v: 1, suite: 1, session_id: randomBytes(8), params: {}, reset_token: randomBytes(16) };
    expect(answer(initiator, reply({ ...good, ...change }), clock.now)).toBeUndefined();
    expect(answer(initiator, reply(good), clock.now)).toBeDefined();
  });
});
