import type { KeySlots } from '../api/key-rotation.js';
import { MAX_DATAGRAM, PACKET_OVERHEAD } from '../constants.js';
import { EngineSession, type PacketWindow } from '../engine/engine-session.js';
import { Opening, PacketOpener, PacketSealer } from '../engine/packet-protection.js';
import type { CryptoProvider } from '../ports/crypto.js';
import type { PhaseKeys, SessionKeys } from '../ports/packet-engine.js';
import { OPEN, type WebSocketLike } from './web-socket.js';

/** Octets in the WebSocket's buffer from which on packets wait in the streams, where they are not sealed yet. */
const FULL = 1024 * 1024;
/** Under which the sender is called back: not for every packet. */
const ROOMY = FULL / 2;
/** How often to look whether the WebSocket sent what it holds, ms: no event tells. Browsers make 4 of it when asked often. */
const POLL_MS = 1;
/** What UDP over IPv6 can carry: more than STT sends, but it may come in. */
const MAX_RECEIVED = 65_527;
const EMPTY = new Uint8Array(0);

/** What comes in over a link. Octets are valid during the call only. */
export interface LinkEvents {
  /** A packet opened; `length` 0 if it breaks the protocol: it is empty, or its reserved bits are not. */
  onPacket(phase: number, pn: number, frames: Uint8Array, length: number): void;
  /** More packets failed authentication than the key allows. */
  onForgeryLimit(): void;
  /** It is not full any more. */
  onRoom(): void;
}

/** A WebSocket keeps the order of messages, so what is not newer than all before is a replay. */
class OrderedWindow implements PacketWindow {
  largest = -1;

  willAccept(pn: number): boolean {
    return pn > this.largest;
  }

  mark(pn: number): void {
    this.largest = pn;
  }
}

/**
 * The packets of the one session on a WebSocket, each a binary message (STT §10): what a packet engine is where there
 * is one path, and one session on it.
 */
export class PacketLink implements KeySlots {
  readonly #socket: WebSocketLike;
  readonly #events: LinkEvents;
  readonly #session: EngineSession;
  readonly #opener = new PacketOpener();
  readonly #sealer = new PacketSealer();
  readonly #sealed = new Uint8Array(MAX_DATAGRAM);
  readonly #opened = new Uint8Array(MAX_RECEIVED);
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #poll = (): void => {
    this.#timer = undefined;
    if (this.#socket.readyState === OPEN && this.#socket.bufferedAmount > ROOMY) this.#wait();
    else this.#events.onRoom();
  };

  constructor(crypto: CryptoProvider, socket: WebSocketLike, keys: SessionKeys, events: LinkEvents) {
    this.#socket = socket;
    this.#events = events;
    this.#session = new EngineSession(crypto, keys, new OrderedWindow());
  }

  /** Enough waits in the WebSocket already: `onRoom` follows. */
  isFull(): boolean {
    const { readyState, bufferedAmount } = this.#socket;
    if (readyState !== OPEN || bufferedAmount < FULL) return false;
    this.#wait();
    return true;
  }

  /** Seals octets `begin..end` of `frames` as packet `pn` and sends it. */
  send(pn: number, frames: Uint8Array, begin: number, end: number): void {
    const socket = this.#socket;
    // When it is closed already, what it is given vanishes, as on any network.
    if (socket.readyState !== OPEN) return;
    const length = this.#sealer.seal(this.#session, pn, EMPTY, frames.subarray(begin, end), this.#sealed, 0);
    // The WebSocket copies at once.
    socket.send(this.#sealed.subarray(0, length));
  }

  /** A message came in. What is not authentic is dropped. */
  receive(packet: Uint8Array): void {
    const session = this.#session;
    const { id } = session;
    if (packet.length < PACKET_OVERHEAD || packet.length > MAX_RECEIVED || packet[0]! < 0x80) return;
    if (id.some((octet, i) => octet !== packet[1 + i])) return;
    const opening = this.#opener.open(session, packet, this.#opened, 0);
    if (opening === Opening.OPENED) {
      const { packetNumber, phase, reserved } = this.#opener;
      this.#events.onPacket(phase, packetNumber, this.#opened, reserved ? 0 : packet.length - PACKET_OVERHEAD);
    } else if (opening === Opening.FORGERY && --session.forgeriesLeft === 0) {
      this.#events.onForgeryLimit();
    }
  }

  // KeySlots; there is but one.

  installNextKeys(_slot: number, send: PhaseKeys, receive: PhaseKeys): boolean {
    return this.#session.installNext(send, receive);
  }

  switchSendKeys(): void {
    this.#session.switchSend();
  }

  dropOldKeys(): void {
    this.#session.dropOld();
  }

  /** Nothing is called any more. */
  close(): void {
    clearTimeout(this.#timer);
    this.#session.wipe();
  }

  #wait(): void {
    this.#timer ??= setTimeout(this.#poll, POLL_MS);
  }
}
