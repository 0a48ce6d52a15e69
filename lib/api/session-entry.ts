import { MAX_DATAGRAM } from '../constants.js';
import { sttError } from '../node-errors.js';
import { NONE, type PacketEngine } from '../ports/packet-engine.js';
import type { AlternativeAddresses, PathFinding, PathHost, Wish } from '../ports/path-host.js';
import type { PacketSink } from '../ports/packet-sink.js';
import type { Deadline } from '../protocol/deadlines.js';
import { RESET_TOKEN_OCTETS } from '../wire/handshake-messages.js';
import { parseAlternatives } from '../wire/alt-address.js';
import { formatAddress, isConnection, isIPv4Address, isLoopback, parseEndpoint, sameHost } from '../wire/address.js';
import type { Connections } from './connections.js';
import type { OpenedSlot } from './dials.js';
import { KeyRotation } from './key-rotation.js';
import { SessionBridge } from './session-bridge.js';
import type { Platform, StreamFace } from './stream-face.js';

/** UDP payload of the largest interface MTU there is, 65,536, less the headers of IPv6 and UDP. */
const MAX_IPV6_DATAGRAM = 65_488;

/** What carries a session, beside others. */
export interface EntryCarrier<S extends StreamFace> {
  readonly engine: PacketEngine;
  readonly driver: { readonly schedule: (entry: SessionEntry<S>) => void };
  readonly connections?: Connections | undefined;
}

/** What the pump of a node keeps of a session: its place in the packet engine, and its paths. */
export class SessionEntry<S extends StreamFace> extends SessionBridge<S> implements PacketSink, PathHost, Deadline {
  deadline = Infinity;
  heapIndex = -1;
  /** In the pump's list of sessions that may have something to send. */
  scheduled = false;
  /** The transmit buffer refused something of this session. */
  blocked = false;
  /** Knows where else the peer may be: of sessions that this side began. */
  finder: PathFinding | undefined;
  readonly slot: number;
  /** The path in use, one count of which is this session's. */
  path: number;
  /** Packets on it are marked for ECN. */
  #marks = false;
  #alternatives: AlternativeAddresses | undefined;
  readonly #engine: PacketEngine;
  readonly #carrier: EntryCarrier<S>;
  /** Address of the path in use if that is a connection. */
  #connection: Uint8Array | undefined;
  /** Of the paths kept that are connections: what is called when they break. */
  #bound: Map<number, (why: string) => void> | undefined;

  /** The slot, and one count of the path, are the session's from now on. */
  constructor(
    carrier: EntryCarrier<S>,
    { slot, path, address }: Pick<OpenedSlot, 'slot' | 'path' | 'address'>,
    remoteLabel: string,
    platform: Platform<S>,
  ) {
    super(remoteLabel, platform);
    this.#carrier = carrier;
    this.#engine = carrier.engine;
    this.slot = slot;
    this.path = path;
    this.#connection = this.#bind(path, address);
  }

