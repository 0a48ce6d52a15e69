import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { HeaderCipher, NoiseState, PacketCipher, Suite, XaesCipher } from '../ports/crypto.js';
import type { PacketEngine } from '../ports/packet-engine.js';

/*
 * The native addon as TypeScript sees it. It is looked for at first use only, so that importing the package never
 * fails and never loads machine code that is not wanted.
 */

/** What the addon can tell about this process and machine, for `stt info`. */
export interface NativeProbe {
  /** Version of the OpenSSL that is used: Node's own. */
  readonly openssl: string;
  /** AES instructions of the processor; without them ChaCha20-Poly1305 is to be preferred. */
  readonly aes: boolean;
  /** Vector AES instructions, which newer OpenSSL uses for AES-GCM. */
  readonly vaes: boolean;
  /** Segmentation offload as a freshly made socket has it. */
  readonly gso: boolean;
  readonly gro: boolean;
  /** Octets of buffer that the system gave a socket which asked for 4 MiB. */
  readonly receiveBufferOctets: number;
  readonly sendBufferOctets: number;
}

/** An STTFrame (STT §3) as the addon's codec has it. Byte arrays are fresh copies. */
export interface NativeFrame {
  readonly frameType: number;
  readonly flags: number;
  readonly sessionId: Uint8Array;
  readonly sequence: bigint;
  readonly timestamp: bigint;
  readonly streamId: number;
  readonly cryptoMetadata: Uint8Array;
  readonly payload: Uint8Array;
  /** Octets of the whole frame. */
  readonly bytesRead: number;
}

/** Why octets are no STTFrame. */
export type NativeFrameFault = 'truncated' | 'malformed' | 'too-large';

/** Events of an engine, called with the engine's wrapper in `this`. */
export interface NativeEngineEvents {
  onBatch(rowCount: number, groupCount: number): void;
  onWritable(): void;
  onError(error: Error): void;
}

export interface NativeEngineConfig {
  /** ADDRESS_OCTETS to bind, or `undefined` for an engine without a socket. */
  readonly bind: Uint8Array | undefined;
  /** The same as text, for errors. */
  readonly host: string;
  readonly ipv6Only: boolean;
  readonly receiveBufferOctets: number;
  readonly sendBufferOctets: number;
  /** Neither GSO nor GRO. */
  readonly forceNoOffload: boolean;
  /** Test aids: see `NativeEngineTestOptions`. */
  readonly refuseGso: boolean;
  readonly refuseMarks: boolean;
  readonly blockEvery: number;
  /** How long an answer is waited for awake, 0 = never. */
  readonly busyPollMicros: number;
  readonly slabOctets: number;
  readonly transmitOctets: number;
}

/** A datagram on its way out. */
export interface NativeDatagram {
  readonly address: Uint8Array;
  readonly datagram: Uint8Array;
  /** The two ECN bits of its IP header. */
  readonly ecn: number;
}

/** What the addon's engine does just as `PacketEngine` says. */
type SameAsPacketEngine = Pick<
  PacketEngine,
  | 'rows'
  | 'groups'
  | 'slab'
  | 'setMac1Keys'
  | 'demandCookies'
  | 'expectHandshake'
  | 'forgetHandshake'
  | 'closeSession'
  | 'switchSendKeys'
  | 'dropOldKeys'
  | 'setResetToken'
  | 'markPath'
  | 'reportStrays'
  | 'openPath'
  | 'closePath'
  | 'pathAddress'
  | 'sealStreamRun'
  | 'sealFrames'
  | 'sendDatagram'
  | 'deliver'
>;

/** What `flush` tells. */
export const Waiting = {
  /** Something in `takeForConnections`. */
  CONNECTIONS: 1,
  /** Something in `takeRefusedSizes`. */
  REFUSED_SIZES: 2,
} as const;

/** The engine object of the addon; `NativePacketEngine` is what everybody uses. */
export interface NativeEngine extends SameAsPacketEngine {
  openSession(
    sessionId: Uint8Array,
    suite: Suite,
    sendKey: Uint8Array,
    sendIv: Uint8Array,
    sendHp: Uint8Array,
    receiveKey: Uint8Array,
    receiveIv: Uint8Array,
    receiveHp: Uint8Array,
    forgeryLimit: number,
  ): number;
  installNextKeys(
    slot: number,
    sendKey: Uint8Array,
    sendIv: Uint8Array,
    receiveKey: Uint8Array,
    receiveIv: Uint8Array,
  ): boolean;
  receive(datagram: Uint8Array, address: Uint8Array, ecn: number): void;
  /** Writes the counters in the order of `STAT_NAMES`. */
  readStats(out: Float64Array): void;
  /** ADDRESS_OCTETS, `undefined` without a socket. */
  boundAddress(): Uint8Array | undefined;
  /** Gives, by the bits of `Waiting`, what is to be taken. */
  flush(): number;
  takeSealed(): NativeDatagram[];
  takeForConnections(): NativeDatagram[];
  /** Pairs: a path (NONE if the address is none any more), and octets of a datagram that the system refused for its size. */
  takeRefusedSizes(): number[];
  /** `done` is called once the socket is closed. */
  close(done: () => void): void;
}

