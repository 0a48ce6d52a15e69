import fc from 'fast-check';
import { Suite } from '../../lib/ports/crypto.js';
import type { PacketEngine, SessionKeys } from '../../lib/ports/packet-engine.js';
import { connectionAddress, encodeAddress } from '../../lib/wire/address.js';
import { handshakeFrame, helloDatagram, prove, sealRaw, sessionKeys, streamFrame } from './engine-harness.js';

/*
 * Random and hostile traffic for packet engines: a scenario is a list of steps, drawn by fast-check, from which the same
 * datagrams and calls come every time it is run.
 */

export const SESSIONS = 3;
export const ADDRESSES = [
  ...['192.0.2.1', '2001:db8::1', 'fe80::1%3'].map((host) => encodeAddress(host, 4000)!),
  connectionAddress('192.0.2.1', 4000, 3),
];
export const MAC1_KEYS = [1, 2, 3].map((octet) => new Uint8Array(32).fill(octet));
export const COOKIE_KEYS = [1, 2, 3].map((octet) => new Uint8Array(32).fill(0x40 + octet));
const SECRETS = [1, 2, 3].map((octet) => new Uint8Array(32).fill(0x80 + octet));
const HANDSHAKE_IDS = [1, 2, 3].map((octet) => new Uint8Array(8).fill(octet));
/** Low enough to be reached in a scenario. */
const FORGERY_LIMIT = 2;
/** Packet numbers left out before each phase, for packets that come late. */
const GAP = 4;

export type Step =
  | {
      kind: 'run';
      session: number;
      stream: number;
      lengths: number[];
      fin: boolean;
      jump: number;
      skip: number;
      address: number;
      ecn: number;
    }
  | { kind: 'mixed'; session: number; stream: number; length: number; fin: boolean; rest: Uint8Array; address: number }
  | { kind: 'frames'; session: number; payload: Uint8Array; jump: number; address: number; ecn: number }
  | { kind: 'bent'; session: number; length: number; at: number; value: number; cut: number; address: number }
  | { kind: 'first'; session: number; first: number; payload: Uint8Array; address: number }
  /** Keys of the next phase are given to the engine, used by the sender, or come into use for what the engine seals; the old ones dropped. */
  | { kind: 'rotate'; session: number; give: boolean; use: boolean; seal: boolean; drop: boolean }
  /** A packet of the phases around that of the sender, with a number from before or after it began to use its own. */
  | { kind: 'phase'; session: number; by: number; before: number; payload: Uint8Array; address: number }
  | { kind: 'replay'; which: number; address: number }
  | { kind: 'damage'; which: number; at: number; bits: number; cut: number; more: number; address: number }
  | { kind: 'hello'; id: number; seed: number; address: number; secret: number; provenFor: number }
  /** Cookies are asked for under so many secrets; 0: no more. */
  | { kind: 'guard'; secrets: number }
  | { kind: 'answer'; id: number; type: number; length: number; address: number }
  | { kind: 'garbage'; octets: Uint8Array; address: number }
  | { kind: 'deliver' }
  | { kind: 'expect'; id: number; on: boolean }
  | { kind: 'seeds'; count: number }
  | { kind: 'session'; session: number; open: boolean }
  | { kind: 'path'; address: number; open: boolean };

const session = fc.nat(SESSIONS - 1);
const address = fc.nat(ADDRESSES.length - 1);
const stream = fc.constantFrom(1, 2, 0xffffffff);
/** How far a packet number lies ahead: mostly next, sometimes at the edges of the window and of the 32 bits on the wire. */
const jump = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      1,
      2,
      31,
      32,
      127,
      128,
      1_000,
      16_383,
      16_384,
      16_385,
      2 ** 30,
      2 ** 31 - 1,
      -1,
      -2,
      -16_384,
    ),
  },
);
const octets = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength });

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('run' as const),
      session,
      stream,
      lengths: fc.array(fc.oneof(fc.nat(40), fc.constantFrom(0, 1, 1_155, 1_400)), { minLength: 1, maxLength: 6 }),
      fin: fc.boolean(),
      jump,
      skip: fc.constantFrom(0, 0, 0, 1, -1, 2 ** 33),
      address,
      ecn: fc.nat(3),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('mixed' as const),
      session,
      stream,
      length: fc.nat(40),
      fin: fc.boolean(),
      rest: octets(40),
      address,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('frames' as const),
      session,
      payload: octets(60),
      jump,
      address,
      ecn: fc.nat(3),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('bent' as const),
      session,
      length: fc.nat(20),
      at: fc.nat(15),
      value: fc.nat(255),
      cut: fc.nat(3),
      address,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('first' as const),
      session,
      first: fc.integer({ min: 0x80, max: 0xff }),
      payload: octets(30),
      address,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('rotate' as const),
      session,
      give: fc.boolean(),
      use: fc.boolean(),
      seal: fc.boolean(),
      drop: fc.constantFrom(false, false, true),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('phase' as const),
      session,
      by: fc.integer({ min: -2, max: 2 }),
      before: fc.integer({ min: 0, max: GAP }),
      payload: octets(30),
      address,
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('replay' as const), which: fc.nat(), address }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('damage' as const),
      which: fc.nat(),
      at: fc.nat(),
      bits: fc.nat(255),
      cut: fc.nat(40),
      more: fc.nat(2),
      address,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('hello' as const),
      id: fc.nat(2),
      seed: fc.nat(3),
      address,
      secret: fc.nat(3),
      provenFor: address,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('guard' as const), secrets: fc.nat(2) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      id: fc.nat(2),
      type: fc.nat(6),
      length: fc.oneof(fc.nat(80), fc.constantFrom(1_165, 1_166, 1_167, 1_164, 2_000)),
      address,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('garbage' as const),
      octets: fc.oneof(octets(80), octets(1_300)),
      address,
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('deliver' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('expect' as const), id: fc.nat(2), on: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('seeds' as const), count: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('session' as const), session, open: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('path' as const), address, open: fc.boolean() }) },
);

