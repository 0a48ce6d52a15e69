import { ADDRESS_OCTETS, NONE } from '../ports/packet-engine.js';
import {
  HandshakeResponder,
  type ResponderConfig,
  type ResponderStats,
} from '../protocol/handshake/handshake-responder.js';
import { Dials, keyOf, wallClockMicros, type DialsConfig, type OpenedSlot } from './dials.js';

export interface HandshakesConfig extends DialsConfig {
  /** False while the node takes no more sessions, of this address (ADDRESS_OCTETS): then HELLOs meet silence. */
  readonly hasRoom: (address: Uint8Array) => boolean;
  /** False: HELLOs in the name of this peer meet silence. */
  readonly isWelcome?: (peerNodeId: Uint8Array) => boolean;
  readonly limits?: ResponderConfig['limits'];
  /** What the reset tokens of answered sessions follow from; without one they are random. */
  readonly resetKey?: Uint8Array | undefined;
}

/** All handshakes of a node, both ways. */
export class Handshakes extends Dials {
  readonly #config: HandshakesConfig;
  readonly #halfOpen = new Map<number, OpenedSlot>();
  readonly #slotById = new Map<string, number>();
  readonly #responder: HandshakeResponder;

  constructor(config: HandshakesConfig) {
    super(config);
    this.#config = config;
    const { crypto, engine, seeds, staticKeys, params } = config;
    const cookieKeys = seeds.map((seed) => seed.cookieKey);
    this.#responder = new HandshakeResponder({
      crypto,
      ephemeralKeys: this.keys.take,
      seeds,
      staticKeys,
      params,
      suites: this.suites,
      isSessionIdTaken: (id) => this.isTaken(id),
      onDiscard: (id) => this.#discard(id),
      authorize: config.isWelcome,
      limits: config.limits,
      resetKey: config.resetKey,
      refusedBefore: () => engine.stats().droppedUnproven,
      onLoad: (secrets) => engine.demandCookies(cookieKeys, secrets),
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

  /** Gives up every attempt and half-open session. */
  override stop(error: Error): void {
    super.stop(error);
    for (const entry of this.#halfOpen.values()) this.release(entry);
    this.#halfOpen.clear();
    this.#slotById.clear();
  }

  /** A row of type HANDSHAKE. */
  override onDatagram(seedIndex: number, bytes: Uint8Array, begin: number, length: number, now: number): void {
    if (seedIndex === NONE) super.onDatagram(seedIndex, bytes, begin, length, now);
    else this.#onHello(seedIndex, bytes, begin, begin + length, now);
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

  override nextTimeout(): number {
    return Math.min(super.nextTimeout(), this.#responder.pollTimeout());
  }

  override onTimeout(now: number): void {
    this.#responder.expire(now);
    super.onTimeout(now);
  }

  protected override isTaken(sessionId: Uint8Array): boolean {
    return this.#slotById.has(keyOf(sessionId)) || super.isTaken(sessionId);
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
    const opened = this.open(outcome.open(), outcome.replyAddress);
    if (opened === undefined) return;
    this.#halfOpen.set(opened.slot, opened);
    this.#slotById.set(keyOf(opened.result.sessionId), opened.slot);
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
