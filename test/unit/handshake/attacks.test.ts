import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HandshakeType } from '../../../lib/constants.js';
import type { HandshakeInitiator } from '../../../lib/protocol/handshake/handshake-initiator.js';
import { helloMac1 } from '../../../lib/protocol/handshake/macs.js';
import { freshKeyPair, ixpsk0, startNoise } from '../../../lib/protocol/handshake/noise-ixpsk0.js';
import { SeenHellos } from '../../../lib/protocol/handshake/seen-hellos.js';
import {
  assembleHello,
  assembleSealedReply,
  encodeVersionList,
  handshakeParts,
  handshakePayloadAt,
  PADDED_HELLO_PAYLOAD,
  parseVersionList,
  sealedReplyParts,
} from '../../../lib/wire/handshake-messages.js';
import { serializeStt, type SttDict } from '../../../lib/wire/serialization.js';
import { hex, provider } from '../../support/crypto-providers.js';
import { ADDRESS, answer, EPOCH, Party, VirtualClock } from '../../support/handshake-party.js';

const flipped = (octets: Uint8Array, at: number): Uint8Array =>
  octets.map((octet, i) => (i === at ? octet ^ 0x40 : octet));
const pair = (): { clock: VirtualClock; alice: Party; bob: Party } => {
  const clock = new VirtualClock();
  return { clock, alice: new Party(clock, 1), bob: new Party(clock, 2) };
};

/** Bob gives no session, and at most a COOKIE_REPLY, which is smaller. */
function expectNoSession(bob: Party, hello: Uint8Array): void {
  const { halfOpen } = bob.responder;
  const outcome = bob.receive(hello);
  expect(outcome?.opened).toBeUndefined();
  expect(bob.responder.halfOpen).toBe(halfOpen);
  if (outcome === undefined) return;
  expect(outcome.reply[handshakePayloadAt(outcome.reply, 0, outcome.reply.length)]).toBe(HandshakeType.COOKIE_REPLY);
  expect(outcome.reply.length).toBeLessThan(100);
}

/** A HELLO of a holder of the seed and of alice's identity with any content, padded. */
function helloWith(
  from: Party,
  change: (dict: Record<string, unknown>) => void,
  size = PADDED_HELLO_PAYLOAD,
): Uint8Array {
  const dict: Record<string, unknown> = { v: 1, versions: [1], ts: from.clock.wall, suites: [1, 2], params: {} };
  change(dict);
  const bare = serializeStt({ ...dict, pad: new Uint8Array(0) } as SttDict).length;
  const payload = serializeStt({ ...dict, pad: new Uint8Array(Math.max(0, size - bare)) } as SttDict);
  const id = provider.randomBytes(8);
  const noise = startNoise(provider, ixpsk0(provider), true, id, from.seeds[0]!.psk, from.staticKeys);
  const hello = assembleHello(id, noise.write(payload, freshKeyPair(provider))!);
  const parts = handshakeParts(hello, 0, hello.length)!;
  parts.mac1.set(helloMac1(provider, from.seeds[0]!, provider.sha256(parts.handshakeId, parts.authenticated)));
  return hello;
}

