import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KEM_CIPHERTEXT, KEM_PUBLIC_KEY, type KemAnswer } from '../../../lib/ports/kem.js';
import type { PhaseKeys } from '../../../lib/ports/packet-engine.js';
import type { RotationHost } from '../../../lib/ports/rotation-host.js';
import { KeyRatchet, type RatchetLink } from '../../../lib/protocol/key-ratchet.js';
import { nodeProvider } from '../../../lib/stc/node-provider.js';
import { modelRuns } from '../../support/runs.js';

interface Packet {
  readonly pn: number;
  readonly phase: number;
  readonly acks: number;
  /** Messages so far of which no acknowledgement has come. */
  readonly from: number;
  readonly messages: readonly (readonly [type: number, body: Uint8Array])[];
}

const PTO = 40;
const hash = (octets: Uint8Array): Uint8Array => createHash('sha256').update(octets).digest();
const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

/** One side: its ratchet, and what a packet engine and the recovery of losses do around it. */
class Side implements RotationHost, RatchetLink {
  readonly ratchet: KeyRatchet;
  readonly ptoMs = PTO;
  largestAcked = -1;
  // Keys, by phase.
  readonly sealing = new Map<number, string>();
  readonly opening = new Map<number, string>();
  sendPhase = 0;
  receivePhase = 0;
  old = -1;
  nextPn = 0;
  received = -1;
  taken = 0;
  readonly messages: (readonly [number, Uint8Array])[] = [];
  messagesAcked = 0;
  /** Messages that were in each packet, to know what its acknowledgement says. */
  readonly carried: number[] = [];
  questions: (() => number)[] = [];
  rotated: number[] = [];
  readonly #name: string;

  constructor(role: 'initiator' | 'responder', clock: { now: number }, firstAfterMs: number) {
    this.#name = role;
    this.ratchet = new KeyRatchet({
      role,
      now: clock.now,
      crypto: nodeProvider,
      sessionKey: new Uint8Array(32).fill(7),
      policy: { firstAfterMs, afterOctets: 2 ** 40, afterPackets: 40, afterMs: 5_000 },
      sealLimit: 2 ** 23,
      host: this,
      link: this,
    });
    this.clock = clock;
  }
  readonly clock: { now: number };

  // RotationHost: a stand-in for ML-KEM, since what counts here is the order of things.
  generate(question: number): void {
    const publicKey = new Uint8Array(KEM_PUBLIC_KEY).fill(question);
    publicKey.set(hash(Buffer.from(`${this.#name} ${question}`)));
    this.#ask(question, { kind: 'generated', publicKey, privateKey: publicKey.slice() });
  }
  encapsulate(question: number, publicKey: Uint8Array): void {
    const ciphertext = new Uint8Array(KEM_CIPHERTEXT).fill(question);
    this.#ask(question, { kind: 'encapsulated', ciphertext, secret: secretOf(publicKey, ciphertext) });
  }
  decapsulate(question: number, privateKey: unknown, ciphertext: Uint8Array): void {
    this.#ask(question, { kind: 'decapsulated', secret: secretOf(privateKey as Uint8Array, ciphertext) });
  }
  #ask(question: number, answer: KemAnswer): void {
    this.questions.push(() => this.ratchet.onKemAnswer(this.clock.now, question, answer));
  }
  installNextKeys(send: PhaseKeys, receive: PhaseKeys): void {
    expect(this.opening.has(this.receivePhase + 1), 'keys that wait are never replaced').toBe(false);
    this.sealing.set(this.ratchet.phase + 1, hex(send.key) + hex(send.iv));
    this.opening.set(this.receivePhase + 1, hex(receive.key) + hex(receive.iv));
  }
  switchSendKeys(): void {
    this.sendPhase++;
    expect(this.sealing.has(this.sendPhase)).toBe(true);
  }
  dropOldKeys(): void {
    this.old = -1;
  }
  onKeysRotated(phase: number): void {
    this.rotated.push(phase);
  }
  onRotationFailed(why: string): void {
    throw new Error(why);
  }

  // RatchetLink
  sendMessage(type: number, body: Uint8Array): boolean {
    this.messages.push([type, body]);
    return true;
  }
  onSendPhase(): number {
    return this.nextPn;
  }
  requestPing(): void {}

  seal(): Packet {
    this.carried[this.nextPn] = this.messages.length;
    return {
      pn: this.nextPn++,
      phase: this.sendPhase,
      acks: this.received,
      from: this.messagesAcked,
      messages: this.messages.slice(this.messagesAcked),
    };
  }

  /** As a packet engine and a session do it; false if there is no key. */
  open(packet: Packet): boolean {
    const { pn, phase } = packet;
    if (phase === this.receivePhase + 1 && this.opening.has(phase)) {
      this.old = this.receivePhase;
      this.receivePhase = phase;
    } else if (phase !== this.receivePhase && phase !== this.old) return false;
    const { ratchet } = this;
    ratchet.now = this.clock.now;
    ratchet.onPacketPhase(this.clock.now, phase);
    this.received = Math.max(this.received, pn);
    this.largestAcked = Math.max(this.largestAcked, packet.acks);
    if (packet.acks >= 0) this.messagesAcked = Math.max(this.messagesAcked, this.carried[packet.acks]!);
    for (let i = this.taken - packet.from; i < packet.messages.length; i++) {
      const [type, body] = packet.messages[i]!;
      this.taken++;
      expect(ratchet.onControlMessage(type, body, 0, body.length), ratchet.why).toBe(0);
    }
    ratchet.onBatchEnd(this.clock.now);
    return true;
  }

  step(packets: number): void {
    const { now } = this.clock;
    if (now >= this.ratchet.deadline) this.ratchet.onTimeout(now);
    this.ratchet.poll(now, packets, 0);
  }
}

