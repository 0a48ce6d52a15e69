import { MAX_DATAGRAM, PACKET_OVERHEAD, SESSION_ID_OCTETS, STREAM_HEADER } from '../constants.js';
import type { CryptoProvider } from '../ports/crypto.js';
import { ADDRESS_OCTETS, Marks, type PacketEngine, type PacketEngineEvents } from '../ports/packet-engine.js';
import type { PacketEngineStats, PhaseKeys, SessionKeys } from '../ports/packet-engine.js';
import { isConnection } from '../wire/address.js';
import { encodeStreamHeader } from '../wire/packet-frames.js';
import type { DatagramOutput } from './datagram-output.js';
import { EngineSession, isReset } from './engine-session.js';
import { emptyStats } from './engine-stats.js';
import { HandshakeFilter, Verdict } from './handshake-filter.js';
import { Opening, PacketOpener, PacketSealer } from './packet-protection.js';
import { PathTable } from './path-table.js';
import { ReplayWindow } from './replay-window.js';
import { RowBuffer } from './row-buffer.js';
import { SessionTable } from './session-table.js';
import { TransmitRing } from './transmit-ring.js';

/** Two of the largest datagrams with all that a batch makes of them, and then some; batches of a socket are smaller. */
const DEFAULT_SLAB = 1024 * 1024;
/** What UDP over IPv6 can carry: more than STT sends, but it may come in. */
const MAX_RECEIVED = 65_527;
const MIN_SLAB = STREAM_HEADER + 2 * MAX_RECEIVED + ADDRESS_OCTETS;
/** About as much as a socket takes at once; the rest waits in the streams, where it is not sealed yet. */
const DEFAULT_TRANSMIT = 1024 * 1024;
/** An STTFrame starts with 'S', a packet with the top bit set (STT §1). */
const FRAME_MAGIC = 0x53;
const PACKET_BIT = 0x80;
const EMPTY = new Uint8Array(0);

export interface JsPacketEngineOptions {
  readonly crypto: CryptoProvider;
  readonly events: PacketEngineEvents;
  readonly output: DatagramOutput;
  /** Octets of the delivery slab, 1 MiB by default; at least about two of the largest datagrams. */
  readonly slabOctets?: number;
  /** Octets of the transmit buffer, 1 MiB by default; at least one of the largest datagrams. */
  readonly transmitOctets?: number;
}

/**
 * The packet engine in plain JavaScript: executable specification of the native one, and what runs where there is no
 * native one. Sans-IO: datagrams come in by `receive`, rows go out by `deliver`, datagrams go out to a `DatagramOutput`.
 */
