/** What a direction does to datagrams. Probabilities are 0..1. */
export interface ImpairmentSettings {
  /** Share of datagrams lost. */
  readonly loss?: number;
  /** Mean length of a burst of losses, 1 by default. */
  readonly burst?: number;
  readonly duplicate?: number;
  /** Share that comes `reorderMs` (5) later than the rest. */
  readonly reorder?: number;
  readonly reorderMs?: number;
  /** One-way delay, and up to how much is added at random. */
  readonly delayMs?: number;
  readonly jitterMs?: number;
  /** Share with one bit flipped. */
  readonly corrupt?: number;
  /** Bits per second, and octets that wait before they are dropped (256 KiB). */
  readonly rate?: number;
  readonly queue?: number;
}

export interface ImpairmentStats {
  readonly passed: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
  readonly corrupted: number;
  readonly overflowed: number;
}

export interface UdpEndpoint {
  readonly address: string;
  readonly port: number;
}

export interface UdpProxyOptions {
  /** Where datagrams of clients go. */
  readonly target: UdpEndpoint;
  /** 127.0.0.1 and a free port by default. */
  readonly listen?: UdpEndpoint;
  readonly seed?: number;
  /** For both directions; `up` (client to target) and `down` override it. */
  readonly both?: ImpairmentSettings;
  readonly up?: ImpairmentSettings;
  readonly down?: ImpairmentSettings;
}

export interface UdpProxy extends UdpEndpoint {
  stats(): { up: ImpairmentStats; down: ImpairmentStats; clients: number; rebinds: number };
  /** Gives every client a new port towards the target, as a NAT that forgot. */
  rebind(): void;
  /** From now on nothing passes, or everything again. */
  block(on: boolean): void;
  close(): Promise<void>;
}

/** Starts a UDP proxy: every client gets a socket of its own towards the target. */
export function startUdpProxy(options: UdpProxyOptions): Promise<UdpProxy>;

/** Numbers 0 <= x < 1 from a seed. */
export function seededRandom(seed: number): () => number;

export class Impairment {
  constructor(settings: ImpairmentSettings, random: () => number);
  readonly stats: ImpairmentStats;
  pass(now: number, datagram: Uint8Array, out: (time: number, octets: Uint8Array) => void): void;
}
