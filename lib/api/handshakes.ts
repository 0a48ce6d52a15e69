import { SESSION_ID_OCTETS } from '../constants.js';
import { sttError } from '../errors.js';
import type { CryptoProvider, Suite } from '../ports/crypto.js';
import { ADDRESS_OCTETS, NONE, type PacketEngine } from '../ports/packet-engine.js';
import type { Random } from '../ports/random.js';
import type { RemoteAddress } from '../ports/remote-address.js';
import { HandshakeInitiator, helloPayloads } from '../protocol/handshake/handshake-initiator.js';
import {
  HandshakeResponder,
  type ResponderConfig,
  type ResponderStats,
} from '../protocol/handshake/handshake-responder.js';
import type { HandshakeResult, KeyPair } from '../protocol/handshake/handshake-result.js';
import { HelloClock } from '../protocol/handshake/hello-clock.js';
import type { SeedKeys } from '../protocol/handshake/seed-keys.js';
import { preferredSuites } from '../protocol/handshake/suites.js';
import { deriveSessionKeys } from '../protocol/key-schedule.js';
import type { TransportParams } from '../wire/handshake-messages.js';
import type { HelloPayloads } from '../wire/handshake-payloads.js';
import { KeyPool, whenIdle } from './key-pool.js';

/** Magic, length of one or two octets, type and flags stand before the handshake id of an STTFrame (STT §3, §4). */
const ID_AT_SHORT = 5;
const ID_AT_LONG = 6;
/** Remote addresses of which the peer that answered last, or its cookie, is remembered. */
const MAX_KNOWN = 256;
/** A cookie is worth nothing after that (STT §4). */
const COOKIE_LIFE_MS = 120_000;

export interface HandshakesConfig {
  readonly crypto: CryptoProvider;
  readonly engine: PacketEngine;
  readonly random: Random;
  readonly seeds: readonly SeedKeys[];
  readonly staticKeys: KeyPair;
  /** Of the node, where it shakes hands in several places. */
  readonly helloClock?: HelloClock;
  readonly params: TransportParams;
  /** Connections of this carrier prove the addresses of peers by themselves. */
  readonly addressesProven?: boolean;
  /** True for an id that a session or half-open session has. */
  readonly isSessionIdTaken: (sessionId: Uint8Array) => boolean;
  /** False while the node takes no more sessions, of this address (ADDRESS_OCTETS): then HELLOs meet silence. */
  readonly hasRoom: (address: Uint8Array) => boolean;
  /** False: HELLOs in the name of this peer meet silence. */
  readonly isWelcome?: (peerNodeId: Uint8Array) => boolean;
  readonly limits?: ResponderConfig['limits'];
  /** Something has to be flushed, or a deadline moved. */
  readonly wake: () => void;
}

export interface DialOptions {
  readonly peerNodeId?: Uint8Array | undefined;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** A finished handshake with its place in the engine. */
export interface OpenedSlot {
  readonly result: HandshakeResult;
  readonly slot: number;
  readonly path: number;
  /** Remote address, ADDRESS_OCTETS. */
  readonly address: Uint8Array;
}

interface Attempt {
  readonly initiator: HandshakeInitiator;
  readonly remote: RemoteAddress;
  readonly timeoutMs: number;
  readonly settle: (outcome: OpenedSlot | Error) => void;
}

/** All handshakes of a node, both ways: from datagrams and deadlines to slots of the packet engine. */
export class Handshakes {
  readonly #config: HandshakesConfig;
  readonly #clock: HelloClock;
  readonly #keys: KeyPool;
  readonly #attempts = new Set<Attempt>();
  readonly #byId = new Map<string, Attempt>();
  readonly #halfOpen = new Map<number, OpenedSlot>();
  readonly #slotById = new Map<string, number>();
  /** Who answered last at an address, the longest unused first. */
  readonly #peers = new Map<string, Uint8Array>();
  /** Cookies that peers under load gave, the oldest first. */
  readonly #cookies = new Map<string, { readonly cookie: Uint8Array; readonly at: number }>();
  readonly #responder: HandshakeResponder;
  readonly #suites: readonly Suite[];
  readonly #payloads: HelloPayloads;