describe('A recorded HELLO', () => {
  it('replayed while its session is half open gets the stored answer, sent to where it first came from', () => {
    const { alice, bob } = pair();
    const hello = alice.hello();
    const { reply } = bob.receive(hello)!;
    const elsewhere = ADDRESS.map((octet, i) => (i === 15 ? octet ^ 1 : octet));
    const again = bob.receive(hello, elsewhere)!;
    expect(again.opened).toBeUndefined();
    expect(hex(again.reply)).toBe(hex(reply));
    expect(hex(again.replyAddress)).toBe(hex(ADDRESS));
    expect(again.reply.length).toBeLessThanOrEqual(hello.length);
  });

  it('replayed after its session was confirmed yields no session, at once and for ever', () => {
    const { clock, alice, bob } = pair();
    const hello = alice.hello();
    const { opened } = bob.receive(hello)!;
    expect(bob.responder.confirm(opened!.sessionId, clock.now)).toBeDefined();
    for (const later of [0, 1000, 148_000]) {
      clock.now += later;
      bob.responder.expire(clock.now);
      expect(bob.receive(hello)).toBeUndefined();
    }
    // Forgotten, but of a time at which this peer is known to have been already.
    for (const later of [1000, 10_000, 600_000, 86_400_000]) {
      clock.now += later;
      bob.responder.expire(clock.now);
      expectNoSession(bob, hello);
    }
    expect(bob.responder.halfOpen).toBe(0);
  });

  it('that was never confirmed is worthless after ten minutes, too', () => {
    const { clock, alice, bob } = pair();
    const hello = alice.hello();
    bob.receive(hello);
    clock.now += 600_000;
    bob.responder.expire(clock.now);
    expectNoSession(bob, hello);
  });

  it('replayed after a restart yields one half-open session at most, which nobody can confirm, and nothing after a minute', () => {
    const { clock, alice, bob } = pair();
    const hello = alice.hello();
    bob.responder.confirm(bob.receive(hello)!.opened!.sessionId, clock.now);
    bob.restart();
    clock.now += 1000;
    expect(bob.receive(hello)!.reply.length).toBeLessThanOrEqual(hello.length);
    expect(bob.responder.halfOpen).toBe(1);
    clock.now += 15_000;
    bob.responder.expire(clock.now);
    expect(bob.responder.halfOpen).toBe(0);
    expect(bob.receive(hello)).toBeUndefined();
    bob.restart();
    clock.now += 44_000;
    expectNoSession(bob, hello);
  });

  it('made before the newest confirmed one counts only if it is ten seconds younger than that at most', () => {
    const { clock, alice, bob } = pair();
    const [old, late] = [alice.hello(), alice.hello()];
    clock.now += 10_000;
    const newest = bob.receive(alice.hello())!;
    bob.responder.confirm(newest.opened!.sessionId, clock.now);
    // `old` is ten seconds older than the newest, `late` a microsecond less.
    expectNoSession(bob, old);
    expect(bob.receive(late)!.opened).toBeDefined();
  });
});

describe('A HELLO that a holder of the seed forged under the key of somebody else', () => {
  it('with a timestamp far in the future does not keep the owner of the key out', () => {
    const { clock, alice, bob } = pair();
    const mallory = new Party(clock, 3);
    const { privateKey } = mallory.staticKeys;
    const own = provider.keyPair(privateKey);
    const staticKeys = { privateKey, publicKey: alice.nodeId, agree: own.agree.bind(own), destroy: () => {} };
    const forged = mallory.dial({ staticKeys });
    const future = EPOCH + 10 ** 15;
    const reply = bob.receive(forged.pollTransmit(clock.now, future)!.datagram)!;
    expect(hex(reply.opened!.peerNodeId)).toBe(hex(alice.nodeId));
    // Mallory cannot compute the keys, so nothing is ever confirmed.
    expect(answer(forged, reply.reply, clock.now)).toBeUndefined();

    const initiator = alice.dial();
    const result = answer(initiator, bob.receive(alice.hello(initiator))!.reply, clock.now)!;
    expect(bob.responder.confirm(result.sessionId, clock.now)).toBeDefined();
  });
});

describe('A spoofed HELLO', () => {
  it('never draws more octets than it brings, whatever it is answered with', () => {
    const { clock, alice, bob } = pair();
    const hello = alice.hello();
    const sent: number[] = [];
    const spoof = (datagram: Uint8Array): void => {
      const outcome = bob.receive(datagram);
      expect(datagram.length).toBe(1200);
      expect(outcome!.reply.length).toBeLessThanOrEqual(1200);
      sent.push(outcome!.reply[handshakePayloadAt(outcome!.reply, 0, outcome!.reply.length)]!);
    };
    for (let i = 0; i < 32; i++) spoof(hello);
    // From then on silence.
    expect(bob.receive(hello)).toBeUndefined();
    spoof(helloWith(alice, (dict) => Object.assign(dict, { v: 2, versions: [2] })));
    spoof(helloWith(alice, (dict) => Object.assign(dict, { ts: clock.wall - 3_600_000_000 })));
    bob.responder.forcedLoad = true;
    spoof(alice.hello());
    const { HELLO_RESP, COOKIE_REPLY, VERSIONS } = HandshakeType;
    expect(sent).toEqual([...new Array<number>(32).fill(HELLO_RESP), VERSIONS, COOKIE_REPLY, COOKIE_REPLY]);
  });
});

