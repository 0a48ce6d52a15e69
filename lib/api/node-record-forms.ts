import { NODE_ID_OCTETS, SESSION_ID_OCTETS } from '../constants.js';
import type { SttDict, SttValue } from '../wire/serialization.js';

/** A peer that a node has had a session with. Times are milliseconds since the epoch. */
export interface PeerRecord {
  /** Its public key, which it proved: 32 octets. */
  readonly nodeId: Uint8Array;
  readonly firstSeen: number;
  readonly lastSeen: number;
  /** Sessions so far. */
  readonly sessions: number;
  /** Where it was the last time. */
  readonly address: string;
  readonly port: number;
  readonly transport: 'udp' | 'websocket';
}

/** A session of a node, open or over. It holds no key: sessions are not resumed. */
export interface SessionRecord {
  readonly sessionId: Uint8Array;
  /** Of the node whose session it was; a chamber may be shared. */
  readonly nodeId: Uint8Array;
  readonly peerNodeId: Uint8Array;
  readonly role: 'initiator' | 'responder';
  readonly transport: 'udp' | 'websocket';
  readonly address: string;
  readonly port: number;
  readonly openedAt: number;
  /** Undefined while it is open, and if the process ended without closing it. */
  readonly closedAt: number | undefined;
  /** `ERR_STT_CLOSED` for a session that ended in order, else the code of what ended it. */
  readonly end: string | undefined;
}

/** One seed of the ring, and how far the change from or to it has come. */
export interface SeedRecord {
  readonly seed: Uint8Array;
  /** When it came into the ring. */
  readonly since: number;
  /** When a session was last opened with it; undefined if none was. A seed that nobody uses any more can go. */
  readonly lastUsed: number | undefined;
}

/** Of undefined values nothing is kept. */
export function toDict(record: object): SttDict {
  return Object.fromEntries(
    Object.entries(record).filter(([, value]) => value !== undefined) as [string, SttValue][],
  ) as SttDict;
}

/** Undefined for a dictionary that is none of a peer. */
export function parsePeer(dict: SttDict): PeerRecord | undefined {
  const { nodeId, firstSeen, lastSeen, sessions, address, port, transport } = dict;
  if (!isOctets(nodeId, NODE_ID_OCTETS) || !isTime(firstSeen) || !isTime(lastSeen) || !isTime(sessions))
    return undefined;
  if (typeof address !== 'string' || !isTime(port) || !isTransport(transport)) return undefined;
  return { nodeId, firstSeen, lastSeen, sessions, address, port, transport };
}

/** Undefined for a dictionary that is none of a node's session: an application may have stored it. */
export function parseSession(dict: SttDict): SessionRecord | undefined {
  const { sessionId, nodeId, peerNodeId, role, transport, address, port, openedAt, closedAt, end } = dict;
  if (!isOctets(sessionId, SESSION_ID_OCTETS) || !isOctets(nodeId, NODE_ID_OCTETS)) return undefined;
  if (!isOctets(peerNodeId, NODE_ID_OCTETS) || (role !== 'initiator' && role !== 'responder')) return undefined;
  if (!isTransport(transport) || typeof address !== 'string' || !isTime(port) || !isTime(openedAt)) return undefined;
  if ((closedAt !== undefined && !isTime(closedAt)) || (end !== undefined && typeof end !== 'string')) return undefined;
  return { sessionId, nodeId, peerNodeId, role, transport, address, port, openedAt, closedAt, end };
}

/** The seeds of a stored ring; none for a dictionary that is no ring. */
export function parseRing(dict: SttDict | undefined): SeedRecord[] {
  const seeds = dict?.['seeds'];
  if (!Array.isArray(seeds)) return [];
  const found: SeedRecord[] = [];
  for (const entry of seeds as readonly unknown[]) {
    if (typeof entry !== 'object' || entry === null) continue;
    const { seed, since, lastUsed } = entry as Record<string, unknown>;
    if (!(seed instanceof Uint8Array) || !isTime(since) || (lastUsed !== undefined && !isTime(lastUsed))) continue;
    found.push({ seed: Uint8Array.from(seed), since, lastUsed });
  }
  return found;
}

export function ringDict(ring: readonly SeedRecord[]): SttDict {
  return { seeds: ring.map(toDict) };
}

export function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex');
}

function isOctets(value: unknown, length: number): value is Uint8Array {
  return value instanceof Uint8Array && value.length === length;
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isTransport(value: unknown): value is 'udp' | 'websocket' {
  return value === 'udp' || value === 'websocket';
}
