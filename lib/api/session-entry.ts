import { MAX_DATAGRAM } from '../constants.js';
import { errorCodeOfClose, sttError, type STTError, type STTSessionError } from '../errors.js';
import type { PacketEngine } from '../ports/packet-engine.js';
import type { AlternativeAddresses, PathFinding, PathHost, Wish } from '../ports/path-host.js';
import type { PacketSink } from '../ports/packet-sink.js';
import type { SessionEnd, SessionObserver } from '../ports/session-observer.js';
import type { Deadline } from '../protocol/deadlines.js';
import type { Session } from '../protocol/session.js';
import type { Stream } from '../protocol/stream.js';
import { RESET_TOKEN_OCTETS } from '../wire/handshake-messages.js';
import { formatAddress, isConnection, isIPv4Address, isLoopback, parseEndpoint, sameHost } from '../wire/address.js';
import type { Connections } from './connections.js';
import type { OpenedSlot } from './dials.js';
import { KeyRotation } from './key-rotation.js';
import { reportLater } from './report.js';
import type { Platform, StreamFace, StreamHost } from './stream-face.js';

/** UDP payload of the largest interface MTU there is, 65,536, less the headers of IPv6 and UDP. */
const MAX_IPV6_DATAGRAM = 65_488;

/** Who is told what happens in a session: the public `STTSession`. */
export interface SessionFace<S extends StreamFace> {
  onStream(stream: S): void;
  onStreamsAvailable(): void;
  onMessage(tag: number, data: Uint8Array): void;
  onMessageFate(messageId: number, fate: 'acked' | 'lost' | 'closed'): void;
  onUserFrame(type: number, data: Uint8Array): void;
  onPong(pingId: number, rttMs: number): void;
  onProgress(): void;
  /** The session moved to another address of the peer, ADDRESS_OCTETS. */
  onPath?(address: Uint8Array): void;
  onAlternatives?(addresses: AlternativeAddresses): void;
  onEnd(error: STTError): void;
}

/** What carries a session, beside others. */
export interface EntryCarrier<S extends StreamFace> {
  readonly engine: PacketEngine;
  readonly driver: { readonly schedule: (entry: SessionEntry<S>) => void };
  readonly connections?: Connections | undefined;
}