describe('A HELLO_RESP that is lost, late or doubled, and a HELLO that is doubled or comes after the first data', () => {
  it('make one session', () => {
    const { clock, alice, bob } = pair();
    const initiator = alice.dial();
    const hello = alice.hello(initiator).slice();
    // The first answer is late, the second one lost, the third arrives.
    const late = bob.receive(hello)!;
    expect(bob.receive(hello)!.opened).toBeUndefined();
    clock.now += 250;
    const again = alice.hello(initiator);
    expect(hex(again)).toBe(hex(hello));
    const { reply } = bob.receive(again)!;
    const result = answer(initiator, reply, clock.now)!;
    expect(answer(initiator, late.reply, clock.now)).toBeUndefined();
    expect(answer(initiator, reply, clock.now)).toBeUndefined();
    expect(bob.responder.confirm(result.sessionId, clock.now)).toBeDefined();
    expect(bob.responder.confirm(result.sessionId, clock.now)).toBeUndefined();
    for (let i = 0; i < 3; i++) expect(bob.receive(hello)).toBeUndefined();
    expect([bob.responder.halfOpen, bob.responder.stats().answered]).toEqual([0, 1]);
  });
});

describe('While an initiator waits', () => {
  it('changed, cut and foreign answers are dropped, counted, and the good one still counts', () => {
    const { clock, alice, bob } = pair();
    const initiator = alice.dial();
    const hello = alice.hello(initiator);
    const { reply, opened } = bob.receive(hello)!;
    let sent = 0;
    const drop = (datagram: Uint8Array): void => {
      expect(answer(initiator, datagram, clock.now)).toBeUndefined();
      sent++;
    };
    for (let at = 0; at < reply.length; at++) drop(flipped(reply, at));
    for (const length of [0, 1, 34, 35, 36, 200, reply.length - 1]) drop(reply.subarray(0, length));
    drop(Uint8Array.of(...reply, 0));
    // Of another handshake, by the same responder.
    drop(bob.receive(alice.hello())!.reply);
    const { handshakeId } = handshakeParts(hello, 0, hello.length)!;
    drop(
      assembleSealedReply(HandshakeType.COOKIE_REPLY, handshakeId, provider.randomBytes(24), provider.randomBytes(32)),
    );
    drop(assembleSealedReply(HandshakeType.VERSIONS, handshakeId, provider.randomBytes(24), provider.randomBytes(40)));
    expect(initiator.dropped).toBe(sent);
    expect(initiator.failure).toBeUndefined();
    expect(hex(answer(initiator, reply, clock.now)!.sessionKey)).toBe(hex(opened!.sessionKey));
  });

  it('its own message, reflected, is dropped', () => {
    const { clock, alice } = pair();
    const initiator = alice.dial();
    const hello = alice.hello(initiator);
    expect(answer(initiator, hello, clock.now)).toBeUndefined();
    expect(alice.receive(hello)).toBeUndefined();
    expect(alice.responder.stats().refused).toBe(1);
  });

  it('a process of the same identity does not answer (Selfie)', () => {
    const { clock, alice } = pair();
    expect(new Party(clock, 1).receive(alice.hello())).toBeUndefined();
  });

  it('a HELLO_RESP is nothing to a responder', () => {
    const { alice, bob } = pair();
    const { reply } = bob.receive(alice.hello())!;
    expect(alice.receive(reply)).toBeUndefined();
    expect(alice.responder.handleHello(reply, 0, reply.length, 0, ADDRESS, 0, EPOCH)).toBeUndefined();
  });
});

