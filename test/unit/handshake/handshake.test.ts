import { describe, expect, it } from 'vitest';
import { STTConfigError } from '../../../lib/errors.js';
import { Suite } from '../../../lib/ports/crypto.js';
import { deriveSessionKeys, exportKey } from '../../../lib/protocol/key-schedule.js';
import { chooseSuite, preferredSuites } from '../../../lib/protocol/handshake/suites.js';
import { HelloClock } from '../../../lib/protocol/handshake/hello-clock.js';
import { DEFAULT_TRANSPORT_PARAMS, handshakeParts } from '../../../lib/wire/handshake-messages.js';
import { ascii } from '../../../lib/wire/ascii.js';
import { describeProviders, hex, provider, providers } from '../../support/crypto-providers.js';
import { ADDRESS, answer, EPOCH, Party, SHARED_SEED, VirtualClock } from '../../support/handshake-party.js';

const filled = (value: number, length: number): Uint8Array => new Uint8Array(length).fill(value);

describeProviders('A handshake', (crypto) => {
  it('gives both sides the same keys, and each the identity and parameters of the other', () => {
    const clock = new VirtualClock();
    const params = { ...DEFAULT_TRANSPORT_PARAMS, maxStreams: 7, capabilities: ['a'] };
    const alice = new Party(clock, 1, { crypto });
    const bob = new Party(clock, 2, { crypto, params });
    const initiator = alice.dial();
    const hello = alice.hello(initiator);
    expect(hello.length).toBe(1200);
    clock.now += 10;
    const { reply, replyAddress, opened } = bob.receive(hello)!;
    expect(reply.length).toBe(1200);
    expect(hex(replyAddress)).toBe(hex(ADDRESS));
    expect(bob.responder.halfOpen).toBe(1);
    clock.now += 20;
    const result = answer(initiator, reply, clock.now)!;
    clock.now += 30;
    const confirmed = bob.responder.confirm(result.sessionId, clock.now)!;

    expect(hex(result.sessionKey)).toBe(hex(opened!.sessionKey));
    expect(hex(result.sessionId)).toBe(hex(opened!.sessionId));
    expect(hex(result.resetToken)).toBe(hex(opened!.resetToken));
    expect(result).toMatchObject({ role: 'initiator', handshakeRttMs: 30, peerParams: params, seedIndex: 0 });
    expect(confirmed).toMatchObject({ role: 'responder', handshakeRttMs: 50, localParams: params });
    expect(confirmed.peerParams).toEqual(DEFAULT_TRANSPORT_PARAMS);
    expect(result.suite).toBe(confirmed.suite);
    expect(hex(result.peerNodeId)).toBe(hex(bob.nodeId));
    expect(hex(confirmed.peerNodeId)).toBe(hex(alice.nodeId));
    const [ours, theirs] = [deriveSessionKeys(crypto, result), deriveSessionKeys(crypto, confirmed)];
    expect(ours.send).toEqual(theirs.receive);
    expect(ours.receive).toEqual(theirs.send);
    expect(ours.send).not.toEqual(ours.receive);
    expect(ours.forgeryLimit).toBe(2 ** 36);
    expect(bob.responder.halfOpen).toBe(0);
    expect(bob.responder.confirm(result.sessionId, clock.now)).toBeUndefined();
    expect(initiator.pollTimeout()).toBe(Infinity);
  });
});

