import { describe, expect, it } from 'vitest';
import { hex } from '../../support/crypto-providers.js';
import { answer, Party, VirtualClock } from '../../support/handshake-party.js';

/** Small, seeded: which datagrams a network loses, doubles, changes and delays. */
class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = seed * 2_654_435_761 + 1;
  }
  /** 0..1 */
  next(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#state / 2 ** 32;
  }
}

interface Network {
  readonly loss: number;
  /** Datagrams lost in a row. */
  readonly burst: number;
  readonly corruption: number;
  readonly duplication: number;
  readonly jitterMs: number;
}

/**
 * One initiator and one responder on a virtual clock. A confirmation stands for the initiator's first packet, which it
 * sends again until it arrives, as it would by its PTO.
 */
function connect(
  seed: number,
  network: Network,
  isUnderLoad = false,
): { initiated: string[]; confirmed: string[]; elapsed: number } {
  const dice = new Dice(seed);
  const clock = new VirtualClock();
  const [alice, bob] = [new Party(clock, 1), new Party(clock, 2)];
  bob.responder.forcedLoad = isUnderLoad;
  const initiator = alice.dial();
  const queue: { at: number; run: () => void }[] = [];
  const initiated: string[] = [];
  const confirmed: string[] = [];
  let losing = 0;

  const send = (datagram: Uint8Array, deliver: (octets: Uint8Array) => void): void => {
    if (losing === 0 && dice.next() < network.loss / network.burst) losing = network.burst;
    if (losing > 0) {
      losing--;
      return;
    }
    const copies = dice.next() < network.duplication ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const octets = datagram.slice();
      if (dice.next() < network.corruption) octets[Math.floor(dice.next() * octets.length)]! ^= 0x10;
      queue.push({ at: clock.now + 20 + dice.next() * network.jitterMs, run: () => deliver(octets) });
    }
  };
  const firstPacket = (sessionId: Uint8Array): void => {
    if (confirmed.length > 0) return;
    send(sessionId, (octets) => {
      const result = bob.responder.confirm(octets, clock.now);
      if (result !== undefined) confirmed.push(hex(result.sessionKey)!);
    });
    queue.push({ at: clock.now + 300, run: () => firstPacket(sessionId) });
  };
  const onAnswer = (octets: Uint8Array): void => {
    const result = answer(initiator, octets, clock.now);
    if (result === undefined) return;
    initiated.push(hex(result.sessionKey)!);
    firstPacket(result.sessionId);
  };
  const onHello = (octets: Uint8Array): void => {
    const outcome = bob.receive(octets);
    if (outcome !== undefined) send(outcome.reply, onAnswer);
  };

  const started = clock.now;
  while (initiator.failure === undefined) {
    queue.sort((a, b) => a.at - b.at);
    clock.now = Math.min(initiator.pollTimeout(), queue[0]?.at ?? Infinity);
    if (clock.now === Infinity) break;
    if (queue.length > 0 && queue[0]!.at <= clock.now) queue.shift()!.run();
    const hello = initiator.pollTransmit(clock.now, clock.wall);
    if (hello !== undefined) send(hello.datagram, onHello);
  }
  return { initiated, confirmed, elapsed: clock.now - started };
}

const CLEAN: Network = { loss: 0, burst: 1, corruption: 0, duplication: 0, jitterMs: 0 };

describe('Fifty handshakes', () => {
  it.each<[string, Partial<Network>]>([
    ['over a clean network', {}],
    ['with 30 % loss in bursts of three', { loss: 0.3, burst: 3 }],
    ['with 30 % corruption', { corruption: 0.3 }],
    ['with every datagram doubled', { duplication: 1 }],
    ['with datagrams out of order', { duplication: 0.5, jitterMs: 1500 }],
    ['with all of that', { loss: 0.15, burst: 2, corruption: 0.1, duplication: 0.3, jitterMs: 400 }],
  ])('%s make one session each, also with a responder that asks for cookies', (_, change) => {
    for (const isUnderLoad of [false, true]) {
      for (let seed = 1; seed <= 50; seed++) {
        const { initiated, confirmed } = connect(seed, { ...CLEAN, ...change }, isUnderLoad);
        expect(initiated.length, `seed ${seed}, under load: ${isUnderLoad}`).toBe(1);
        expect(confirmed, `seed ${seed}, under load: ${isUnderLoad}`).toEqual(initiated);
      }
    }
  });
});

describe('Two nodes that connect to each other at once', () => {
  it('have two sessions', () => {
    const clock = new VirtualClock();
    const [alice, bob] = [new Party(clock, 1), new Party(clock, 2)];
    const [there, back] = [alice.dial(), bob.dial()];
    const [helloThere, helloBack] = [alice.hello(there), bob.hello(back)];
    const [toAlice, toBob] = [bob.receive(helloThere)!.reply, alice.receive(helloBack)!.reply];
    const [first, second] = [answer(there, toAlice, clock.now)!, answer(back, toBob, clock.now)!];
    expect(bob.responder.confirm(first.sessionId, clock.now)).toBeDefined();
    expect(alice.responder.confirm(second.sessionId, clock.now)).toBeDefined();
    expect(hex(first.sessionId)).not.toBe(hex(second.sessionId));
  });
});
