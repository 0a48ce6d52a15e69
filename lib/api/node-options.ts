import type { Chamber } from '../chamber/chamber.js';
import type { ChamberStore } from '../chamber/store.js';
import { MAX_DATAGRAM, MAX_SEEDS, MIN_DATAGRAM } from '../constants.js';
import { sttError } from '../errors.js';
import { nearest } from '../option-hints.js';
import { checkOptionNames, integerOption } from '../options.js';
import { ALGORITHMS } from '../protocol/congestion/algorithms.js';
import type { RotationPolicy } from '../protocol/rotation-policy.js';
import { warnOfShortSeed } from '../stc/node-warn.js';
import { parseEndpoint } from '../wire/address.js';
import type { AlternativeAddresses } from '../ports/path-host.js';
import { encodeAlternatives } from '../wire/alt-address.js';
import { checkSeed } from '../stc/stc-root.js';
import {
  ADMISSION_OPTIONS,
  admissionConfig,
  type AdmissionConfig,
  type AdmissionOptions,
} from './admission-options.js';
import { LIMIT_OPTIONS, limitConfig, type LimitConfig, type LimitOptions } from './limit-options.js';
import { ROTATION_OPTIONS, rotationPolicy, type RotationOptions } from './rotation-options.js';
import { webSocketConfig, type STTWebSocketOptions, type WebSocketConfig } from './web-socket-options.js';

/** Which implementation does the work of every datagram. */
export type Backend = 'auto' | 'native' | 'js';

export interface STTNodeOptions extends AdmissionOptions, RotationOptions, LimitOptions {
  /** The node's own secret: at least 16 random octets, 32 are right. The node id follows from it; keep it across restarts. */
  readonly nodeSeed: Uint8Array;
  /**
   * The secret shared with the peers: at least 16 random octets, 32 are right. Of a ring (at most 64) the first
   * initiates, all are accepted. Needed, unless a chamber has kept it from an earlier start.
   */
  readonly sharedSeed?: Uint8Array | readonly Uint8Array[];
  /** Local address. Default: all addresses, IPv6 and IPv4 on one socket where the system has it, else IPv4. */
  readonly host?: string;
  /** Local UDP port. Default 0: the system chooses. */
  readonly port?: number;
  /** 'native', 'js', or 'auto': native if it can be loaded. Default: the environment's STT_BACKEND, else 'auto'. */
  readonly backend?: Backend;
  /**
   * UDP payload of full packets at first, in octets, 1,200..65,507. Default 1,200, which every path carries. Given without
   * `maxPacketSize` it is not searched for a larger one.
   */
  readonly initialPacketSize?: number;
  /**
   * Largest UDP payload that is searched for, in octets, `initialPacketSize`..65,507; `initialPacketSize` turns the search
   * off. Default 65,507 unless `initialPacketSize` is given. A search needs a backend and a system that can forbid the
   * fragmentation of datagrams; others search on loopback only (`getStats().engine.dontFragment`).
   */
  readonly maxPacketSize?: number;
  /** Congestion controller: 'bbr' suits paths that lose packets without being full (docs/performance.md). Default 'cubic'. */
  readonly congestion?: CongestionName;
  /** A session in which nothing is heard for so long is over; 0 = never. The smaller one of both sides counts. Default 30,000. */
  readonly idleTimeoutMs?: number;
  /** Sends a PING when nothing was heard for a third of the idle timeout. Default false. */
  readonly keepAlive?: boolean;
  /** How long `close()` may take to deliver what was written. Default 30,000. */
  readonly closeTimeoutMs?: number;
  /** Sessions at once; a HELLO beyond is not answered. Default 10,000. */
  readonly maxSessions?: number;
  /**
   * Where else this node can be reached, told to every peer: `udp` an IP address with a port, `websocket` a URL. A peer
   * to which nothing comes back any more tries the `udp` address. Together at most 480 octets.
   */
  readonly advertise?: AlternativeAddresses;
  /**
   * By what this process's stateless resets differ from those of others with the same `nodeSeed` (STT §5). Default:
   * address and port it is bound to. `false`: none are sent; needed where several processes share a port.
   */
  readonly resetInstance?: string | false;
  /** Octets asked for as the socket's buffers; the system may give less. Default 4 MiB. */
  readonly socketBufferOctets?: number;
  /**
   * How long, in microseconds, the event loop stays awake for an answer after it sent little, while answers do come that
   * soon: being woken takes longer than a near peer does. 0 = never, as with the JS backend. At most 10,000. Default 300.
   */
  readonly busyPollMicros?: number;
  /** Accepts peers over WebSocket as well. Default: UDP only. */
  readonly webSocket?: STTWebSocketOptions;
  /** Directory of a chamber, made if it is missing, in which the node keeps its records (docs/chamber.md). Default: none are kept. */
  readonly chamberPath?: string;
  /** An open chamber instead of `chamberPath`, which stays open, or a store to open one in. */
  readonly chamber?: Chamber | ChamberStore;
}

