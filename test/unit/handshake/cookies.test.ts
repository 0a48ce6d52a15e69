import { describe, expect, it } from 'vitest';
import { HandshakeType } from '../../../lib/constants.js';
import type { HandshakeInitiator } from '../../../lib/protocol/handshake/handshake-initiator.js';
import type { HelloOutcome } from '../../../lib/protocol/handshake/handshake-responder.js';
import { CookieSecrets } from '../../../lib/protocol/handshake/cookie-secrets.js';
import { HandshakeBudget, sourceOf } from '../../../lib/protocol/handshake/handshake-budget.js';
import { TokenBucket } from '../../../lib/protocol/handshake/token-bucket.js';
import type { CryptoProvider, KeyPair } from '../../../lib/ports/crypto.js';
import { encodeAddress } from '../../../lib/wire/address.js';
import { encodeCookieReply } from '../../../lib/wire/cookies.js';
import { handshakeParts, handshakePayloadAt } from '../../../lib/wire/handshake-messages.js';
import { describeProviders, hex, provider } from '../../support/crypto-providers.js';
import { connectionAddress } from '../../../lib/wire/address.js';
import { ADDRESS, answer, Party, VirtualClock } from '../../support/handshake-party.js';

const ELSEWHERE = encodeAddress('192.0.2.99', 4433)!;

/** A crypto provider that counts the agreements of keys. */
function counting(crypto: CryptoProvider): { crypto: CryptoProvider; agreements: () => number } {
  let agreements = 0;
  const keyPair = (privateKey: Uint8Array): KeyPair => {
    const made = crypto.keyPair(privateKey);
    return {
      privateKey: made.privateKey,
      publicKey: made.publicKey,
      agree: (key) => {
        agreements++;
        return made.agree(key);
      },
      destroy: () => made.destroy(),
    };
  };
  return { crypto: { ...crypto, keyPair }, agreements: () => agreements };
}

function scene(crypto = provider) {
  const clock = new VirtualClock();
  const alice = new Party(clock, 1, { crypto });
  const told: (readonly Uint8Array[])[] = [];
  const counted = counting(crypto);
  const bob = new Party(clock, 2, { crypto: counted.crypto, onLoad: (secrets) => told.push(secrets) });
  bob.responder.forcedLoad = true;
  return { clock, alice, bob, told, agreements: counted.agreements };
}

function expectCookie(outcome: HelloOutcome | undefined): Uint8Array {
  expect(outcome?.open).toBeUndefined();
  const { reply } = outcome!;
  expect(reply[handshakePayloadAt(reply, 0, reply.length)]).toBe(HandshakeType.COOKIE_REPLY);
  expect(reply.length).toBeLessThan(100);
  return reply;
}

/** What the initiator sends now, if anything. */
const due = (initiator: HandshakeInitiator, clock: VirtualClock): Uint8Array | undefined =>
  initiator.pollTimeout() <= clock.now ? initiator.pollTransmit(clock.now, clock.wall)?.datagram.slice() : undefined;

describeProviders('A responder under load', (crypto) => {
  it('asks for a cookie before any agreement of keys, and answers the same HELLO with the proof', () => {
    const { clock, alice, bob, agreements } = scene(crypto);
    const initiator = alice.dial();
    const hello = alice.hello(initiator).slice();
    const cookie = expectCookie(bob.receive(hello));
    expect([agreements(), bob.responder.halfOpen]).toEqual([0, 0]);
    clock.now += 30;
    expect(answer(initiator, cookie, clock.now)).toBeUndefined();
    expect(initiator.dropped).toBe(0);
    const proven = due(initiator, clock)!;
    // The same HELLO but for mac2.
    expect(hex(proven.subarray(0, 1184))).toBe(hex(hello.subarray(0, 1184)));
    const outcome = bob.receive(proven)!;
    expect(outcome.opened).toBeDefined();
    clock.now += 30;
    const result = answer(initiator, outcome.reply, clock.now)!;
    expect(hex(result.sessionKey)).toBe(hex(outcome.opened!.sessionKey));
    expect(result.handshakeRttMs).toBe(30);
    expect(bob.responder.confirm(result.sessionId, clock.now)).toBeDefined();
    expect(bob.responder.stats()).toMatchObject({ answered: 1, unproven: 1, refused: 0 });
  });
});