function secretOf(publicKey: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  return Uint8Array.from(hash(Buffer.concat([publicKey, ciphertext])));
}

/** Two sides that never break a rule, and a network that does what it likes. */
class World {
  readonly clock = { now: 1_000 };
  readonly sides: readonly [Side, Side];
  /** In flight to either side. */
  readonly flying: [Packet[], Packet[]] = [[], []];
  unopened = 0;

  constructor(firstAfterMs = Infinity) {
    this.sides = [new Side('initiator', this.clock, firstAfterMs), new Side('responder', this.clock, firstAfterMs)];
  }

  send(from: 0 | 1): void {
    this.flying[1 - from]!.push(this.sides[from].seal());
  }

  deliver(to: 0 | 1, index: number): void {
    const queue = this.flying[to];
    if (queue.length === 0) return;
    const [packet] = queue.splice(index % queue.length, 1);
    if (!this.sides[to].open(packet!)) this.unopened++;
    this.check();
  }

  answer(side: 0 | 1): void {
    const answer = this.sides[side].questions.shift();
    if (answer !== undefined) expect(answer(), this.sides[side].ratchet.why).toBe(0);
    this.check();
  }

  /** Everything arrives, until both sides rest. */
  settle(): void {
    for (let round = 0; round < 60; round++) {
      this.clock.now += 10;
      for (const side of [0, 1] as const) {
        this.sides[side].step(0);
        while (this.sides[side].questions.length > 0) this.answer(side);
        this.send(side);
      }
      for (const side of [0, 1] as const) while (this.flying[side].length > 0) this.deliver(side, 0);
    }
  }

  check(): void {
    const [a, b] = this.sides;
    expect(Math.abs(a.ratchet.phase - b.ratchet.phase)).toBeLessThan(2);
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      // What one side seals with, the other has, or will have by what is on its way.
      const key = other.opening.get(one.sendPhase);
      if (one.sendPhase > 0) expect(key).toBe(one.sealing.get(one.sendPhase));
      expect(one.sendPhase).toBeGreaterThanOrEqual(other.receivePhase);
    }
  }
}

const side = fc.constantFrom(0 as const, 1 as const);
const operations = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant('send' as const), side, fc.constant(0)) },
  { weight: 6, arbitrary: fc.tuple(fc.constant('deliver' as const), side, fc.nat(20)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('lose' as const), side, fc.nat(20)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('request' as const), side, fc.constant(0)) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('answer' as const), side, fc.constant(0)) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('wait' as const), side, fc.nat(200)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('wear' as const), side, fc.constant(0)) },
);

describe('the key ratchet', () => {
  it('of two sides agrees on every key, whatever the network does and whoever asks when', () => {
    let rotations = 0;
    let both = 0;
    fc.assert(
      fc.property(fc.boolean(), fc.array(operations, { maxLength: 200, size: 'max' }), (first, list) => {
        const world = new World(first ? 100 : Infinity);
        const [a, b] = world.sides;
        for (const [operation, at, value] of list) {
          const queue = world.flying[at];
          if (operation === 'send') world.send(at);
          else if (operation === 'deliver') world.deliver(at, value);
          else if (operation === 'lose') queue.splice(value % (queue.length + 1), 1);
          else if (operation === 'request') world.sides[at].ratchet.request();
          else if (operation === 'answer') world.answer(at);
          else if (operation === 'wear') world.sides[at].step(40);
          else {
            world.clock.now += value;
            world.sides[0].step(0);
            world.sides[1].step(0);
          }
          if (a.ratchet.isRotating && b.ratchet.isRotating) both++;
        }
        world.settle();
        expect(a.ratchet.isRotating || b.ratchet.isRotating).toBe(false);
        expect(a.ratchet.phase).toBe(b.ratchet.phase);
        expect([a.sendPhase, b.sendPhase, a.receivePhase, b.receivePhase]).toEqual(new Array(4).fill(a.ratchet.phase));
        expect([a.old, b.old]).toEqual([-1, -1]);
        // Every phase was told once, in order; one may be told for by the next.
        for (const { rotated, ratchet } of [a, b]) {
          expect(rotated).toEqual(Array.from({ length: ratchet.phase }, (_, i) => i + 1));
          expect(ratchet.ownRotations + ratchet.peerRotations).toBe(ratchet.phase);
        }
        expect(a.ratchet.ownRotations).toBe(b.ratchet.peerRotations);
        rotations += a.ratchet.phase;
      }),
      { numRuns: modelRuns(500) },
    );
    // The schedules do what they are for.
    expect(rotations).toBeGreaterThan(300);
    expect(both).toBeGreaterThan(300);
  });

  it('never leaves a packet unopened that arrives before the old keys are dropped', () => {
    const world = new World();
    const [a, b] = world.sides;
    a.ratchet.request();
    a.step(0);
    world.answer(0);
    world.send(0);
    world.send(1);
    const late = world.flying[0].pop()!;
    world.deliver(1, 0);
    world.answer(1);
    world.send(1);
    world.deliver(0, 0);
    world.answer(0);
    world.send(0);
    world.deliver(1, 0);
    world.send(1);
    world.deliver(0, 0);
    expect([a.receivePhase, b.receivePhase]).toEqual([1, 1]);
    expect(late.phase).toBe(0);
    expect(a.open(late)).toBe(true);
    world.clock.now += 3 * PTO;
    a.step(0);
    expect(a.open(late)).toBe(false);
  });
});
