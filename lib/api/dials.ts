import { SESSION_ID_OCTETS } from '../constants.js';
import { sttError } from '../errors.js';
import type { CryptoProvider, Suite } from '../ports/crypto.js';
import { NONE, type PacketEngine } from '../ports/packet-engine.js';
import type { Random } from '../ports/random.js';
import type { RemoteAddress } from '../ports/remote-address.js';
import { HandshakeInitiator, helloContent } from '../protocol/handshake/handshake-initiator.js';
import type { HandshakeResult, KeyPair } from '../protocol/handshake/handshake-result.js';
import { HelloClock } from '../protocol/handshake/hello-clock.js';
import type { SeedKeys } from '../protocol/handshake/seed-keys.js';
import { preferredSuites } from '../protocol/handshake/suites.js';
import { deriveSessionKeys } from '../protocol/key-schedule.js';
import { PADDED_HELLO_PAYLOAD, type TransportParams } from '../wire/handshake-messages.js';
import { HelloPayloads } from '../wire/handshake-payloads.js';
import { KeyPool, whenIdle } from './key-pool.js';

/** Magic, length of one or two octets, type and flags stand before the handshake id of an STTFrame (STT §3, §4). */
const ID_AT_SHORT = 5;
const ID_AT_LONG = 6;
/** Remote addresses of which the peer that answered last, or its cookie, is remembered. */
const MAX_KNOWN = 256;
/** A cookie is worth nothing after that (STT §4). */
const COOKIE_LIFE_MS = 120_000;

export interface DialsConfig {
  readonly crypto: CryptoProvider;
  readonly engine: PacketEngine;
  readonly random: Random;
  readonly seeds: readonly SeedKeys[];
  readonly staticKeys: KeyPair;
  /** Of the node, where it shakes hands in several places. */
  readonly helloClock?: HelloClock;
  readonly params: TransportParams;
  /** True for an id that a session has. */
  readonly isSessionIdTaken: (sessionId: Uint8Array) => boolean;
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

/** Handshakes of a node with peers that it connects to: from datagrams and deadlines to slots of the packet engine. */
export class Dials {
  readonly #config: DialsConfig;
  readonly #clock: HelloClock;
  readonly #attempts = new Set<Attempt>();
  readonly #byId = new Map<string, Attempt>();
  /** Who answered last at an address, the longest unused first. */
  readonly #peers = new Map<string, Uint8Array>();
  /** Cookies that peers under load gave, the oldest first. */
  readonly #cookies = new Map<string, { readonly cookie: Uint8Array; readonly at: number }>();
  readonly #payloads: HelloPayloads;
  protected readonly keys: KeyPool;
  protected readonly suites: readonly Suite[];

  constructor(config: DialsConfig) {
    this.#config = config;
    this.#clock = config.helloClock ?? new HelloClock();
    this.keys = new KeyPool(config.crypto);
    this.suites = preferredSuites(config.crypto);
    this.#payloads = new HelloPayloads(helloContent(config.params, this.suites), PADDED_HELLO_PAYLOAD);
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
        ephemeralKeys: this.keys.take,
        seed: seeds[0]!,
        staticKeys,
        params,
        suites: this.suites,
        payloads: this.#payloads,
        helloClock: this.#clock,
        random,
        isSessionIdTaken: (id) => this.isTaken(id),
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

  /** Gives up every attempt. */
  stop(error: Error): void {
    this.keys.stop();
    for (const attempt of [...this.#attempts]) attempt.settle(error);
  }

  /** Gives up what `dial` opened, before anything was sent on it: the responder forgets it in time. */
  release(entry: OpenedSlot): void {
    this.#config.engine.closeSession(entry.slot);
    this.#config.engine.closePath(entry.path);
  }

  /** A row of type HANDSHAKE. HELLOs are not for this one. */
  onDatagram(seedIndex: number, bytes: Uint8Array, begin: number, length: number, now: number): void {
    if (seedIndex === NONE) this.#onAnswer(bytes, begin, begin + length, now);
  }

  nextTimeout(): number {
    let next = Infinity;
    for (const { initiator } of this.#attempts) next = Math.min(next, initiator.pollTimeout());
    return next;
  }

  onTimeout(now: number): void {
    for (const attempt of [...this.#attempts]) {
      if (attempt.initiator.pollTimeout() <= now) this.#transmit(attempt, now);
    }
  }

  protected open(result: HandshakeResult, address: Uint8Array): OpenedSlot | undefined {
    const { crypto, engine } = this.#config;
    const slot = engine.openSession(deriveSessionKeys(crypto, result));
    if (slot < 0) return undefined;
    return { result, slot, path: engine.openPath(address), address };
  }

  protected isTaken(sessionId: Uint8Array): boolean {
    return this.#config.isSessionIdTaken(sessionId);
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
    const opened = this.open(result, attempt.remote.octets);
    if (opened !== undefined) attempt.settle(opened);
  }

  #cookieOf(remoteKey: string, now: number): Uint8Array | undefined {
    const known = this.#cookies.get(remoteKey);
    return known !== undefined && now < known.at + COOKIE_LIFE_MS ? known.cookie : undefined;
  }
}

/** Makes room for `key` as the newest of a bounded map. */
function forgetOldest(known: Map<string, unknown>, key: string): void {
  known.delete(key);
  if (known.size >= MAX_KNOWN) known.delete(known.keys().next().value!);
}

export function keyOf(id: Uint8Array): string {
  return String.fromCharCode(...id);
}

/** Microseconds since the epoch; follows corrections of the clock, and `HelloClock` sees to it that no two are the same. */
export function wallClockMicros(): number {
  return Date.now() * 1000;
}