export const scenario: fc.Arbitrary<Step[]> = fc.array(step, { minLength: 1, maxLength: 60, size: 'max' });

export type Received = readonly [datagram: Uint8Array, address: Uint8Array, ecn?: number];

/** What a player of scenarios does with an engine. */
export interface Stage {
  readonly engine: PacketEngine;
  /** All datagrams in one receive batch. */
  receive(batch: readonly Received[]): void;
}

const keysOf = (number: number): [SessionKeys, SessionKeys] =>
  sessionKeys(number, number === 1 ? Suite.CHACHA20_POLY1305 : Suite.AES_256_GCM, FORGERY_LIMIT);

/** Keys of either end of a session in a phase. */
function phaseOf(number: number, phase: number): [SessionKeys, SessionKeys] {
  const [own, peer] = keysOf(number);
  if (phase === 0) return [own, peer];
  const [nextOwn, nextPeer] = sessionKeys(number + 1000 * phase);
  const withHp = (keys: SessionKeys, next: SessionKeys): SessionKeys => ({
    ...keys,
    send: { ...next.send, hp: keys.send.hp },
    receive: { ...next.receive, hp: keys.receive.hp },
  });
  return [withHp(own, nextOwn), withHp(peer, nextPeer)];
}

/** Plays a scenario to an engine. Slots and paths it was given are told by `slots` and `paths`, newest last. */
export function play(steps: readonly Step[], stage: Stage): { slots: Map<number, number>; paths: Map<number, number> } {
  const { engine } = stage;
  const slots = new Map<number, number>();
  const paths = new Map<number, number>();
  const openSlots = new Map<number, number>();
  const openPaths = new Map<number, number>();
  const traffic = new Traffic();
  /** Phase of the newest keys that the engine has, by session. */
  const phases = new Array<number>(SESSIONS).fill(0);
  let batch: Received[] = [];
  const deliver = (): void => {
    stage.receive(batch);
    batch = [];
  };
  const setSession = (number: number, open: boolean): void => {
    const slot = openSlots.get(number);
    if (open && slot === undefined) {
      const given = engine.openSession(keysOf(number)[1]);
      openSlots.set(number, given);
      slots.set(given, number);
      phases[number] = 0;
    } else if (!open && slot !== undefined) {
      engine.closeSession(slot);
      openSlots.delete(number);
    }
  };
  const rotate = (step: Extract<Step, { kind: 'rotate' }>): void => {
    const slot = openSlots.get(step.session) ?? 1_000;
    const [, { send, receive }] = phaseOf(step.session, phases[step.session]! + 1);
    if (step.give && engine.installNextKeys(slot, send, receive)) phases[step.session]!++;
    if (step.use && traffic.phase(step.session) < phases[step.session]!) traffic.turn(step.session);
    if (step.seal) engine.switchSendKeys(slot);
    if (step.drop) engine.dropOldKeys(slot);
  };
  const setPath = (number: number, open: boolean): void => {
    const path = openPaths.get(number);
    if (open && path === undefined) {
      const given = engine.openPath(ADDRESSES[number]!);
      openPaths.set(number, given);
      paths.set(given, number);
    } else if (!open && path !== undefined) {
      engine.closePath(path);
      openPaths.delete(number);
    }
  };
  engine.setMac1Keys(MAC1_KEYS.slice(0, 2));
  for (let number = 0; number < SESSIONS; number++) setSession(number, true);
  setPath(0, true);
  setPath(2, true);
  for (const next of steps) {
    if (next.kind === 'deliver') {
      deliver();
    } else if (next.kind === 'expect') {
      deliver();
      if (next.on) engine.expectHandshake(HANDSHAKE_IDS[next.id]!);
      else engine.forgetHandshake(HANDSHAKE_IDS[next.id]!);
    } else if (next.kind === 'seeds') {
      deliver();
      engine.setMac1Keys(MAC1_KEYS.slice(0, next.count));
    } else if (next.kind === 'guard') {
      deliver();
      engine.demandCookies(COOKIE_KEYS.slice(0, 2), SECRETS.slice(0, next.secrets));
    } else if (next.kind === 'rotate') {
      deliver();
      rotate(next);
    } else if (next.kind === 'session') {
      deliver();
      setSession(next.session, next.open);
    } else if (next.kind === 'path') {
      deliver();
      setPath(next.address, next.open);
    } else {
      const ecn = 'ecn' in next ? next.ecn : 0;
      for (const datagram of traffic.datagrams(next)) batch.push([datagram, ADDRESSES[next.address]!, ecn]);
    }
  }
  deliver();
  return { slots, paths };
}