/** What the pump keeps of a session, and the bridge from its sans-IO core to the application. */
export class SessionEntry<S extends StreamFace> implements SessionObserver, PacketSink, PathHost, StreamHost, Deadline {
  deadline = Infinity;
  heapIndex = -1;
  /** In the pump's list of sessions that may have something to send. */
  scheduled = false;
  /** The transmit buffer refused something of this session. */
  blocked = false;
  session!: Session;
  /** Knows where else the peer may be: of sessions that this side began. */
  finder: PathFinding | undefined;
  face: SessionFace<S> | undefined;
  #rotation: KeyRotation | undefined;
  remoteLabel: string;
  readonly slot: number;
  /** The path in use, one count of which is this session's. */
  path: number;
  #alternatives: AlternativeAddresses | undefined;
  readonly #engine: PacketEngine;
  readonly #carrier: EntryCarrier<S>;
  readonly #platform: Platform<S>;
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
    this.#carrier = carrier;
    this.#engine = carrier.engine;
    this.slot = slot;
    this.path = path;
    this.remoteLabel = remoteLabel;
    this.#platform = platform;
    this.#connection = this.#bind(path, address);
  }

  /** Made when it is needed: most sessions are short. */
  get rotation(): KeyRotation {
    return (this.#rotation ??= new KeyRotation(this.#engine, this.slot, this.#platform.kem, this));
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

  /** Makes the application's side of a stream. */
  attach(stream: Stream): S {
    const made = this.#platform.makeStream(stream, this);
    stream.attachment = made;
    return made;
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
    this.session.tryPath(performance.now(), path);
    this.schedule();
  }

  /** The finder found none. */
  onNothingFound(): void {
    if (this.session.isLost) this.onStranded();
  }

  onPathChanged(path: number): void {
    const address = this.#engine.pathAddress(path)!;
    this.path = path;
    this.#connection = isConnection(address) ? address : undefined;
    this.remoteLabel = formatAddress(address);
    this.#tell(() => this.face?.onPath?.(address));
  }

  // SessionObserver

  onAlternatives(addresses: AlternativeAddresses): void {
    this.#alternatives = addresses;
    this.session.lookForPath(performance.now());
    this.#tell(() => this.face?.onAlternatives?.(addresses));
  }

  onStream(stream: Stream): void {
    const made = this.attach(stream);
    this.#tell(() => this.face?.onStream(made));
  }

  onStreamData(stream: Stream, bytes: Uint8Array, begin: number, end: number): void {
    (stream.attachment as S).deliver(bytes, begin, end);
  }

  onStreamEnd(stream: Stream): void {
    (stream.attachment as S).deliverEnd();
  }

  onStreamReset(stream: Stream, code: number): void {
    (stream.attachment as S).deliverReset(code, true);
  }

  onStreamStopped(stream: Stream, code: number): void {
    (stream.attachment as S).deliverReset(code, false);
  }

  onStreamWritable(stream: Stream): void {
    (stream.attachment as S).deliverWritable();
  }

  onStreamFinished(stream: Stream): void {
    (stream.attachment as S).deliverFinished();
  }

  onStreamClosed(): void {}

  onStreamsAvailable(): void {
    this.face?.onStreamsAvailable();
  }

  onMessage(tag: number, bytes: Uint8Array, begin: number, end: number): void {
    const data = this.#platform.copy(bytes, begin, end);
    this.#tell(() => this.face?.onMessage(tag, data));
  }

  onMessageFate(messageId: number, fate: 'acked' | 'lost' | 'closed'): void {
    this.face?.onMessageFate(messageId, fate);
  }

  onUserFrame(type: number, bytes: Uint8Array, begin: number, end: number): void {
    const data = this.#platform.copy(bytes, begin, end);
    this.#tell(() => this.face?.onUserFrame(type, data));
  }

  onResetToken(bytes: Uint8Array, begin: number): void {
    this.#engine.setResetToken(this.slot, bytes.subarray(begin, begin + RESET_TOKEN_OCTETS));
  }

  onPong(pingId: number, rttMs: number): void {
    this.face?.onPong(pingId, rttMs);
  }

  onEnd(end: SessionEnd): void {
    this.#end(endError(end, this.remoteLabel, this.session.idleTimeoutMs));
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
    if (!this.session.handlePathGone(performance.now(), path)) this.#abandonLost(why);
    this.schedule();
  }

  #abandonLost(why: string): void {
    this.abandon(sttError('ERR_STT_CONNECTION_LOST', { remote: this.remoteLabel, why }));
  }

  /** Without a finder it is for the peer to come by another path: it knows where this node is. */
  #toldByPeer(why: Wish): Uint8Array | 'later' | undefined {
    return parseEndpoint(this.#alternatives?.udp ?? '') ?? (why === 'gone' ? 'later' : undefined);
  }

  /** Ends the session for a cause of which its core knows nothing: nothing can be sent any more. */
  abandon(error: STTError): void {
    if (this.session.state === 'open') this.#end(error);
    this.session.destroy();
    this.schedule();
  }

  #end(error: STTError): void {
    for (const stream of [...this.session.streams()]) {
      (stream.attachment as S | undefined)?.deliverSessionEnd(error);
    }
    this.#rotation?.end(error);
    this.#tell(() => this.face?.onEnd(error));
  }

  /** Runs the application's handlers; what they throw must not stop the batch. */
  #tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      reportLater(error);
    }
  }
}

function endError(end: SessionEnd, remote: string, idleMs: number): STTError {
  const limit = Error.stackTraceLimit;
  // The network brought this end: a stack would tell nothing, and costs more than all else of a short session's end.
  Error.stackTraceLimit = 0;
  const why = end.reason === '' ? (end.remote ? 'by the other side' : 'by this side') : end.reason;
  const error = sttError(errorCodeOfClose(end.closeCode), {
    why,
    remote,
    idleMs,
    closeCode: end.closeCode,
  }) as STTSessionError;
  Error.stackTraceLimit = limit;
  error.closeCode = end.closeCode;
  error.reason = end.reason;
  error.remote = end.remote;
  return error;
}