/** Where the chamber of a node is. */
export type NodeChamber = string | Chamber | ChamberStore;

/** Options checked and filled in. */
export interface NodeConfig extends LimitConfig {
  readonly nodeSeed: Uint8Array;
  /** None: those that the chamber has kept. */
  readonly sharedSeeds: readonly Uint8Array[];
  readonly chamber: NodeChamber | undefined;
  readonly host: string | undefined;
  readonly port: number;
  readonly backend: Backend;
  readonly initialPacketSize: number;
  readonly maxPacketSize: number;
  readonly congestion: CongestionName;
  readonly idleTimeoutMs: number;
  readonly keepAlive: boolean;
  readonly closeTimeoutMs: number;
  readonly maxSessions: number;
  readonly socketBufferOctets: number;
  readonly busyPollMicros: number;
  readonly webSocket: WebSocketConfig | undefined;
  readonly advertise: AlternativeAddresses | undefined;
  readonly resetInstance: string | false | undefined;
  readonly admission: AdmissionConfig;
  readonly rotation: RotationPolicy;
}

const NAMES: readonly (keyof STTNodeOptions)[] = [
  ...ADMISSION_OPTIONS,
  ...LIMIT_OPTIONS,
  ...ROTATION_OPTIONS,
  'nodeSeed',
  'sharedSeed',
  'host',
  'port',
  'backend',
  'initialPacketSize',
  'maxPacketSize',
  'congestion',
  'idleTimeoutMs',
  'keepAlive',
  'closeTimeoutMs',
  'maxSessions',
  'socketBufferOctets',
  'busyPollMicros',
  'webSocket',
  'chamberPath',
  'chamber',
  'advertise',
  'resetInstance',
];

const MIB = 1_048_576;

/** Congestion controllers, by name. */
export type CongestionName = keyof typeof ALGORITHMS;
const CONGESTION_NAMES = Object.keys(ALGORITHMS) as readonly CongestionName[];

/**
 * @throws STTConfigError `ERR_STT_UNKNOWN_OPTION`, `ERR_STT_OPTION_RANGE`; STTCryptoError `ERR_STT_SEED_TOO_SHORT`
 */
