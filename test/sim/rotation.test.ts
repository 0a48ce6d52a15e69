import { describe, expect, it } from 'vitest';
import { CloseCode } from '../../lib/constants.js';
import { Suite } from '../../lib/ports/crypto.js';
import { KEM_CIPHERTEXT, KEM_PUBLIC_KEY } from '../../lib/ports/kem.js';
import type { RotationHost } from '../../lib/ports/rotation-host.js';
import { DEFAULT_ROTATION_POLICY } from '../../lib/protocol/rotation-policy.js';
import { ControlMessage, encodeRotationBody } from '../../lib/wire/rotation-messages.js';
import { streamFrame, testCrypto } from '../support/engine-harness.js';
import { Hostile } from '../support/sim/hostile.js';
import { SimRandom } from '../support/sim/random.js';
import { realKem, RotatingPair } from '../support/sim/rotating-pair.js';
import { forEachSeed } from '../support/sim/seeds.js';
import { Transfers } from '../support/sim/transfer.js';

const QUIET = { firstAfterMs: Infinity };

describe('sessions that change their keys', () => {
  it('do so soon after the handshake, once, and idle on', () => {
    const { pair, client, server } = new RotatingPair({ kem: () => realKem });
    pair.run(99);
    expect(pair.client.session.stats().keyVersion).toBe(0);
    expect(pair.client.session.shouldRotateKeys(pair.now)).toBe(false);
    pair.run(60_000);
    expect([client.rotated, server.rotated]).toEqual([[1], [1]]);
    expect(pair.client.session.stats()).toMatchObject({ keyVersion: 1, keyRotationsBegun: 1, keyRotationsAnswered: 0 });
    expect(pair.server.session.stats()).toMatchObject({ keyVersion: 1, keyRotationsBegun: 0, keyRotationsAnswered: 1 });
    expect([client.dropped, server.dropped]).toEqual([1, 1]);
    // After the first hour again, begun by either.
    pair.run(3_600_000);
    expect(pair.client.session.stats().keyVersion).toBe(2);
    expect(pair.server.session.stats().keyVersion).toBe(2);
  });

  it('do not if the policy says no, until they are asked to', () => {
    const { pair, client, server } = new RotatingPair({ policy: QUIET });
    pair.run(10_000);
    expect([client.rotated, server.rotated]).toEqual([[], []]);
    pair.server.session.rotateKeys(pair.now);
    pair.run(1_000);
    expect([client.rotated, server.rotated]).toEqual([[1], [1]]);
  });

  // ATTACKS: rotation with loss and reordering, from both sides at once, during a transfer.
  it('lose and double no octet over bad networks, whoever asks and when', () => {
    let versions = 0;
    let simultaneous = 0;
    forEachSeed(300, (seed) => {
      const random = new SimRandom(seed);
      const rotating = new RotatingPair({
        seed: (seed % 255) + 1,
        suite: seed % 2 === 0 ? Suite.AES_256_GCM : Suite.CHACHA20_POLY1305,
        policy: { firstAfterMs: random.pick([1, 100, Infinity]), afterPackets: random.pick([60, 200]) },
        conditions: {
          latencyMs: random.pick([1, 20, 100]),
          jitterMs: random.pick([0, 10]),
          loss: random.pick([0, 0.02, 0.2]),
          reorder: random.pick([0, 0.05, 0.3]),
          reorderMs: random.pick([5, 80]),
          duplicate: random.pick([0, 0.1]),
          corrupt: random.pick([0, 0.02]),
        },
        ...(seed % 50 === 0 ? { kem: () => realKem } : {}),
      });
      const { pair, client, server } = rotating;
      client.kemMs = random.pick([0, 1, 50, 2_000]);
      server.kemMs = random.pick([0, 1, 50, 2_000]);
      const there = new Transfers(pair.client, pair.server);
      const back = new Transfers(pair.server, pair.client);
      there.start(random.integer(50_000, 300_000), seed);
      back.start(random.integer(1, 200_000), seed + 1);
      for (let i = 0; i < 6; i++) {
        pair.run(random.integer(10, 600));
        const both = random.chance(0.4);
        if (both || random.chance(0.5)) pair.client.session.rotateKeys(pair.now);
        if (both || random.chance(0.5)) pair.server.session.rotateKeys(pair.now);
        if (both) simultaneous++;
      }
      pair.runUntil(() => there.done && back.done, 600_000);
      pair.runUntil(() => rotating.atRest, 600_000);
      expect([client.failures, server.failures]).toEqual([[], []]);
      expect(client.rotated).toEqual(server.rotated);
      for (const side of [client, server]) {
        const { stats } = side.carrier;
        expect(stats.packetsOpened).toBe(side.endpoint.session.stats().packetsReceived);
        expect(stats.packetsOpened).toBeGreaterThan(0);
      }
      versions += client.rotated.length;
    });
    expect(versions).toBeGreaterThan(600);
    expect(simultaneous).toBeGreaterThan(300);
  });

  it('drop no packet for want of a key when all sides ask at once and nothing is lost or late', () => {
    forEachSeed(50, (seed) => {
      const { pair, client, server } = new RotatingPair({
        seed,
        policy: QUIET,
        conditions: { latencyMs: 10, jitterMs: 5 },
      });
      const there = new Transfers(pair.client, pair.server);
      there.start(400_000, seed);
      for (let i = 0; i < 5; i++) {
        pair.client.session.rotateKeys(pair.now);
        pair.server.session.rotateKeys(pair.now);
        pair.run(600);
      }
      pair.runUntil(() => there.done, 60_000);
      expect(client.rotated).toEqual([1, 2, 3, 4, 5]);
      expect(server.rotated).toEqual(client.rotated);
      expect([client.carrier.stats.droppedNoKey, server.carrier.stats.droppedNoKey]).toEqual([0, 0]);
      expect([client.carrier.stats.droppedForgeries, server.carrier.stats.droppedForgeries]).toEqual([0, 0]);
    });
  });

  // ATTACKS: packet numbers near the limit of a key.
  it('change a key before it has sealed all it may, and send many times as much as one key can', () => {
    const { pair, client } = new RotatingPair({
      policy: QUIET,
      limits: { maxSealedPackets: 800 },
      conditions: { latencyMs: 10, rate: 1_200, queue: 30_000 },
    });
    const there = new Transfers(pair.client, pair.server);
    there.start(8_000_000, 1);
    let most = 0;
    pair.runUntil(() => {
      most = Math.max(most, pair.client.session.stats().packetsUnderKey);
      return there.done;
    }, 120_000);
    expect(pair.client.session.stats().packetsSent).toBeGreaterThan(6_000);
    expect(client.rotated.length).toBeGreaterThan(8);
    expect(most).toBeLessThan(800);
    expect(pair.client.app.end).toBeUndefined();
  });

  it('close with CRYPTO at the limit of a key if the other side answers no rotation, and use the key no more', () => {
    const { pair, client, server } = new RotatingPair({ policy: QUIET, limits: { maxSealedPackets: 400 } });
    server.encapsulate = () => {};
    const there = new Transfers(pair.client, pair.server);
    there.start(4_000_000, 1);
    pair.runUntil(() => pair.client.app.end !== undefined, 120_000);
    expect(pair.client.app.end).toMatchObject({ closeCode: CloseCode.CRYPTO, remote: false });
    pair.run(60_000);
    expect(pair.client.session.stats().packetsSent).toBeLessThanOrEqual(400);
    expect(client.rotated).toEqual([]);
  });

  it('close with KEY_ROTATION if the other side sends no public key', () => {
    const { pair, client } = new RotatingPair({
      policy: QUIET,
      kem: () => ({
        ...realKem,
        generate: () => ({
          kind: 'generated',
          publicKey: new Uint8Array(KEM_PUBLIC_KEY).fill(0xff),
          privateKey: new Uint8Array(2400),
        }),
      }),
    });
    pair.client.session.rotateKeys(pair.now);
    pair.run(1_000);
    expect(pair.client.app.end).toMatchObject({ closeCode: CloseCode.KEY_ROTATION, remote: true });
    expect(pair.server.app.end).toMatchObject({ closeCode: CloseCode.KEY_ROTATION, remote: false });
    expect(client.rotated).toEqual([]);
  });

  it('cannot go on after a tampered ciphertext: both secrets differ, nothing of it is delivered', () => {
    const { pair, client, server } = new RotatingPair({
      policy: QUIET,
      kem: () => ({
        ...realKem,
        encapsulate: (publicKey) => {
          const answer = realKem.encapsulate(publicKey);
          if (answer.kind === 'encapsulated') answer.ciphertext[9]! ^= 1;
          return answer;
        },
      }),
    });
    pair.client.session.rotateKeys(pair.now);
    pair.run(5_000);
    expect(server.carrier.stats.droppedForgeries).toBeGreaterThan(0);
    expect([client.rotated, server.rotated]).toEqual([[], []]);
  });

  it('end quietly whatever ML-KEM has still to answer', () => {
    for (const end of ['close', 'destroy'] as const) {
      const { pair, client } = new RotatingPair({ policy: QUIET });
      client.kemMs = 500;
      pair.client.session.rotateKeys(pair.now);
      pair.run(100);
      if (end === 'close') pair.client.session.close(pair.now, CloseCode.NONE, '');
      else pair.client.session.destroy();
      pair.run(5_000);
      expect(client.rotated).toEqual([]);
      expect(() => pair.client.session.rotateKeys(pair.now)).toThrow(/closed|closing/);
      expect(pair.client.session.shouldRotateKeys(pair.now)).toBe(false);
    }
  });
});