describe('A cookie', () => {
  it('that was forged, or given to another address, is no proof: at most a new cookie comes back', () => {
    const { clock, alice, bob, agreements } = scene();
    const initiator = alice.dial();
    const hello = alice.hello(initiator).slice();
    answer(initiator, expectCookie(bob.receive(hello)), clock.now);
    const proven = due(initiator, clock)!;
    expectCookie(bob.receive(proven, ELSEWHERE));
    const otherPort = encodeAddress('192.0.2.1', 4434)!;
    expectCookie(bob.receive(proven, otherPort));
    for (let at = 1184; at < 1200; at++) {
      const forged = proven.slice();
      forged[at]! ^= 1;
      expectCookie(bob.receive(forged));
    }
    expect([agreements(), bob.responder.halfOpen]).toEqual([0, 0]);
    expect(bob.receive(proven)!.opened).toBeDefined();
  });

  it('expires: it counts for two minutes at least and for two and a half at most', () => {
    for (const [age, counts] of [
      [29_000, true],
      [119_000, true],
      [149_999, true],
      [150_000, false],
      [10_000_000, false],
    ] as const) {
      const { clock, alice, bob } = scene();
      const initiator = alice.dial({ timeoutMs: 2 ** 31 });
      // The secret comes into force with the first cookie.
      answer(initiator, expectCookie(bob.receive(alice.hello(initiator))), clock.now);
      clock.now += age;
      const hello = due(initiator, clock)!;
      if (counts) expect(bob.receive(hello)!.opened, `${age}`).toBeDefined();
      else expectCookie(bob.receive(hello));
    }
  });

  it('forged or changed on its way to an initiator is dropped and counted, and the attempt goes on', () => {
    const { clock, alice, bob } = scene();
    const initiator = alice.dial();
    const hello = alice.hello(initiator).slice();
    const good = expectCookie(bob.receive(hello));
    const { handshakeId, mac1 } = handshakeParts(hello, 0, hello.length)!;
    const bad = [
      encodeCookieReply(provider, provider.randomBytes(32), handshakeId, mac1, provider.randomBytes(16)),
      encodeCookieReply(provider, bob.seeds[0]!.cookieKey, handshakeId, provider.randomBytes(16), new Uint8Array(16)),
      encodeCookieReply(provider, bob.seeds[0]!.cookieKey, handshakeId, mac1, new Uint8Array(15)),
      encodeCookieReply(provider, bob.seeds[0]!.cookieKey, provider.randomBytes(8), mac1, new Uint8Array(16)),
      ...Array.from(good, (_, at) => good.map((octet, i) => (i === at ? octet ^ 1 : octet))),
      good.subarray(0, -1),
    ];
    for (const reply of bad) answer(initiator, reply, clock.now);
    expect(initiator.dropped).toBe(bad.length);
    expect(due(initiator, clock)).toBeUndefined();
    answer(initiator, good, clock.now);
    expect(bob.receive(due(initiator, clock)!)!.opened).toBeDefined();
  });

  it('makes an initiator send no more than every 250 ms, however many come', () => {
    const { clock, alice, bob } = scene();
    const initiator = alice.dial();
    const hello = alice.hello(initiator).slice();
    const reply = expectCookie(bob.receive(hello));
    let sent = 0;
    for (const end = clock.now + 2000; clock.now < end; clock.now++) {
      answer(initiator, reply, clock.now);
      if (due(initiator, clock) !== undefined) sent++;
    }
    expect(sent).toBeLessThanOrEqual(9);
    expect(sent).toBeGreaterThan(3);
  });

  it('is kept for the attempts that follow, whose first HELLO proves its address already', () => {
    const { clock, alice, bob } = scene();
    let kept: Uint8Array | undefined;
    const first = alice.dial({ onCookie: (cookie) => (kept = cookie) });
    answer(first, expectCookie(bob.receive(alice.hello(first))), clock.now);
    expect(bob.receive(alice.hello(alice.dial({ cookie: kept })))!.opened).toBeDefined();
    // Also in the fresh HELLO of an attempt that took long.
    clock.now += 5000;
    expect(bob.receive(due(first, clock)!)!.opened).toBeDefined();
  });

  it('lets a peer in whose clock was set back', () => {
    const { clock, alice, bob } = scene();
    bob.responder.forcedLoad = false;
    clock.skewMicros = -3_600_000_000;
    const initiator = alice.dial();
    const hello = alice.hello(initiator).slice();
    clock.skewMicros = 0;
    answer(initiator, expectCookie(bob.receive(hello)), clock.now);
    expect(bob.receive(due(initiator, clock)!)!.opened).toBeDefined();
    expect(bob.responder.stats()).toMatchObject({ unproven: 1, answered: 1 });
  });
});

