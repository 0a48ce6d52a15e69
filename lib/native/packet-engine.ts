import { networkInterfaces } from 'node:os';
import { sttError } from '../node-errors.js';
import {
  ADDRESS_OCTETS,
  type BoundAddress,
  type PacketEngine,
  type PacketEngineEvents,
  type PacketEngineStats,
  type PhaseKeys,
  type SessionKeys,
} from '../ports/packet-engine.js';
import { addressHost, addressPort, encodeAddress, isIPv4Address, numericZone } from '../wire/address.js';
import { loadNative, type NativeDatagram, type NativeEngine, Waiting } from './binding.js';

/** What a window of a fast path needs; the operating system gives what it allows. */
const DEFAULT_BUFFER = 4 * 1024 * 1024;
/** A batch of eight receive slots of 64 KiB, payload in front and copies at the back. */
const DEFAULT_SLAB = 1024 * 1024 + 256 * 1024;
const DEFAULT_TRANSMIT = 1024 * 1024;

export interface NativeEngineSizes {
  /** Octets of the delivery slab; what is too little is raised to what a datagram needs. */
  readonly slabOctets?: number;
  /** Octets of the transmit buffer; likewise. */
  readonly transmitOctets?: number;
}

/** Aids for tests: they make the system behave as it rarely does. */
export interface NativeEngineTestOptions extends NativeEngineSizes {
  /** The system refuses every send with segmentation offload, as it does for some network cards. */
  readonly refuseGso?: boolean;
  /** The system refuses ECN marks. */
  readonly refuseMarks?: boolean;
  /** Every so manieth send finds the socket's buffer full; 0, the default, none. */
  readonly blockEvery?: number;
}

export interface NativeEngineOptions {
  readonly events: PacketEngineEvents;
  /** IP address to bind, as text or as ADDRESS_OCTETS (with a port of its own, which counts if `port` is not given). */
  readonly host: string | Uint8Array;
  /** 0 lets the operating system choose. */
  readonly port?: number;
  /** An IPv6 socket takes IPv4 as well. Default true. */
  readonly dualStack?: boolean;
  /** Octets of socket buffer asked for, 4 MiB by default; the operating system may give less. */
  readonly receiveBufferOctets?: number;
  readonly sendBufferOctets?: number;
  /** Neither asks for nor uses segmentation offload. Default false. */
  readonly forceNoOffload?: boolean;
  /** How long an answer is waited for awake before the event loop sleeps, in microseconds; 0, the default, not at all. */
  readonly busyPollMicros?: number;
  readonly test?: NativeEngineTestOptions;
}

/** Counters in the order in which the addon writes them. */
const STAT_NAMES = [
  'datagramsReceived',
  'octetsReceived',
  'datagramsSent',
  'octetsSent',
  'packetsOpened',
  'handshakesReceived',
  'droppedMalformed',
  'droppedStrangers',
  'droppedUnproven',
  'droppedUnknownSession',
  'droppedReplays',
  'droppedForgeries',
  'resetsReceived',
  'droppedNoKey',
  'sendErrors',
  'sendBlocked',
  'receiveCalls',
  'sendCalls',
  'receiveBufferOctets',
  'sendBufferOctets',
  'sessions',
  'paths',
  'expectedHandshakes',
  'busyPolls',
  'busyPollHits',
] as const satisfies readonly (keyof PacketEngineStats)[];
const GSO_AT = STAT_NAMES.length;
const GRO_AT = GSO_AT + 1;
const DONT_FRAGMENT_AT = GRO_AT + 1;
const ECN_AT = DONT_FRAGMENT_AT + 1;

/**
 * The packet engine in native code: recvmmsg and sendmmsg with segmentation offload, OpenSSL, one call into JavaScript
 * per receive batch. Every method of `PacketEngine` behaves as that of the JS engine.
 */
export class NativePacketEngine implements PacketEngine {
  readonly backend = 'native';
  readonly rows: Uint32Array;
  readonly groups: Uint32Array;
  readonly slab: Uint8Array;
  readonly dontFragment: boolean;
  readonly canMark: boolean;

  readonly #native: NativeEngine;
  readonly #counters = new Float64Array(STAT_NAMES.length + 4);
  readonly #events: PacketEngineEvents;
  #closing: Promise<void> | undefined;