type TrafficStep = Exclude<Step, { kind: 'deliver' | 'expect' | 'seeds' | 'guard' | 'rotate' | 'session' | 'path' }>;

/** Turns steps into datagrams, remembering packet numbers, offsets and what was sent. */
class Traffic {
  readonly #packetNumbers = new Array<number>(SESSIONS).fill(0);
  readonly #phases = new Array<number>(SESSIONS).fill(0);
  /** The first packet number of the phase. */
  readonly #begins = new Array<number>(SESSIONS).fill(0);
  readonly #offsets = new Map<number, number>();
  readonly #sent: Uint8Array[] = [];

  phase(session: number): number {
    return this.#phases[session]!;
  }

  /** Seals in the next phase from now on. */
  turn(session: number): void {
    this.#phases[session]!++;
    this.#begins[session] = this.#packetNumbers[session]! += GAP;
  }

  datagrams(step: TrafficStep): Uint8Array[] {
    const made = this.#make(step);
    this.#sent.push(...made);
    return made;
  }

  #make(step: TrafficStep): Uint8Array[] {
    switch (step.kind) {
      case 'run':
        this.#move(step.session, step.jump);
        return step.lengths.map((length, i) => {
          const fin = step.fin && i === step.lengths.length - 1;
          return this.#seal(step.session, this.#frame(step.session, step.stream, length, fin, step.skip));
        });
      case 'mixed': {
        const frame = this.#frame(step.session, step.stream, step.length, step.fin, 0);
        return [this.#seal(step.session, Uint8Array.of(...frame, ...step.rest))];
      }
      case 'frames':
        this.#move(step.session, step.jump);
        return [this.#seal(step.session, step.payload)];
      case 'bent': {
        const frame = this.#frame(step.session, 1, step.length, false, 0);
        frame[step.at] = step.value;
        return [this.#seal(step.session, frame.subarray(0, frame.length - step.cut))];
      }
      case 'first':
        return [this.#seal(step.session, step.payload, step.first)];
      case 'phase': {
        const phase = Math.max(0, this.#phases[step.session]! + step.by);
        const begin = this.#begins[step.session]!;
        const pn = step.before === 0 ? this.#packetNumbers[step.session]!++ : Math.max(0, begin - step.before);
        return [sealRaw(phaseOf(step.session, phase)[0], 0x80 | (phase & 1), pn, step.payload)];
      }
      case 'replay':
        return this.#sent.length === 0 ? [] : [this.#sent[step.which % this.#sent.length]!];
      case 'damage': {
        if (this.#sent.length === 0) return [];
        const original = this.#sent[step.which % this.#sent.length]!;
        const damaged = Uint8Array.of(...original, ...new Uint8Array(step.more).fill(step.bits));
        if (damaged.length > 0) damaged[step.at % damaged.length]! ^= step.bits;
        return [step.cut > 30 ? damaged.subarray(0, step.cut) : damaged];
      }
      case 'hello': {
        const hello = helloDatagram(HANDSHAKE_IDS[step.id]!, MAC1_KEYS[step.seed]);
        const secret = SECRETS[step.secret];
        return [secret === undefined ? hello : prove(hello, ADDRESSES[step.provenFor]!, secret)];
      }
      case 'answer': {
        const payload = new Uint8Array(step.length).fill(7);
        if (payload.length > 0) payload[0] = step.type;
        return [handshakeFrame(HANDSHAKE_IDS[step.id]!, payload)];
      }
      case 'garbage':
        return [step.octets];
    }
  }

  #move(session: number, jump: number): void {
    this.#packetNumbers[session] = Math.max(0, this.#packetNumbers[session]! + jump);
  }

  #seal(session: number, payload: Uint8Array, first = 0x80 | (this.#phases[session]! & 1)): Uint8Array {
    return sealRaw(phaseOf(session, this.#phases[session]!)[0], first, this.#packetNumbers[session]!++, payload);
  }

  #frame(session: number, stream: number, length: number, fin: boolean, skip: number): Uint8Array {
    const key = session * 8 + (stream & 3);
    const offset = Math.max(0, (this.#offsets.get(key) ?? 0) + skip);
    this.#offsets.set(key, offset + length);
    const payload = Uint8Array.from({ length }, (_, i) => (offset + i) & 0xff);
    return streamFrame(stream, offset, payload, fin ? 4 : 0);
  }
}