describe('Versions', () => {
  it('that a responder does not speak are answered by those it does, sealed, at most ten times a second', () => {
    const { clock, alice, bob } = pair();
    const newer = (): Uint8Array => helloWith(alice, (dict) => Object.assign(dict, { v: 2, versions: [2, 3] }));
    const hello = newer();
    const { reply, opened } = bob.receive(hello)!;
    expect(opened).toBeUndefined();
    expect(reply.length).toBeLessThan(hello.length);
    const parts = sealedReplyParts(reply, 0, reply.length)!;
    const { mac1, handshakeId } = handshakeParts(hello, 0, hello.length)!;
    expect(hex(parts.handshakeId)).toBe(hex(handshakeId));
    const list = provider.openXaes256Gcm(bob.seeds[0]!.cookieKey, parts.nonce, mac1, parts.sealed)!;
    expect(parseVersionList(list)).toEqual([1]);
    expect(bob.receive(newer())).toBeUndefined();
    clock.now += 100;
    expect(bob.receive(newer())).toBeDefined();
  });

  it('below a common one are a downgrade: silence', () => {
    const { alice, bob } = pair();
    expect(bob.receive(helloWith(alice, (dict) => Object.assign(dict, { v: 0, versions: [0, 1] })))).toBeUndefined();
    expect(bob.receive(helloWith(alice, (dict) => Object.assign(dict, { v: 1, versions: [1, 2] })))).toBeDefined();
  });

  it('that a peer speaks instead are the reason of the failure when time is up, if they are authentic', () => {
    const { clock, alice, bob } = pair();
    const fail = (initiator: HandshakeInitiator, key: Uint8Array, versions: readonly number[]): unknown => {
      const parts = handshakeParts(alice.hello(initiator), 0, 1200)!;
      const nonce = provider.randomBytes(24);
      const sealed = provider.sealXaes256Gcm(key, nonce, parts.mac1, encodeVersionList(versions));
      const reply = assembleSealedReply(HandshakeType.VERSIONS, parts.handshakeId, nonce, sealed);
      expect(answer(initiator, reply, clock.now)).toBeUndefined();
      clock.now += 10_000;
      initiator.pollTransmit(clock.now, clock.wall);
      return initiator.failure;
    };
    const { cookieKey } = bob.seeds[0]!;
    expect(fail(alice.dial(), cookieKey, [2, 3])).toBe('ERR_STT_VERSION');
    expect(fail(alice.dial(), cookieKey, [1, 2])).toBe('ERR_STT_HANDSHAKE_TIMEOUT');
    expect(fail(alice.dial(), provider.randomBytes(32), [2])).toBe('ERR_STT_HANDSHAKE_TIMEOUT');
  });
});

describe('An authenticated HELLO', () => {
  const huge = 2 ** 53 - 1;
  it.each<[string, Record<string, unknown>]>([
    ['a parameter of another type', { params: { max_streams: 'many' } }],
    ['a fraction', { params: { max_ack_delay_ms: 1.5 } }],
    ['a FLOAT64 where INT is due', { params: { max_streams: 1.25 } }],
    ['a negative number', { params: { initial_max_data: -1 } }],
    ['a huge number', { params: { initial_max_data: 2n ** 63n } }],
    ['too many streams', { params: { max_streams: 2 ** 31 } }],
    ['too small datagrams', { params: { max_udp_payload: 1199 } }],
    ['too large messages', { params: { max_datagram: 65_508 } }],
    ['too short an idle timeout', { params: { idle_timeout_ms: 999 } }],
    ['too many capabilities', { params: { capabilities: new Array(33).fill('') } }],
    ['parameters that are a list', { params: [] }],
    ['no suite that is known', { suites: [77] }],
    ['suites that are no list', { suites: 1 }],
    ['a timestamp that is no number', { ts: 'now' }],
    ['a negative timestamp', { ts: -1 }],
  ])('with %s meets silence', (_, change) => {
    const { alice, bob } = pair();
    expect(bob.receive(helloWith(alice, (dict) => Object.assign(dict, change)))).toBeUndefined();
    expect(bob.responder.stats().refused).toBe(1);
    expect(bob.responder.halfOpen).toBe(0);
  });

  it('with the largest parameters, or unknown ones, is taken, and nothing is allocated for them', () => {
    const { alice, bob } = pair();
    const params = { initial_max_data: huge, initial_max_stream_data: huge, max_streams: 2 ** 31 - 1, unknown: [1] };
    const { opened } = bob.receive(helloWith(alice, (dict) => Object.assign(dict, { params })))!;
    expect(opened!.peerParams).toMatchObject({ initialMaxData: huge, maxStreams: 2 ** 31 - 1 });
  });

  it('of another length than 1,200 octets is dropped', () => {
    const { alice, bob } = pair();
    const nothing = (): void => {};
    for (const by of [1, 100])
      expect(bob.receive(helloWith(alice, nothing, PADDED_HELLO_PAYLOAD - by))).toBeUndefined();
    expect(bob.receive(helloWith(alice, nothing))).toBeDefined();
  });

  it('from a clock that is a minute behind or more gets no session from those who do not know it', () => {
    const { clock, alice, bob } = pair();
    clock.skewMicros = -60_000_000;
    const hello = alice.hello();
    clock.skewMicros = 0;
    expectNoSession(bob, hello);
    expect(bob.responder.stats().unproven).toBe(1);
  });
});