describe('A handshake', () => {
  it('works between sides that use different implementations', () => {
    for (const first of providers) {
      for (const second of providers) {
        const clock = new VirtualClock();
        const initiator = new Party(clock, 1, { crypto: first }).dial();
        const bob = new Party(clock, 2, { crypto: second });
        const hello = initiator.pollTransmit(clock.now, clock.wall)!.datagram;
        const { reply, opened } = bob.receive(hello)!;
        expect(hex(answer(initiator, reply, clock.now)!.sessionKey)).toBe(hex(opened!.sessionKey));
      }
    }
  });

  it('takes any seed of the ring, and initiates with the first', () => {
    const clock = new VirtualClock();
    const alice = new Party(clock, 1, { sharedSeeds: [filled(0x33, 32), SHARED_SEED] });
    const bob = new Party(clock, 2, { sharedSeeds: [filled(0x22, 32), SHARED_SEED, filled(0x33, 32)] });
    const initiator = alice.dial();
    const { reply, opened } = bob.receive(alice.hello(initiator))!;
    expect(opened!.seedIndex).toBe(2);
    expect(answer(initiator, reply, clock.now)!.seedIndex).toBe(0);
    expect(bob.receive(new Party(clock, 3, { sharedSeeds: [filled(0x44, 32)] }).hello())).toBeUndefined();
  });

  it('derives the exported key and the keys of the wire as STT §4 and §5 say', () => {
    const sessionKey = filled(9, 32);
    expect(hex(exportKey(provider, sessionKey))).toBe(hex(provider.hkdfExpand(sessionKey, ascii('export'), 32)));
    const keys = deriveSessionKeys(provider, {
      role: 'initiator',
      sessionId: filled(1, 8),
      sessionKey,
      suite: Suite.CHACHA20_POLY1305,
    });
    const secret = provider.hkdfExpand(sessionKey, ascii('i2r'), 32);
    expect(hex(keys.send.key)).toBe(hex(provider.hkdfExpand(secret, ascii('key'), 32)));
    expect(hex(keys.send.iv)).toBe(hex(provider.hkdfExpand(secret, ascii('iv'), 12)));
    expect(hex(keys.send.hp)).toBe(hex(provider.hkdfExpand(secret, ascii('hp'), 32)));
    expect(hex(keys.receive.key)).toBe(
      hex(provider.hkdfExpand(provider.hkdfExpand(sessionKey, ascii('r2i'), 32), ascii('key'), 32)),
    );
  });

  it('gives the token of stateless resets that the responder’s key makes of the session id', () => {
    const clock = new VirtualClock();
    const resetKey = filled(3, 32);
    const { opened } = new Party(clock, 2, { resetKey }).receive(new Party(clock, 1).hello())!;
    expect(hex(opened!.resetToken)).toBe(hex(provider.hmacSha256(resetKey, opened!.sessionId).subarray(0, 16)));
  });
});

describe('The suite', () => {
  it('is the responder’s favourite only if that is because its AES is slow', () => {
    const [aes, chacha] = [Suite.AES_256_GCM, Suite.CHACHA20_POLY1305];
    const fast = preferredSuites({ ...provider, fastAes: true });
    const slow = preferredSuites({ ...provider, fastAes: false });
    expect([fast[0], slow[0]]).toEqual([aes, chacha]);
    expect(chooseSuite(fast, fast)).toBe(aes);
    expect(chooseSuite(fast, slow)).toBe(chacha);
    expect(chooseSuite(slow, fast)).toBe(chacha);
    expect(chooseSuite(slow, [aes])).toBe(aes);
    expect(chooseSuite(fast, [99, chacha, aes])).toBe(chacha);
    expect(chooseSuite(fast, [99])).toBeUndefined();
    expect(chooseSuite(fast, [])).toBeUndefined();
  });

  it('must be one that was offered', () => {
    const clock = new VirtualClock();
    const alice = new Party(clock, 1);
    const bob = new Party(clock, 2, { suites: [Suite.AES_256_GCM] });
    expect(bob.receive(alice.hello(alice.dial({ suites: [Suite.CHACHA20_POLY1305] })))).toBeUndefined();
    expect(bob.responder.stats().refused).toBe(1);
  });
});