  private constructor(
    bind: Uint8Array | undefined,
    events: PacketEngineEvents,
    options: Partial<NativeEngineOptions>,
    test: NativeEngineTestOptions,
  ) {
    const { addon, why } = loadNative();
    if (addon === undefined) throw sttError('ERR_STT_BACKEND_UNAVAILABLE', { why });
    this.#events = events;
    this.#native = new addon.Engine(
      {
        bind,
        host: bind === undefined ? '' : addressHost(bind),
        ipv6Only: options.dualStack === false,
        receiveBufferOctets: options.receiveBufferOctets ?? DEFAULT_BUFFER,
        sendBufferOctets: options.sendBufferOctets ?? DEFAULT_BUFFER,
        forceNoOffload: options.forceNoOffload ?? false,
        refuseGso: test.refuseGso ?? false,
        refuseMarks: test.refuseMarks ?? false,
        blockEvery: test.blockEvery ?? 0,
        busyPollMicros: options.busyPollMicros ?? 0,
        slabOctets: test.slabOctets ?? DEFAULT_SLAB,
        transmitOctets: test.transmitOctets ?? DEFAULT_TRANSMIT,
      },
      {
        onBatch: (rowCount, groupCount) => events.onBatch(rowCount, groupCount),
        onWritable: () => events.onWritable(),
        onError: (error) => this.#fail(error),
      },
    );
    this.rows = this.#native.rows;
    this.groups = this.#native.groups;
    this.slab = this.#native.slab;
    const { dontFragment, ecn } = this.stats();
    this.dontFragment = dontFragment;
    this.canMark = ecn;
  }

  /**
   * Binds a UDP socket and puts an engine on it.
   *
   * @throws STTTransportError `ERR_STT_BACKEND_UNAVAILABLE` without the addon, `ERR_STT_ADDRESS` if the host is no IP
   * address; the operating system's own error (EADDRINUSE, EACCES, EADDRNOTAVAIL, ...) with `syscall`, `address`, `port`.
   */
  static open(options: NativeEngineOptions): NativePacketEngine {
    return new NativePacketEngine(bindAddress(options), options.events, options, options.test ?? {});
  }

  /** An engine without a socket: datagrams come in by `receive` and `deliver`, and go out by `takeSealed`. */
  static withoutSocket(events: PacketEngineEvents, sizes: NativeEngineSizes = {}): NativePacketEngine {
    return new NativePacketEngine(undefined, events, {}, sizes);
  }

  /** Where the socket is bound. @throws STTHandshakeError `ERR_STT_INVALID_STATE` without a socket */
  get boundAddress(): BoundAddress {
    const octets = this.#native.boundAddress();
    if (octets === undefined) throw sttError('ERR_STT_INVALID_STATE', { what: 'boundAddress', why: 'no socket' });
    const family = isIPv4Address(octets) ? 'IPv4' : 'IPv6';
    return { address: addressHost(octets), port: addressPort(octets), family };
  }

  setMac1Keys(keys: readonly Uint8Array[]): void {
    this.#native.setMac1Keys(keys);
  }

  demandCookies(cookieKeys: readonly Uint8Array[], secrets: readonly Uint8Array[]): void {
    this.#native.demandCookies(cookieKeys, secrets);
  }

  expectHandshake(handshakeId: Uint8Array): void {
    this.#native.expectHandshake(handshakeId);
  }

  forgetHandshake(handshakeId: Uint8Array): void {
    this.#native.forgetHandshake(handshakeId);
  }

  openSession({ sessionId, suite, send, receive, forgeryLimit }: SessionKeys): number {
    return this.#native.openSession(
      sessionId,
      suite,
      send.key,
      send.iv,
      send.hp,
      receive.key,
      receive.iv,
      receive.hp,
      forgeryLimit,
    );
  }

  closeSession(slot: number): void {
    this.#native.closeSession(slot);
  }

  installNextKeys(slot: number, send: PhaseKeys, receive: PhaseKeys): boolean {
    return this.#native.installNextKeys(slot, send.key, send.iv, receive.key, receive.iv);
  }

  switchSendKeys(slot: number): void {
    this.#native.switchSendKeys(slot);
  }

  dropOldKeys(slot: number): void {
    this.#native.dropOldKeys(slot);
  }

  setResetToken(slot: number, token: Uint8Array): void {
    this.#native.setResetToken(slot, token);
  }

  markPath(slot: number, path: number): void {
    this.#native.markPath(slot, path);
  }

  reportStrays(count: number): void {
    this.#native.reportStrays(count);
  }

  openPath(address: Uint8Array): number {
    return this.#native.openPath(address);
  }

  closePath(path: number): void {
    this.#native.closePath(path);
  }

  pathAddress(path: number): Uint8Array | undefined {
    return this.#native.pathAddress(path);
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
    return this.#native.sealStreamRun(slot, path, pn, streamId, offset, fin, chunk, begin, end, payload);
  }

  sealFrames(slot: number, path: number, pn: number, frames: Uint8Array, begin: number, end: number): boolean {
    return this.#native.sealFrames(slot, path, pn, frames, begin, end);
  }

  sendDatagram(address: Uint8Array, datagram: Uint8Array): boolean {
    return this.#native.sendDatagram(address, datagram);
  }

  flush(): void {
    let waiting = 0;
    try {
      waiting = this.#native.flush();
    } catch (error) {
      // The caller is in the middle of something, and this is the end of the engine: not from here.
      setImmediate(() => this.#fail(error as Error));
    }
    if (waiting === 0) return;
    if ((waiting & Waiting.CONNECTIONS) !== 0) this.#serveConnections();
    if ((waiting & Waiting.REFUSED_SIZES) !== 0) this.#tellRefusedSizes();
  }

  stats(): PacketEngineStats {
    const counters = this.#counters;
    this.#native.readStats(counters);
    const totals = Object.fromEntries(STAT_NAMES.map((name, at) => [name, counters[at]!]));
    return {
      ...(totals as unknown as PacketEngineStats),
      gso: counters[GSO_AT] === 1,
      gro: counters[GRO_AT] === 1,
      dontFragment: counters[DONT_FRAGMENT_AT] === 1,
      ecn: counters[ECN_AT] === 1,
    };
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => this.#native.close(resolve));
    return this.#closing;
  }

  receive(datagram: Uint8Array, address: Uint8Array, ecn = 0): void {
    this.#native.receive(datagram, address, ecn);
  }

  deliver(): void {
    this.#native.deliver();
  }

  /** Takes out what was sealed on an engine without a socket, in the order of sealing. */
  takeSealed(): NativeDatagram[] {
    return this.#native.takeSealed();
  }

  #serveConnections(): void {
    for (const { address, datagram } of this.#native.takeForConnections()) {
      this.#events.onConnectionDatagram?.(address, datagram);
    }
  }

  #tellRefusedSizes(): void {
    const refused = this.#native.takeRefusedSizes();
    for (let i = 0; i < refused.length; i += 2) {
      this.#events.onRefusedSize?.(refused[i]!, refused[i + 1]!);
    }
  }

  #fail(error: Error): void {
    if (this.#closing !== undefined) return;
    void this.close();
    this.#events.onError(error);
  }
}

function bindAddress({ host, port }: NativeEngineOptions): Uint8Array {
  const remote = typeof host === 'string' ? host : 'of a wrong length';
  if (typeof host === 'string') {
    const octets = encodeAddress(host, port ?? 0, zoneIndex);
    if (octets === undefined) throw sttError('ERR_STT_ADDRESS', { remote, why: 'it is no IP address with a port' });
    return octets;
  }
  if (host.length !== ADDRESS_OCTETS) throw sttError('ERR_STT_ADDRESS', { remote, why: 'it has other octets' });
  const octets = new Uint8Array(host);
  if (port !== undefined) {
    octets[16] = port >>> 8;
    octets[17] = port;
  }
  return octets;
}

/** Scope id of a zone: a number, or the name of a network interface. */
function zoneIndex(zone: string): number {
  const addresses = networkInterfaces()[zone] ?? [];
  const linkLocal = addresses.find((address) => address.family === 'IPv6' && address.scopeid !== 0);
  return linkLocal?.family === 'IPv6' ? linkLocal.scopeid : numericZone(zone);
}