  get rotation(): KeyRotation {
    return (this.keyRotation ??= new KeyRotation(this.#engine, this.slot, this.platform.kem, this));
  }

  /** What carries the session now. */
  get transport(): 'udp' | 'websocket' {
    return this.#connection === undefined ? 'udp' : 'websocket';
  }

  schedule(): void {
    if (!this.scheduled) this.#carrier.driver.schedule(this);
  }

  // PacketSink

  sealStreamRun(
    pn: number,
    streamId: number,
    offset: number,
    fin: boolean,
    chunk: Uint8Array,
    begin: number,
    end: number,
    payload: number,
  ): number {
    const wanted = begin === end ? 1 : Math.ceil((end - begin) / payload);
    if (this.#isFull()) return 0;
    const taken = this.#engine.sealStreamRun(
      this.slot,
      this.path,
      pn,
      streamId,
      offset,
      fin,
      chunk,
      begin,
      end,
      payload,
    );
    if (taken < wanted) this.blocked = true;
    return taken;
  }

  sealFrames(pn: number, frames: Uint8Array, begin: number, end: number, path = this.path): boolean {
    if (this.#isFull()) return false;
    const taken = this.#engine.sealFrames(this.slot, path, pn, frames, begin, end);
    if (!taken) this.blocked = true;
    return taken;
  }

  /** The connection that packets go over holds as many of them as it should. */
  #isFull(): boolean {
    if (this.#connection === undefined || this.#carrier.connections?.isFull(this.#connection) !== true) return false;
    this.blocked = true;
    return true;
  }

  mark(on: boolean): void {
    if (on === this.#marks) return;
    this.#marks = on;
    this.#engine.markPath(this.slot, on ? this.path : NONE);
  }

  // PathHost

  keepPath(path: number): boolean {
    const address = this.#engine.pathAddress(path);
    if (address === undefined || this.#engine.openPath(address) !== path) return false;
    this.#bind(path, address);
    return true;
  }

  releasePath(path: number): void {
    const onLost = this.#bound?.get(path);
    if (onLost !== undefined) {
      this.#bound!.delete(path);
      this.#carrier.connections?.unbind(this.#engine.pathAddress(path)!, onLost);
    }
    this.#engine.closePath(path);
  }

  isSameHost(a: number, b: number): boolean {
    const [one, other] = [this.#engine.pathAddress(a), this.#engine.pathAddress(b)];
    if (one === undefined || other === undefined || isConnection(one) || isConnection(other)) return false;
    return sameHost(one, other);
  }

  isConnection(path: number): boolean {
    const address = this.#engine.pathAddress(path);
    return address !== undefined && isConnection(address);
  }

  probeLimit(path: number): number {
    const address = this.#engine.pathAddress(path);
    if (address === undefined || isConnection(address)) return 0;
    if (!this.#engine.dontFragment && !isLoopback(address)) return 0;
    return isIPv4Address(address) ? MAX_DATAGRAM : MAX_IPV6_DATAGRAM;
  }

  alternativePath(why: Wish): number | 'later' | undefined {
    const found = this.finder?.find(why, this.#alternatives) ?? this.#toldByPeer(why);
    return typeof found === 'object' ? this.#engine.openPath(found) : found;
  }

  onStranded(): void {
    this.#abandonLost('its WebSocket broke, and no other path came in its place');
  }

  /** Another address of the peer, which the finder found. */
  tryPath(address: Uint8Array): void {
    const path = this.#engine.openPath(address);
    this.#bind(path, address);
    this.session.paths.tryPath(performance.now(), path);
    this.schedule();
  }

  /** The finder found none. */
  onNothingFound(): void {
    if (this.session.paths.isLost) this.onStranded();
  }

  onPathChanged(path: number): void {
    const address = this.#engine.pathAddress(path)!;
    this.mark(false);
    this.path = path;
    this.#connection = isConnection(address) ? address : undefined;
    this.remoteLabel = formatAddress(address);
    this.tell(() => this.face?.onPath?.(address));
  }

  // SessionObserver

  onAlternatives(bytes: Uint8Array, begin: number, end: number): boolean {
    const addresses = parseAlternatives(bytes, begin, end);
    if (addresses === undefined) return false;
    this.#alternatives = addresses;
    this.session.paths.lookSoon(performance.now());
    this.tell(() => this.face?.onAlternatives?.(addresses));
    return true;
  }

  onResetToken(bytes: Uint8Array, begin: number): void {
    this.#engine.setResetToken(this.slot, bytes.subarray(begin, begin + RESET_TOKEN_OCTETS));
  }

  /** The peer knows nothing of the session any more. */
  onReset(): void {
    this.abandon(sttError('ERR_STT_PEER_RESTARTED', { remote: this.remoteLabel }));
  }

  /** Gives everything in the engine back. */
  release(): void {
    this.#engine.closeSession(this.slot);
    this.releasePath(this.path);
  }

  /** Has a path that is a connection tell when it breaks, and gives its address. */
  #bind(path: number, address: Uint8Array): Uint8Array | undefined {
    if (!isConnection(address)) return undefined;
    const onLost = (why: string): void => this.#onConnectionLost(path, why);
    (this.#bound ??= new Map()).set(path, onLost);
    if (this.#carrier.connections?.bind(address, onLost) !== true) {
      queueMicrotask(() => onLost('the WebSocket was closed'));
    }
    return address;
  }

  #onConnectionLost(path: number, why: string): void {
    const { paths, state } = this.session;
    if (state !== 'open' || !paths.onGone(performance.now(), path)) this.#abandonLost(why);
    this.schedule();
  }

  #abandonLost(why: string): void {
    this.abandon(sttError('ERR_STT_CONNECTION_LOST', { remote: this.remoteLabel, why }));
  }

  /** Without a finder it is for the peer to come by another path: it knows where this node is. */
  #toldByPeer(why: Wish): Uint8Array | 'later' | undefined {
    return parseEndpoint(this.#alternatives?.udp ?? '') ?? (why === 'gone' ? 'later' : undefined);
  }
}