describe('A HELLO flood with the seed from ever other addresses', () => {
  it('costs a bounded number of agreements and half-open sessions, and a real client still connects', () => {
    const { clock, alice, bob, told, agreements } = scene();
    bob.responder.forcedLoad = false;
    const mallory = new Party(clock, 3);
    for (let i = 0; i < 3000; i++) {
      clock.now += 0.05;
      const address = encodeAddress(`10.1.${i >> 8}.${i & 255}`, 1000)!;
      const outcome = bob.receive(mallory.hello(), address);
      expect(outcome?.reply.length ?? 0).toBeLessThanOrEqual(1200);
    }
    // Three agreements for each that was answered.
    expect(agreements()).toBeLessThanOrEqual(3 * 257);
    expect(bob.responder.halfOpen).toBeLessThanOrEqual(257);
    expect(bob.responder.stats().unproven).toBeGreaterThan(2700);
    expect(told.at(-1)).toHaveLength(1);

    const initiator = alice.dial();
    answer(initiator, expectCookie(bob.receive(alice.hello(initiator))), clock.now);
    const { reply } = bob.receive(due(initiator, clock)!)!;
    const result = answer(initiator, reply, clock.now)!;
    expect(bob.responder.confirm(result.sessionId, clock.now)).toBeDefined();

    // Over when the half-open sessions are.
    clock.now += 15_000;
    bob.responder.expire(clock.now);
    clock.now += 2000;
    bob.responder.expire(clock.now);
    expect(told.at(-1)).toHaveLength(0);
    expect(bob.responder.isUnderLoad(clock.now)).toBe(false);
    expect(bob.receive(alice.hello())!.opened).toBeDefined();
  });

  it('by recordings costs nothing but a look until they are too many, then cookies', () => {
    const { clock, alice, bob, agreements } = scene();
    bob.responder.forcedLoad = false;
    const hello = alice.hello().slice();
    bob.responder.confirm(bob.receive(hello)!.opened!.sessionId, clock.now);
    const before = agreements();
    for (let i = 0; i < 2000; i++) {
      clock.now += 0.01;
      expect(bob.receive(hello)).toBeUndefined();
    }
    expect(agreements()).toBe(before);
    expect(bob.responder.isUnderLoad(clock.now)).toBe(true);
  });
});