  constructor(config: HandshakesConfig) {
    this.#config = config;
    const { crypto, engine, seeds, staticKeys, params } = config;
    const cookieKeys = seeds.map((seed) => seed.cookieKey);
    this.#clock = config.helloClock ?? new HelloClock();
    this.#keys = new KeyPool(crypto);
    this.#suites = preferredSuites(crypto);
    this.#payloads = helloPayloads(params, this.#suites);
    this.#responder = new HandshakeResponder({
      crypto,
      ephemeralKeys: this.#keys.take,
      seeds,
      staticKeys,
      params,
      suites: this.#suites,
      isSessionIdTaken: (id) => this.#isTaken(id),
      onDiscard: (id) => this.#discard(id),
      authorize: config.isWelcome,
      limits: config.limits,
      addressesProven: config.addressesProven,
      refusedBefore: () => engine.stats().droppedUnproven,
      onLoad: (secrets) => {
        if (config.addressesProven !== true) engine.demandCookies(cookieKeys, secrets);
      },
    });
  }

  /** Sessions that wait for the initiator's first packet. */
  get halfOpen(): number {
    return this.#halfOpen.size;
  }

  /** What became of the HELLOs that came in. */
  get answers(): ResponderStats {
    return this.#responder.stats();
  }

  /** Attempts to reach a peer that are under way. */
  get dialing(): number {
    return this.#attempts.size;
  }

  /** Reaches a peer. Rejects with the reason of the signal, or with an STT error. */
  dial(remote: RemoteAddress, options: DialOptions): Promise<OpenedSlot> {
    const { crypto, seeds, staticKeys, params, random } = this.#config;
    const { peerNodeId, timeoutMs, signal } = options;
    const remoteKey = keyOf(remote.octets);
    return new Promise((resolve, reject) => {
      const initiator = new HandshakeInitiator({
        crypto,
        ephemeralKeys: this.#keys.take,
        seed: seeds[0]!,
        staticKeys,
        params,
        suites: this.#suites,
        payloads: this.#payloads,
        helloClock: this.#clock,
        random,
        isSessionIdTaken: (id) => this.#isTaken(id),
        peerNodeId,
        timeoutMs,
        cookie: this.#cookieOf(remoteKey, performance.now()),
        onCookie: (cookie) => {
          forgetOldest(this.#cookies, remoteKey);
          this.#cookies.set(remoteKey, { cookie, at: performance.now() });
        },
      });
      const onAbort = (): void => attempt.settle(signal!.reason as Error);
      const attempt: Attempt = {
        initiator,
        remote,
        timeoutMs,
        settle: (outcome) => {
          if (!this.#attempts.delete(attempt)) return;
          signal?.removeEventListener('abort', onAbort);
          for (const id of initiator.handshakeIds) {
            this.#byId.delete(keyOf(id));
            this.#config.engine.forgetHandshake(id);
          }
          initiator.abandon();
          if (outcome instanceof Error || !('slot' in outcome)) reject(outcome as Error);
          else resolve(outcome);
        },
      };
      this.#attempts.add(attempt);
      signal?.addEventListener('abort', onAbort, { once: true });
      const now = performance.now();
      initiator.start(now);
      this.#transmit(attempt, now);
      this.#config.wake();
      // A third of what the answer needs is done while it is on its way, if the peer is who it was the last time.
      const expected = peerNodeId ?? this.#peers.get(remoteKey);
      if (expected !== undefined) whenIdle(() => initiator.prepare(expected));
    });
  }

  /** Gives up every attempt and half-open session. */
  stop(error: Error): void {
    this.#keys.stop();
    for (const attempt of [...this.#attempts]) attempt.settle(error);
    for (const entry of this.#halfOpen.values()) this.release(entry);
    this.#halfOpen.clear();
    this.#slotById.clear();
  }

  /** Gives up what `dial` opened, before anything was sent on it: the responder forgets it in time. */
  release(entry: OpenedSlot): void {
    this.#config.engine.closeSession(entry.slot);
    this.#config.engine.closePath(entry.path);
  }

  /** A row of type HANDSHAKE. */
  onDatagram(seedIndex: number, bytes: Uint8Array, begin: number, length: number, now: number): void {
    const end = begin + length;
    if (seedIndex === NONE) this.#onAnswer(bytes, begin, end, now);
    else this.#onHello(seedIndex, bytes, begin, end, now);
  }

  /** The first packet of a half-open session opened. */
  confirm(slot: number, now: number): OpenedSlot | undefined {
    const entry = this.#halfOpen.get(slot);
    if (entry === undefined) return undefined;
    const result = this.#responder.confirm(entry.result.sessionId, now);
    if (result === undefined) return undefined;
    this.#halfOpen.delete(slot);
    this.#slotById.delete(keyOf(result.sessionId));
    return { ...entry, result };
  }

  nextTimeout(): number {
    let next = this.#responder.pollTimeout();
    for (const { initiator } of this.#attempts) next = Math.min(next, initiator.pollTimeout());
    return next;
  }

  onTimeout(now: number): void {
    this.#responder.expire(now);
    for (const attempt of [...this.#attempts]) {
      if (attempt.initiator.pollTimeout() <= now) this.#transmit(attempt, now);
    }
  }

  #transmit(attempt: Attempt, now: number): void {
    const { initiator, remote, timeoutMs } = attempt;
    const hello = initiator.pollTransmit(now, wallClockMicros());
    if (initiator.failure !== undefined) {
      attempt.settle(sttError(initiator.failure, { remote: remote.label, timeoutMs }));
      return;
    }
    if (hello === undefined) return;
    if (hello.fresh) {
      this.#byId.set(keyOf(hello.handshakeId), attempt);
      this.#config.engine.expectHandshake(hello.handshakeId);
    }
    this.#config.engine.sendDatagram(remote.octets, hello.datagram);
  }

  #onAnswer(bytes: Uint8Array, begin: number, end: number, now: number): void {
    const at = begin + (bytes[begin + 2]! < 0x80 ? ID_AT_SHORT : ID_AT_LONG);
    const attempt = this.#byId.get(keyOf(bytes.subarray(at, at + SESSION_ID_OCTETS)));
    if (attempt === undefined) return;
    const result = attempt.initiator.handleAnswer(bytes, begin, end, now);
    if (result === undefined) {
      // A cookie has it send at once.
      if (attempt.initiator.pollTimeout() <= now) this.#transmit(attempt, now);
      return;
    }
    const remoteKey = keyOf(attempt.remote.octets);
    forgetOldest(this.#peers, remoteKey);
    this.#peers.set(remoteKey, result.peerNodeId);
    const opened = this.#open(result, attempt.remote.octets);
    if (opened !== undefined) attempt.settle(opened);
  }

  #onHello(seedIndex: number, bytes: Uint8Array, begin: number, end: number, now: number): void {
    const address = bytes.subarray(begin - ADDRESS_OCTETS, begin);
    if (!this.#config.hasRoom(address)) return;
    const outcome = this.#responder.handleHello(bytes, begin, end, seedIndex, address, now, wallClockMicros());
    if (outcome === undefined) return;
    const { engine } = this.#config;
    engine.sendDatagram(outcome.replyAddress, outcome.reply);
    if (outcome.open === undefined) return;
    // The initiator has as much to compute: both do it at once.
    engine.flush();
    const opened = this.#open(outcome.open(), outcome.replyAddress);
    if (opened === undefined) return;
    this.#halfOpen.set(opened.slot, opened);
    this.#slotById.set(keyOf(opened.result.sessionId), opened.slot);
  }

  #open(result: HandshakeResult, address: Uint8Array): OpenedSlot | undefined {
    const { crypto, engine } = this.#config;
    const slot = engine.openSession(deriveSessionKeys(crypto, result));
    if (slot < 0) return undefined;
    return { result, slot, path: engine.openPath(address), address };
  }

  #cookieOf(remoteKey: string, now: number): Uint8Array | undefined {
    const known = this.#cookies.get(remoteKey);
    return known !== undefined && now < known.at + COOKIE_LIFE_MS ? known.cookie : undefined;
  }

  #isTaken(sessionId: Uint8Array): boolean {
    return this.#slotById.has(keyOf(sessionId)) || this.#config.isSessionIdTaken(sessionId);
  }

  #discard(sessionId: Uint8Array): void {
    const key = keyOf(sessionId);
    const slot = this.#slotById.get(key);
    if (slot === undefined) return;
    this.#slotById.delete(key);
    this.release(this.#halfOpen.get(slot)!);
    this.#halfOpen.delete(slot);
  }
}

/** Makes room for `key` as the newest of a bounded map. */
function forgetOldest(known: Map<string, unknown>, key: string): void {
  known.delete(key);
  if (known.size >= MAX_KNOWN) known.delete(known.keys().next().value!);
}

function keyOf(id: Uint8Array): string {
  return String.fromCharCode(...id);
}

/** Microseconds since the epoch; follows corrections of the clock, and `HelloClock` sees to it that no two are the same. */
function wallClockMicros(): number {
  return Date.now() * 1000;
}