describe('An initiator', () => {
  /** Times at which HELLOs go out, with the handshake they belong to, when nobody answers. */
  const silence = (jitter: number, timeoutMs?: number) => {
    const clock = new VirtualClock();
    const alice = new Party(clock, 1);
    const initiator = alice.dial({ random: { u32: () => jitter }, timeoutMs });
    const sent: { at: number; id: string }[] = [];
    while (initiator.failure === undefined) {
      clock.now = initiator.pollTimeout();
      const hello = initiator.pollTransmit(clock.now, clock.wall);
      if (hello === undefined) continue;
      const id = hex(hello.handshakeId)!;
      expect(hello.fresh).toBe(sent.every((earlier) => earlier.id !== id));
      sent.push({ at: clock.now - 1000, id });
    }
    return { sent, initiator, over: clock.now - 1000 };
  };

  it('sends again after 250 ms, then every 500, starts afresh after 4 s, and gives up after 10', () => {
    const { sent, initiator, over } = silence(2 ** 31);
    const first = [0, 250, 750, 1250, 1750, 2250, 2750, 3250, 3750];
    expect(sent.map(({ at }) => at)).toEqual([
      ...first,
      ...first.map((at) => at + 4000),
      ...first.map((at) => at + 8000).filter((at) => at < 10_000),
    ]);
    expect(new Set(sent.map(({ id }) => id)).size).toBe(3);
    expect(initiator.handshakeIds.length).toBe(3);
    expect(over).toBe(10_000);
    expect(initiator.failure).toBe('ERR_STT_HANDSHAKE_TIMEOUT');
    expect(initiator.pollTimeout()).toBe(Infinity);
  });

  it('varies its times by a tenth either way', () => {
    expect(silence(0).sent[1]!.at).toBe(225);
    expect(silence(2 ** 32 - 1).sent[1]!.at).toBeCloseTo(275, 3);
    expect(silence(0).sent[2]!.at - 225).toBeCloseTo(450, 3);
  });

  it('gives up at the timeout that is asked for', () => {
    const { sent, over } = silence(2 ** 31, 300);
    expect(sent.length).toBe(2);
    expect(over).toBe(300);
  });

  it('takes a late answer to a HELLO that it gave up for a fresh one', () => {
    const clock = new VirtualClock();
    const [alice, bob] = [new Party(clock, 1), new Party(clock, 2)];
    const initiator = alice.dial();
    const { reply } = bob.receive(alice.hello(initiator))!;
    clock.now += 4000;
    expect(initiator.pollTransmit(clock.now, clock.wall)!.fresh).toBe(true);
    expect(answer(initiator, reply, clock.now)).toBeDefined();
  });

  it('measures no round trip by a HELLO that it sent twice', () => {
    const clock = new VirtualClock();
    const [alice, bob] = [new Party(clock, 1), new Party(clock, 2)];
    const initiator = alice.dial();
    const hello = alice.hello(initiator);
    clock.now += 250;
    expect(hex(alice.hello(initiator))).toBe(hex(hello));
    bob.receive(hello);
    const { reply } = bob.receive(hello)!;
    const result = answer(initiator, reply, clock.now)!;
    expect(result.handshakeRttMs).toBeUndefined();
    expect(bob.responder.confirm(result.sessionId, clock.now)!.handshakeRttMs).toBeUndefined();
  });

  it('drops the id of a session it has, and starts over when a HELLO is due', () => {
    const clock = new VirtualClock();
    const [alice, bob] = [new Party(clock, 1), new Party(clock, 2)];
    let taken = true;
    const initiator = alice.dial({ isSessionIdTaken: () => taken });
    const { reply } = bob.receive(alice.hello(initiator))!;
    expect(answer(initiator, reply, clock.now)).toBeUndefined();
    expect(initiator.pollTimeout()).toBe(clock.now + 250);
    clock.now += 250;
    const second = initiator.pollTransmit(clock.now, clock.wall)!;
    expect(second.fresh).toBe(true);
    taken = false;
    expect(answer(initiator, bob.receive(second.datagram)!.reply, clock.now)).toBeDefined();
  });

  it('pins its peer: another one does not end the attempt, and is the reason when time is up', () => {
    const clock = new VirtualClock();
    const [alice, bob, mallory] = [new Party(clock, 1), new Party(clock, 2), new Party(clock, 3)];
    const initiator = alice.dial({ peerNodeId: bob.nodeId });
    const hello = alice.hello(initiator);
    expect(answer(initiator, mallory.receive(hello)!.reply, clock.now)).toBeUndefined();
    expect(hex(answer(initiator, bob.receive(hello)!.reply, clock.now)!.peerNodeId)).toBe(hex(bob.nodeId));

    const vain = alice.dial({ peerNodeId: bob.nodeId });
    answer(vain, mallory.receive(alice.hello(vain))!.reply, clock.now);
    clock.now += 10_000;
    expect(vain.pollTransmit(clock.now, clock.wall)).toBeUndefined();
    expect(vain.failure).toBe('ERR_STT_PEER_MISMATCH');
  });

  it('forgets its keys when it is abandoned', () => {
    const clock = new VirtualClock();
    const [alice, bob] = [new Party(clock, 1), new Party(clock, 2)];
    const initiator = alice.dial();
    const { reply } = bob.receive(alice.hello(initiator))!;
    initiator.abandon();
    expect(initiator.pollTimeout()).toBe(Infinity);
    expect(answer(initiator, reply, clock.now)).toBeUndefined();
  });
});