/** An X25519 private key, see `KeyPair`. */
export interface NativeKeyAgreement {
  publicKey(): Uint8Array;
  agree(publicKey: Uint8Array): Uint8Array | undefined;
  /** Nothing else may be called afterwards. */
  destroy(): void;
}

/** What `NoiseState` is made of. */
export type NativeNoiseState = Omit<NoiseState, 'clone' | 'hasKey'>;

/** Everything the addon exports. Functions throw TypeError or RangeError for arguments of a wrong type or length. */
export interface NativeAddon {
  /** Hash of the sources that the addon was built from: see scripts/source-hash.mjs. */
  readonly sourceHash: string;
  /** Names of the OpenSSL functions that it calls. */
  readonly opensslSymbols: readonly string[];
  readonly Engine: new (config: NativeEngineConfig, events: NativeEngineEvents) => NativeEngine;
  probe(): NativeProbe;

  sha256(parts: readonly Uint8Array[]): Uint8Array;
  hmacSha256(key: Uint8Array, parts: readonly Uint8Array[]): Uint8Array;
  /** An empty salt is 32 zeros. */
  hkdfExtract(salt: Uint8Array, ikm: Uint8Array): Uint8Array;
  /** `length` <= 8,160. */
  hkdfExpand(prk: Uint8Array, info: Uint8Array, length: number): Uint8Array;
  /** AES-256-GCM or ChaCha20-Poly1305, 12-octet nonce; ciphertext and tag. */
  sealAead(suite: Suite, key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array;
  openAead(
    suite: Suite,
    key: Uint8Array,
    nonce: Uint8Array,
    aad: Uint8Array,
    sealed: Uint8Array,
  ): Uint8Array | undefined;
  /** Constant-time for equal lengths. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
  createXaesCipher(key: Uint8Array): XaesCipher;
  createPacketCipher(suite: Suite, key: Uint8Array): PacketCipher;
  createHeaderCipher(suite: Suite, key: Uint8Array): HeaderCipher;
  createKeyAgreement(privateKey: Uint8Array): NativeKeyAgreement;
  /** From 32 octets of hash, or as a copy of another. */
  createNoiseState(from: Uint8Array | NativeNoiseState): NativeNoiseState;

  encodeFrame(
    frameType: number,
    flags: number,
    sessionId: Uint8Array,
    sequence: bigint,
    timestamp: bigint,
    streamId: number,
    cryptoMetadata: Uint8Array,
    payload: Uint8Array,
  ): Uint8Array;
  parseFrame(bytes: Uint8Array): NativeFrame | NativeFrameFault;
}

/** The addon and the file it came from, or the reason why there is none. */
export type NativeLoad =
  | { readonly addon: NativeAddon; readonly path: string; readonly why?: undefined }
  | { readonly addon?: undefined; readonly path?: undefined; readonly why: string };

/** What the machine code exports. */
interface RawAddon extends Omit<
  NativeAddon,
  'createXaesCipher' | 'createPacketCipher' | 'createHeaderCipher' | 'createKeyAgreement' | 'createNoiseState'
> {
  /** OpenSSL functions that this Node does not have; if there are any, nothing else may be called. */
  readonly missingSymbols: readonly string[];
  readonly XaesCipher: new (key: Uint8Array) => XaesCipher;
  readonly PacketCipher: new (suite: Suite, key: Uint8Array) => PacketCipher;
  readonly HeaderCipher: new (suite: Suite, key: Uint8Array) => HeaderCipher;
  readonly KeyAgreement: new (privateKey: Uint8Array) => NativeKeyAgreement;
  readonly NoiseState: new (from: Uint8Array | NativeNoiseState) => NativeNoiseState;
}

/** Root of the package: from dist/native as from lib/native. */
const PACKAGE_ROOT = fileURLToPath(new URL('../..', import.meta.url));

let loaded: NativeLoad | undefined;

/** Loads the addon, once per thread: a build of one's own (build/) is preferred to a prebuilt one (prebuilds/). */
export function loadNative(): NativeLoad {
  loaded ??= load();
  return loaded;
}

function load(): NativeLoad {
  const require = createRequire(import.meta.url);
  let path: string;
  try {
    const { resolve } = require('node-gyp-build') as { resolve(directory: string): string };
    path = resolve(PACKAGE_ROOT);
  } catch {
    return { why: `there is no addon for ${process.platform}-${process.arch}, neither prebuilt nor built here` };
  }
  let raw: RawAddon;
  try {
    raw = require(path) as RawAddon;
  } catch (error) {
    return { why: `${path} cannot be loaded (${(error as Error).message})` };
  }
  const { missingSymbols } = raw;
  if (!Array.isArray(missingSymbols)) return { why: `${path} was built from other sources` };
  if (missingSymbols.length > 0) return { why: `this Node lacks functions of OpenSSL: ${missingSymbols.join(', ')}` };
  const addon: NativeAddon = {
    ...raw,
    createXaesCipher: (key) => new raw.XaesCipher(key),
    createPacketCipher: (suite, key) => new raw.PacketCipher(suite, key),
    createHeaderCipher: (suite, key) => new raw.HeaderCipher(suite, key),
    createKeyAgreement: (privateKey) => new raw.KeyAgreement(privateKey),
    createNoiseState: (from) => new raw.NoiseState(from),
  };
  return { addon, path };
}