describe('a hostile peer with the keys of a session', () => {
  /** A session and a peer who says what he likes on the control stream. */
  function hostile(role: 'initiator' | 'responder' = 'responder') {
    const questions: number[] = [];
    const host: RotationHost = {
      generate: (question) => questions.push(question),
      encapsulate: (question) => questions.push(question),
      decapsulate: (question) => questions.push(question),
      installNextKeys: () => {},
      switchSendKeys: () => {},
      dropOldKeys: () => {},
      onKeysRotated: () => {},
      onRotationFailed: () => {},
    };
    const peer = new Hostile({
      role,
      config: {
        rotation: {
          crypto: testCrypto,
          sessionKey: new Uint8Array(32),
          policy: { ...DEFAULT_ROTATION_POLICY, ...QUIET },
          owner: { rotation: host },
        },
      },
    });
    let offset = 0;
    const say = (type: number, body: Uint8Array): Hostile => {
      const length = 1 + body.length;
      const message = Uint8Array.of((length & 0x7f) | 0x80, length >> 7, type, ...body);
      for (let at = 0; at < message.length; at += 1_000) {
        peer.inject(streamFrame(0, offset + at, message.subarray(at, at + 1_000)));
      }
      offset += message.length;
      return peer;
    };
    const request = (phase: number): Hostile =>
      say(ControlMessage.KEY_REQUEST, encodeRotationBody(phase, new Uint8Array(KEM_PUBLIC_KEY)));
    const respond = (phase: number): Hostile =>
      say(ControlMessage.KEY_RESPONSE, encodeRotationBody(phase, new Uint8Array(KEM_CIPHERTEXT)));
    return { peer, questions, say, request, respond };
  }

  it('cannot have ML-KEM computed more than once at a time', () => {
    const { peer, questions, request } = hostile();
    request(1);
    expect(peer.closedWith).toBeUndefined();
    for (let i = 0; i < 100 && peer.closedWith === undefined; i++) request(1);
    expect(questions).toHaveLength(1);
    expect(peer.closedWith).toBe(CloseCode.KEY_ROTATION);
    expect(peer.app.end!.reason).toContain('during another one');
  });

  it('is shut out for a second rotation before the first one is confirmed', () => {
    const { peer, questions, request } = hostile();
    request(1);
    peer.session.handleKemAnswer(peer.now, questions[0]!, {
      kind: 'encapsulated',
      ciphertext: new Uint8Array(KEM_CIPHERTEXT),
      secret: new Uint8Array(32),
    });
    peer.wait(5_000);
    request(2);
    expect(peer.closedWith).toBe(CloseCode.KEY_ROTATION);
    expect(questions).toHaveLength(1);
  });

  it('is shut out for an answer that nobody asked for, and for a skipped phase', () => {
    const answering = hostile();
    answering.respond(1);
    expect(answering.peer.closedWith).toBe(CloseCode.KEY_ROTATION);
    const skipping = hostile('initiator');
    skipping.request(2);
    expect(skipping.peer.closedWith).toBe(CloseCode.KEY_ROTATION);
    expect([answering.questions, skipping.questions]).toEqual([[], []]);
  });

  it('is shut out for a message of a wrong length, and may send types that nobody knows', () => {
    const { peer, say } = hostile();
    say(0x55, new Uint8Array(5_000));
    expect(peer.closedWith).toBeUndefined();
    say(ControlMessage.KEY_REQUEST, new Uint8Array(300));
    expect(peer.closedWith).toBe(CloseCode.FRAME_ENCODING);
  });

  it('cannot have the control stream grow by answers that are never acknowledged', () => {
    const { peer, request } = hostile();
    // Requests of the past are heard by nobody, however many.
    for (let i = 0; i < 200; i++) request(0);
    expect(peer.closedWith).toBeUndefined();
    const frames = peer.poll();
    expect(frames.filter(({ name, id }) => name === 'STREAM' && id === 0)).toEqual([]);
  });
});