describe('Load', () => {
  it('is an event loop that is late by more than 50 ms while HELLOs come', () => {
    const { clock, alice, bob } = scene();
    bob.responder.forcedLoad = false;
    bob.receive(alice.hello());
    clock.now = bob.responder.pollTimeout() + 49;
    bob.responder.expire(clock.now);
    expect(bob.responder.isUnderLoad(clock.now)).toBe(false);
    bob.receive(alice.hello());
    clock.now = bob.responder.pollTimeout() + 51;
    bob.responder.expire(clock.now);
    expect(bob.responder.isUnderLoad(clock.now)).toBe(true);
    expectCookie(bob.receive(alice.hello()));
    // Timers that come in time end it after a second.
    const end = clock.now + 1000;
    while (clock.now < end) bob.responder.expire((clock.now = Math.min(end, bob.responder.pollTimeout())));
    expect(bob.responder.isUnderLoad(clock.now)).toBe(false);
  });

  it('lasts as long as HELLOs are refused before they come here as fast as would bring it about', () => {
    const clock = new VirtualClock();
    let refused = 5000;
    const told: number[] = [];
    const bob = new Party(clock, 2, {
      limits: { load: { helloRate: 4 } },
      onLoad: (secrets) => told.push(secrets.length),
      refusedBefore: () => refused,
    });
    const alice = new Party(clock, 1);
    bob.receive(alice.hello());
    bob.receive(alice.hello());
    expect(told).toEqual([1]);
    for (let second = 0; second < 5; second++) {
      clock.now += 1000;
      bob.responder.expire(clock.now);
      refused += 201;
    }
    expect(told).toEqual([1]);
    refused -= 1;
    clock.now += 1000;
    bob.responder.expire(clock.now);
    expect(told).toEqual([1, 0]);
    expect(bob.responder.isUnderLoad(clock.now)).toBe(false);
  });

  it('asks for no cookies where connections prove their addresses', () => {
    const { clock, alice } = scene();
    const bob = new Party(clock, 2);
    bob.responder.forcedLoad = true;
    expectCookie(bob.receive(alice.hello()));
    expect(bob.receive(alice.hello(), connectionAddress('192.0.2.1', 4433, 7))!.opened).toBeDefined();
  });

  it('that fills the memory of HELLOs lets those with a proof take the place of the oldest', () => {
    const clock = new VirtualClock();
    const alice = new Party(clock, 1);
    const bob = new Party(clock, 2, { limits: { maxSeen: 2 } });
    for (let i = 0; i < 2; i++) expect(bob.receive(alice.hello())!.opened).toBeDefined();
    const initiator = alice.dial();
    answer(initiator, expectCookie(bob.receive(alice.hello(initiator))), clock.now);
    expect(bob.receive(due(initiator, clock)!)!.opened).toBeDefined();
  });
});

describe('Budgets', () => {
  it('bound the handshakes of one source, whatever port or address of its IPv6 network it takes', () => {
    const clock = new VirtualClock();
    const alice = new Party(clock, 1);
    const limits = { maxHandshakeRate: 10, maxHandshakeRatePerSource: 3 };
    const bob = new Party(clock, 2, { limits });
    const answered = (host: string, port: number): boolean =>
      bob.receive(alice.hello(), encodeAddress(host, port)!) !== undefined;
    expect([1, 2, 3, 4].map((i) => answered(`2001:db8::${i}`, i))).toEqual([true, true, true, false]);
    expect(answered('2001:db8:0:1::1', 1)).toBe(true);
    expect([1, 2, 3, 4].map((i) => answered('192.0.2.7', i))).toEqual([true, true, true, false]);
    expect([1, 2, 3, 4].map((i) => answered(`192.0.2.${10 + i}`, 1))).toEqual([true, true, true, false]);
    expect(bob.responder.stats()).toMatchObject({ answered: 10, limited: 3 });
    clock.now += 1000;
    expect(answered('192.0.2.7', 1)).toBe(true);
  });

  it('remember a bounded number of sources', () => {
    const budget = new HandshakeBudget({ maxHandshakeRate: 1e9, maxHandshakeRatePerSource: 1 });
    for (let i = 0; i < 10_000; i++)
      budget.take(String.fromCharCode(...encodeAddress(`10.0.${i >> 8}.${i & 255}`, 0)!), 0);
    expect(budget.sources).toBe(4096);
    expect(sourceOf(String.fromCharCode(...ADDRESS.subarray(0, 16)))).toHaveLength(16);
  });

  it('refill evenly, up to their burst', () => {
    const bucket = new TokenBucket(10, 2);
    expect([0, 0, 0, 100, 100, 5000, 5000, 5000].map((now) => bucket.take(now))).toEqual([
      ...[true, true, false, true, false, true, true, false],
    ]);
  });
});

describe('The secrets behind cookies', () => {
  it('change every two minutes; the one before counts for 30 s more', () => {
    const secrets = new CookieSecrets(provider);
    const [first] = secrets.at(1000);
    expect(secrets.at(120_999)).toEqual([first]);
    const second = secrets.at(121_000);
    expect(second[1]).toBe(first);
    expect(secrets.at(150_999)).toBe(second);
    expect(secrets.at(151_000)).toEqual([second[0]]);
    // Nobody asked when it ended: its grace is over at the same time.
    const third = secrets.at(250_000);
    expect(third[1]).toBe(second[0]);
    expect(secrets.at(271_000)).toEqual([third[0]]);
    expect(secrets.at(1_000_000)).toHaveLength(1);
  });
});