describe('A responder', () => {
  it('answers a repeated HELLO from memory, to where it first came from, 32 times at most', () => {
    const clock = new VirtualClock();
    const [alice, bob] = [new Party(clock, 1), new Party(clock, 2)];
    const hello = alice.hello();
    const first = bob.receive(hello)!;
    const elsewhere = ADDRESS.map((octet, i) => (i === 15 ? octet ^ 1 : octet));
    for (let i = 1; i < 32; i++) {
      const again = bob.receive(hello, elsewhere)!;
      expect(hex(again.reply)).toBe(hex(first.reply));
      expect(hex(again.replyAddress)).toBe(hex(ADDRESS));
      expect(again.opened).toBeUndefined();
    }
    expect(bob.receive(hello)).toBeUndefined();
    expect(bob.responder.stats()).toMatchObject({ answered: 1, repeated: 31, replayed: 1 });
  });

  it('gives up a half-open session after 15 s', () => {
    const clock = new VirtualClock();
    const [alice, bob] = [new Party(clock, 1), new Party(clock, 2)];
    const { opened } = bob.receive(alice.hello())!;
    // It asks for its load meanwhile.
    const end = clock.now + 15_000;
    while (bob.responder.pollTimeout() < end) bob.responder.expire((clock.now = bob.responder.pollTimeout()));
    expect(bob.responder.pollTimeout()).toBe(end);
    clock.now = end - 1;
    bob.responder.expire(clock.now);
    expect(bob.responder.halfOpen).toBe(1);
    clock.now += 1;
    bob.responder.expire(clock.now);
    expect(bob.responder.halfOpen).toBe(0);
    expect(bob.discarded.map(hex)).toEqual([hex(opened!.sessionId)]);
    expect(bob.responder.confirm(opened!.sessionId, clock.now)).toBeUndefined();
    clock.now += 150_000;
    bob.responder.expire(clock.now);
    expect(bob.responder.pollTimeout()).toBe(Infinity);
  });

  it('avoids the ids it has', () => {
    const clock = new VirtualClock();
    const asked: Uint8Array[] = [];
    const isSessionIdTaken = (id: Uint8Array): boolean => asked.push(id) < 3;
    const { opened } = new Party(clock, 2, { isSessionIdTaken }).receive(new Party(clock, 1).hello())!;
    expect(asked.length).toBe(3);
    expect(hex(opened!.sessionId)).toBe(hex(asked[2]!));
  });

  it('does not begin with parameters that no answer can carry', () => {
    const refused = (change: object): (() => Party) => {
      const params = { ...DEFAULT_TRANSPORT_PARAMS, ...change };
      return () => new Party(new VirtualClock(), 2, { params });
    };
    expect(refused({ maxUdpPayload: 1199 })).toThrow(STTConfigError);
    expect(refused({ capabilities: new Array(32).fill('x'.repeat(32)) })).toThrow(STTConfigError);
    expect(refused({ capabilities: new Array(16).fill('x'.repeat(32)) })).not.toThrow();
  });

  it('is silent to those it does not authorize', () => {
    const clock = new VirtualClock();
    const [alice, carol] = [new Party(clock, 1), new Party(clock, 3)];
    const bob = new Party(clock, 2, { authorize: (id) => hex(id) === hex(alice.nodeId) });
    expect(bob.receive(carol.hello())).toBeUndefined();
    expect(bob.receive(alice.hello())).toBeDefined();
  });

  it('limits the half-open sessions of one host and of all, evicting only those that had their time', () => {
    const clock = new VirtualClock();
    const alice = new Party(clock, 1);
    const bob = new Party(clock, 2, { limits: { maxHalfOpen: 3, maxHalfOpenPerHost: 2 } });
    const host = (number: number): Uint8Array => ADDRESS.map((octet, i) => (i === 15 ? number : octet));
    const first = alice.hello();
    const oldest = bob.receive(first, host(1))!.opened!;
    expect(bob.receive(alice.hello(), host(1))).toBeDefined();
    const third = alice.hello();
    expect(bob.receive(third, host(1))).toBeUndefined();
    expect(bob.receive(alice.hello(), host(2))).toBeDefined();
    expect(bob.receive(alice.hello(), host(3))).toBeUndefined();
    expect(bob.responder.stats().limited).toBe(2);
    clock.now += 1000;
    // Silence was no refusal: the same HELLO is taken when there is room.
    expect(bob.receive(third, host(1))).toBeDefined();
    expect(bob.discarded.map(hex)).toEqual([hex(oldest.sessionId)]);
    expect(bob.receive(alice.hello(), host(3))).toBeDefined();
    expect(bob.responder.halfOpen).toBe(3);
    // What was evicted is forgotten, so that its initiator may come again.
    clock.now += 1000;
    expect(bob.receive(first, host(1))!.opened).toBeDefined();
  });
});

describe('The timestamps of HELLOs', () => {
  it('increase whatever the wall clock does', () => {
    const clock = new HelloClock();
    expect([EPOCH, EPOCH, EPOCH - 5, EPOCH + 0.5, EPOCH + 10].map((wall) => clock.next(wall) - EPOCH)).toEqual([
      0, 1, 2, 3, 10,
    ]);
  });
});

describe('A HELLO', () => {
  it('shows nothing of its sender', () => {
    const clock = new VirtualClock();
    const alice = new Party(clock, 1);
    const hello = alice.hello();
    expect(Buffer.from(hello).includes(Buffer.from(alice.nodeId))).toBe(false);
    expect(handshakeParts(hello, 0, hello.length)!.mac2.every((octet) => octet === 0)).toBe(true);
  });
});