export class JsPacketEngine implements PacketEngine {
  readonly backend = 'js';
  readonly dontFragment = false;
  readonly canMark: boolean;
  readonly rows: Uint32Array;
  readonly groups: Uint32Array;
  readonly slab: Uint8Array;
  readonly #crypto: CryptoProvider;
  readonly #events: PacketEngineEvents;
  readonly #output: DatagramOutput;
  readonly #batch: RowBuffer;
  readonly #transmit: TransmitRing;
  /** What is to go to connections outside the engine; made when there is such. */
  #forConnections: TransmitRing | undefined;
  readonly #connections: Pick<DatagramOutput, 'send'> = {
    send: (address, bytes, begin, end) => {
      this.#events.onConnectionDatagram?.(address, bytes.slice(begin, end));
      return true;
    },
  };
  readonly #sessions: SessionTable;
  readonly #paths: PathTable;
  readonly #handshakes: HandshakeFilter;
  readonly #opener = new PacketOpener();
  readonly #sealer = new PacketSealer();
  readonly #streamHeader = new Uint8Array(STREAM_HEADER);
  readonly #stats: PacketEngineStats;
  /** Something was refused since the last `onWritable`. */
  #refused = false;
  /** A COOKIE_REPLY waits, of which the driver does not know. */
  #replied = false;
  /** Packets of unknown sessions that are still to be told. */
  #strays = 0;
  #closing: Promise<void> | undefined;

  constructor(options: JsPacketEngineOptions) {
    this.#crypto = options.crypto;
    this.#events = options.events;
    this.#output = options.output;
    this.canMark = options.output.canMark;
    this.#batch = new RowBuffer(Math.max(options.slabOctets ?? DEFAULT_SLAB, MIN_SLAB));
    this.#transmit = new TransmitRing(Math.max(options.transmitOctets ?? DEFAULT_TRANSMIT, MAX_DATAGRAM));
    this.rows = this.#batch.rows;
    this.groups = this.#batch.groups;
    this.slab = this.#batch.slab;
    const salt = options.crypto.randomBytes(4).reduce((word, octet) => (word << 8) | octet, 0);
    this.#sessions = new SessionTable(salt);
    this.#paths = new PathTable(salt);
    this.#handshakes = new HandshakeFilter(options.crypto, salt);
    this.#stats = { ...emptyStats(), ecn: this.canMark };
  }

  receive(datagram: Uint8Array, address: Uint8Array, ecn = 0): void {
    if (this.#closing !== undefined) return;
    if (!this.#batch.hasRoom(datagram.length)) {
      this.deliver();
      if (this.#closing !== undefined) return;
    }
    const stats = this.#stats;
    stats.datagramsReceived++;
    stats.octetsReceived += datagram.length;
    const first = datagram.length === 0 || datagram.length > MAX_RECEIVED ? 0 : datagram[0]!;
    if ((first & PACKET_BIT) !== 0) this.#receivePacket(datagram, address, ecn & Marks.ECN_MASK);
    else if (first === FRAME_MAGIC) this.#receiveHandshake(datagram, address);
    else stats.droppedMalformed++;
  }

  deliver(): void {
    const batch = this.#batch;
    this.#stats.receiveCalls++;
    if (batch.rowCount > 0 && this.#closing === undefined) {
      try {
        this.#events.onBatch(batch.rowCount, batch.groupCount);
      } finally {
        batch.clear();
        this.#settle();
      }
    }
    if (this.#replied) this.flush();
  }

  /** The output is done with `count` more datagrams, in the order of sending. */
  released(count: number): void {
    this.#transmit.release(count);
  }

  /** The output could not send the datagram that it has had longest, and is done with it. `isTooLarge`: for its size. */
  failed(isTooLarge: boolean): void {
    const { oldestOctets, oldestAddress } = this.#transmit;
    this.#stats.sendErrors++;
    this.#stats.datagramsSent--;
    this.#stats.octetsSent -= oldestOctets;
    this.#transmit.release(1);
    if (isTooLarge) this.#events.onRefusedSize?.(this.#paths.find(oldestAddress), oldestOctets);
  }

  /** Fires `onWritable` if something was refused and there is room again. To be called after `released` or `flush`, from outside of callbacks. */
  resume(): void {
    if (!this.#refused || this.#closing !== undefined || !this.#transmit.isRoomy) return;
    this.#refused = false;
    this.#events.onWritable();
  }

  setMac1Keys(keys: readonly Uint8Array[]): void {
    this.#handshakes.setMac1Keys(keys);
  }

  demandCookies(cookieKeys: readonly Uint8Array[], secrets: readonly Uint8Array[]): void {
    this.#handshakes.demandCookies(cookieKeys, secrets);
  }

  expectHandshake(handshakeId: Uint8Array): void {
    this.#handshakes.expect(handshakeId);
  }

  forgetHandshake(handshakeId: Uint8Array): void {
    this.#handshakes.forget(handshakeId);
  }

  openSession(keys: SessionKeys): number {
    if (this.#closing !== undefined || keys.sessionId.length !== SESSION_ID_OCTETS) return -1;
    if (this.#sessions.has(keys.sessionId)) return -1;
    return this.#sessions.add(new EngineSession(this.#crypto, keys, new ReplayWindow()));
  }

  closeSession(slot: number): void {
    this.#sessions.remove(slot);
    if (this.#batch.rowCount === 0) this.#settle();
  }

  installNextKeys(slot: number, send: PhaseKeys, receive: PhaseKeys): boolean {
    return this.#sessions.at(slot)?.installNext(send, receive) ?? false;
  }

  switchSendKeys(slot: number): void {
    this.#sessions.at(slot)?.switchSend();
  }

  dropOldKeys(slot: number): void {
    this.#sessions.at(slot)?.dropOld();
  }

  setResetToken(slot: number, token: Uint8Array): void {
    this.#sessions.at(slot)?.setResetToken(token);
  }

  markPath(slot: number, path: number): void {
    this.#sessions.at(slot)?.mark(path);
  }

  reportStrays(count: number): void {
    this.#strays = count;
  }

  openPath(address: Uint8Array): number {
    return this.#paths.open(address);
  }

  pathAddress(path: number): Uint8Array | undefined {
    return this.#paths.address(path)?.slice();
  }

  closePath(path: number): void {
    this.#paths.close(path);
    if (this.#batch.rowCount === 0) this.#settle();
  }

  sealStreamRun(
    slot: number,
    path: number,
    pn: number,
    streamId: number,
    offset: number,
    fin: boolean,
    chunk: Uint8Array,
    begin: number,
    end: number,
    payload: number,
  ): number {
    const session = this.#sessions.at(slot);
    const address = this.#paths.address(path);
    if (session === undefined || address === undefined) return 0;
    if (payload < 1 || payload > MAX_DATAGRAM - PACKET_OVERHEAD - STREAM_HEADER) return 0;
    const ring = this.#ringOf(address);
    const ecn = session.ecnOn(path);
    const total = begin < end ? Math.ceil((end - begin) / payload) : fin ? 1 : 0;
    for (let taken = 0; taken < total; taken++) {
      const next = Math.min(begin + payload, end);
      const at = this.#reserve(ring, PACKET_OVERHEAD + STREAM_HEADER + next - begin);
      if (at < 0) return taken;
      encodeStreamHeader(streamId, offset, fin && next === end, next - begin, this.#streamHeader, 0);
      this.#seal(session, ring, address, ecn, at, pn + taken, this.#streamHeader, chunk.subarray(begin, next));
      offset += next - begin;
      begin = next;
    }
    return total;
  }

  sealFrames(slot: number, path: number, pn: number, frames: Uint8Array, begin: number, end: number): boolean {
    const session = this.#sessions.at(slot);
    const address = this.#paths.address(path);
    if (session === undefined || address === undefined) return false;
    const length = PACKET_OVERHEAD + end - begin;
    if (length > MAX_DATAGRAM) return false;
    const ring = this.#ringOf(address);
    const at = this.#reserve(ring, length);
    if (at < 0) return false;
    this.#seal(session, ring, address, session.ecnOn(path), at, pn, EMPTY, frames.subarray(begin, end));
    return true;
  }

  sendDatagram(address: Uint8Array, datagram: Uint8Array): boolean {
    if (datagram.length > MAX_DATAGRAM) return false;
    const ring = this.#ringOf(address);
    const at = this.#reserve(ring, datagram.length);
    if (at < 0) return false;
    ring.copy(address, at, datagram);
    return true;
  }

  flush(): void {
    if (this.#closing !== undefined) return;
    this.#replied = false;
    const count = this.#transmit.waiting;
    if (count > 0) {
      this.#stats.sendCalls++;
      this.#stats.datagramsSent += count;
      this.#stats.octetsSent += this.#transmit.flush(this.#output);
    }
    const ring = this.#forConnections;
    if (ring === undefined || ring.waiting === 0) return;
    this.#stats.datagramsSent += ring.waiting;
    this.#stats.octetsSent += ring.flush(this.#connections);
  }

  stats(): PacketEngineStats {
    const { receiveBufferOctets, sendBufferOctets } = this.#output;
    return {
      ...this.#stats,
      receiveBufferOctets,
      sendBufferOctets,
      sessions: this.#sessions.size,
      paths: this.#paths.size,
      expectedHandshakes: this.#handshakes.expected,
    };
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#shut());
  }

  #shut(): Promise<void> {
    this.#transmit.clear();
    this.#forConnections?.clear();
    this.#sessions.removeAll();
    return this.#output.close();
  }

  #receivePacket(packet: Uint8Array, address: Uint8Array, ecn: number): void {
    const stats = this.#stats;
    // STT §5: an empty payload is a fault of the peer's, so it is opened as well.
    if (packet.length < PACKET_OVERHEAD) {
      stats.droppedMalformed++;
      return;
    }
    const slot = this.#sessions.find(packet, 1);
    if (slot < 0) {
      stats.droppedUnknownSession++;
      if (this.#strays > 0) {
        this.#strays--;
        this.#batch.addStray(this.#paths.find(address), packet, address);
      }
      return;
    }
    const session = this.#sessions.at(slot)!;
    const opening = this.#opener.open(session, packet, this.slab, this.#batch.beginOpening());
    if (opening === Opening.OPENED) {
      stats.packetsOpened++;
      const path = this.#paths.meet(address);
      const { packetNumber, phase, reserved } = this.#opener;
      const marks = ((phase << Marks.PHASE_SHIFT) | ecn) >>> 0;
      const length = packet.length - PACKET_OVERHEAD;
      if (reserved || length === 0) this.#batch.addBadPacket(slot, path, marks, packetNumber);
      else this.#batch.addPacket(slot, path, marks, packetNumber, length);
    } else if (isReset(session.resetToken, packet)) {
      stats.resetsReceived++;
      this.#batch.addReset(slot, this.#paths.find(address));
    } else if (opening === Opening.REPLAY) {
      stats.droppedReplays++;
    } else if (opening === Opening.NO_KEY) {
      stats.droppedNoKey++;
    } else {
      stats.droppedForgeries++;
      if (--session.forgeriesLeft === 0) this.#batch.addForgeryLimit(slot, this.#paths.find(address));
    }
    this.#batch.endOpening();
  }

  #receiveHandshake(datagram: Uint8Array, address: Uint8Array): void {
    const verdict = this.#handshakes.check(datagram, address);
    if (verdict === Verdict.PASSED) {
      this.#stats.handshakesReceived++;
      this.#batch.addHandshake(this.#paths.find(address), this.#handshakes.seedIndex, datagram, address);
    } else if (verdict === Verdict.UNPROVEN) {
      this.#stats.droppedUnproven++;
      this.#replyCookie(datagram, address);
    } else if (verdict === Verdict.STRANGER) {
      this.#stats.droppedStrangers++;
    } else {
      this.#stats.droppedMalformed++;
    }
  }

  /** Without room there is no answer: its sender comes again, and nobody waits for room because of it. */
  #replyCookie(hello: Uint8Array, address: Uint8Array): void {
    const reply = this.#handshakes.cookieReply(hello, address);
    const at = reply === undefined ? -1 : this.#transmit.reserve(reply.length);
    if (reply === undefined || at < 0) return;
    this.#transmit.copy(address, at, reply);
    this.#replied = true;
  }

  /** Connections are many, slow and drained by others: what waits for them shall not hold up the socket. */
  #ringOf(address: Uint8Array): TransmitRing {
    return isConnection(address)
      ? (this.#forConnections ??= new TransmitRing(this.#transmit.octets.length))
      : this.#transmit;
  }

  #reserve(ring: TransmitRing, length: number): number {
    if (this.#closing !== undefined) return -1;
    const at = ring.reserve(length);
    if (at < 0) {
      this.#refused = true;
      this.#stats.sendBlocked++;
    }
    return at;
  }

  #seal(
    session: EngineSession,
    ring: TransmitRing,
    address: Uint8Array,
    ecn: number,
    at: number,
    pn: number,
    head: Uint8Array,
    body: Uint8Array,
  ): void {
    ring.push(address, at, this.#sealer.seal(session, pn, head, body, ring.octets, at), ecn);
  }

  #settle(): void {
    this.#sessions.settle();
    this.#paths.settle();
  }
}