describe('Whatever comes in', () => {
  it('of no length, one octet or 65,507 octets is dropped by both sides', () => {
    const { clock, alice, bob } = pair();
    const initiator = alice.dial();
    alice.hello(initiator);
    for (const length of [0, 1, 2, 36, 1199, 1200, 1201, 65_507]) {
      const datagram = provider.randomBytes(length);
      for (const octets of [datagram, datagram.map((octet, i) => [0x53, 0x54][i] ?? octet)]) {
        expect(answer(initiator, octets, clock.now)).toBeUndefined();
        expect(bob.responder.handleHello(octets, 0, length, 0, ADDRESS, clock.now, clock.wall)).toBeUndefined();
      }
    }
  });

  it('never throws, and never makes a session (mac2 apart: a bad one counts as none)', () => {
    const { clock, alice, bob } = pair();
    const initiator = alice.dial();
    const hello = alice.hello(initiator);
    const { reply } = new Party(clock, 2).receive(hello)!;
    const mutated = fc
      .tuple(
        fc.constantFrom(hello, reply),
        fc.array(fc.tuple(fc.nat(1183), fc.integer({ min: 1, max: 255 })), { minLength: 1 }),
      )
      .map(([datagram, changes]) => {
        const copy = datagram.slice();
        for (const [at, by] of changes) copy[at]! ^= by;
        return hex(copy) === hex(datagram) ? flipped(copy, 40) : copy;
      });
    fc.assert(
      fc.property(mutated, (octets) => {
        expect(answer(initiator, octets, clock.now)).toBeUndefined();
        expect(bob.receive(octets)).toBeUndefined();
      }),
      { numRuns: 200 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1300 }), fc.integer({ min: -1, max: 1 }), (octets, seed) => {
        expect(answer(initiator, octets, clock.now)).toBeUndefined();
        const { now, wall } = clock;
        expect(bob.responder.handleHello(octets, 0, octets.length, seed, ADDRESS, now, wall)).toBeUndefined();
      }),
      { numRuns: 100 },
    );
    expect(bob.responder.halfOpen).toBe(0);
  });
});

describe('The memory of HELLOs', () => {
  const S = 1_000_000;

  it('holds as many as it may, and lets go early only those whose timestamp stops them', () => {
    const seen = new SeenHellos(3);
    expect(seen.remember('a', 'p', 100 * S, 0)).toBe(true);
    expect(seen.remember('b', 'p', 111 * S, 1)).toBe(true);
    expect(seen.remember('c', 'q', 100 * S, 2)).toBe(true);
    expect(seen.remember('d', 'q', 101 * S, 3)).toBe(false);
    seen.confirm('b');
    // p's floor is now 101 s: `a` is covered by it, `b` is not.
    expect(seen.remember('d', 'q', 101 * S, 4)).toBe(true);
    expect([seen.has('a'), seen.has('b'), seen.size]).toEqual([false, true, 3]);
    expect(seen.remember('e', 'q', 102 * S, 5)).toBe(false);
    expect(seen.remember('e', 'q', 102 * S, 150_005)).toBe(true);
    expect(seen.size).toBe(1);
    expect(seen.nextExpiry()).toBeGreaterThan(300_005);
  });

  it('raises the floor of a peer when a confirmed one leaves', () => {
    const seen = new SeenHellos(3);
    expect(seen.floor('p', 1000 * S)).toBe(940 * S);
    seen.remember('a', 'p', 1000 * S, 0);
    seen.confirm('a');
    expect(seen.floor('p', 5000 * S)).toBe(990 * S);
    seen.expire(150_000);
    expect(seen.has('a')).toBe(false);
    expect(seen.floor('p', 0)).toBe(1000 * S);
  });

  it('knows as many peers as it may, and forgets the one confirmed longest ago', () => {
    const seen = new SeenHellos(2);
    for (const [i, peer] of ['p', 'q', 'p', 'r'].entries()) {
      seen.remember(`${i}`, peer, (100 + i) * S, i * 200_000);
      seen.confirm(`${i}`);
    }
    expect(seen.floor('q', 1000 * S)).toBe(940 * S);
    expect(seen.floor('p', 1000 * S)).toBe(102 * S);
  });
});