export function nodeConfig(options: STTNodeOptions): NodeConfig {
  checkOptionNames(options, NAMES);
  const integer = (name: keyof STTNodeOptions, fallback: number, min: number, max: number): number =>
    integerOption(name, options[name], fallback, min, max);
  const chamber = chamberOf(options);
  const { sharedSeed } = options;
  const isKept = sharedSeed === undefined && chamber !== undefined;
  const sharedSeeds = isKept ? [] : sharedSeed instanceof Uint8Array ? [sharedSeed] : sharedSeed;
  if (!Array.isArray(sharedSeeds) || (sharedSeeds.length === 0 && !isKept) || sharedSeeds.length > MAX_SEEDS) {
    throw rangeError('sharedSeed', typeof sharedSeeds, `a Uint8Array, or an array of 1 to ${MAX_SEEDS} of them,`);
  }
  requireSeed('nodeSeed', options.nodeSeed);
  for (const seed of sharedSeeds as readonly unknown[]) requireSeed('sharedSeed', seed);
  const idleTimeoutMs = integer('idleTimeoutMs', 30_000, 0, 86_400_000);
  if (idleTimeoutMs > 0 && idleTimeoutMs < 1000) {
    throw rangeError('idleTimeoutMs', idleTimeoutMs, '0, or an integer from 1000 to 86400000');
  }
  const initialPacketSize = integer('initialPacketSize', MIN_DATAGRAM, MIN_DATAGRAM, MAX_DATAGRAM);
  const maxSessions = integer('maxSessions', 10_000, 1, 1_000_000);
  return {
    nodeSeed: options.nodeSeed.slice(),
    sharedSeeds: (sharedSeeds as readonly Uint8Array[]).map((seed) => seed.slice()),
    chamber,
    host: text('host', options.host),
    port: integer('port', 0, 0, 65_535),
    backend: oneOf('backend', options.backend ?? backendOfEnvironment(), ['auto', 'native', 'js']),
    initialPacketSize,
    maxPacketSize: integer(
      'maxPacketSize',
      // Who names one size means that one, as it was before there was a search.
      options.initialPacketSize === undefined ? MAX_DATAGRAM : initialPacketSize,
      initialPacketSize,
      MAX_DATAGRAM,
    ),
    congestion: oneOf('congestion', options.congestion ?? 'cubic', CONGESTION_NAMES),
    idleTimeoutMs,
    keepAlive: options.keepAlive === true,
    closeTimeoutMs: integer('closeTimeoutMs', 30_000, 0, 0x7fffffff),
    maxSessions,
    admission: admissionConfig(options, maxSessions),
    rotation: rotationPolicy(options),
    ...limitConfig(options),
    webSocket: options.webSocket === undefined ? undefined : webSocketConfig(options.webSocket),
    advertise: advertised(options.advertise),
    resetInstance: options.resetInstance === false ? false : text('resetInstance', options.resetInstance),
    socketBufferOctets: integer('socketBufferOctets', 4 * MIB, 65_536, 256 * MIB),
    busyPollMicros: integer('busyPollMicros', 300, 0, 10_000),
  };
}

function advertised(addresses: AlternativeAddresses | undefined): AlternativeAddresses | undefined {
  if (addresses === undefined) return undefined;
  checkOptionNames(addresses, ['udp', 'websocket']);
  const udp = text('advertise.udp', addresses.udp);
  const websocket = text('advertise.websocket', addresses.websocket);
  if (udp !== undefined && parseEndpoint(udp) === undefined) {
    throw rangeError(
      'advertise.udp',
      `"${udp}"`,
      'an IP address with a port, as 192.0.2.1:4433 or [2001:db8::1]:4433,',
    );
  }
  const checked = { ...(udp === undefined ? {} : { udp }), ...(websocket === undefined ? {} : { websocket }) };
  if (encodeAlternatives(checked) === undefined)
    throw rangeError('advertise', 'too long', 'at most 480 octets of text');
  return checked;
}

function backendOfEnvironment(): string {
  return process.env['STT_BACKEND'] ?? 'auto';
}

function requireSeed(name: string, seed: unknown): void {
  if (!(seed instanceof Uint8Array)) throw rangeError(name, typeof seed, 'a Uint8Array');
  checkSeed(name, seed, warnOfShortSeed);
}

function chamberOf({ chamberPath, chamber }: STTNodeOptions): NodeChamber | undefined {
  if (chamberPath !== undefined && (typeof chamberPath !== 'string' || chamberPath === '')) {
    throw rangeError('chamberPath', typeof chamberPath, 'the path of a directory');
  }
  if (chamber === undefined) return chamberPath;
  if (chamberPath !== undefined) throw rangeError('chamberPath', chamberPath, 'absent if `chamber` is given');
  const { commit, retrieveKey } = (chamber ?? {}) as { commit?: unknown; retrieveKey?: unknown };
  if (typeof commit === 'function' || typeof retrieveKey === 'function') return chamber;
  throw rangeError('chamber', typeof chamber, 'a Chamber or ChamberStore');
}

function text(name: string, value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw rangeError(name, typeof value, 'a string');
}

function oneOf<T extends string>(name: string, value: string, allowed: readonly T[]): T {
  if ((allowed as readonly string[]).includes(value)) return value as T;
  const near = nearest(value, allowed);
  const hint = near === undefined ? '' : ` (did you mean \`${near}\`?)`;
  throw rangeError(name, `"${value}"`, `one of ${allowed.join(', ')}${hint}`);
}

function rangeError(name: string, value: unknown, expected: string): Error {
  return sttError('ERR_STT_OPTION_RANGE', { name, value: String(value), expected });
}
