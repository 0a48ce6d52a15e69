import { Chamber } from '../chamber/chamber.js';
import type { ChamberStore } from '../chamber/store.js';
import { RecordKind } from '../chamber/record.js';
import { compareOctets } from '../chamber/store.js';
import { publish } from '../diagnostics.js';
import type { CryptoProvider } from '../ports/crypto.js';
import { STCWrapper } from '../stc/stc-wrapper.js';
import type { NodeChamber } from './node-options.js';
import { hex, type PeerRecord, type SeedRecord, type SessionRecord } from './node-record-forms.js';
import { noteUse, openRing, readRing } from './node-ring.js';
import { MAX_PEERS, PeerBook, merged } from './peer-book.js';
import { MAX_SESSION_RECORDS, SessionJournal, listSessions } from './session-journal.js';

/** How long news waits for more of it: a commit is flushed to the disk, which takes milliseconds of the event loop. */
const WRITE_DELAY_MS = 1000;
/** Records written before other things of the process have their turn. */
const SLICE = 64;

/** What a node's records look like at the moment. */
export interface NodeRecordsStats {
  /** Peers and sessions about which news is not written yet. */
  readonly pending: number;
  /** Attempts to write that failed; they are tried again with the next news. */
  readonly failures: number;
  readonly lastFailure: Error | undefined;
}

/** What is read of a session. */
export interface RecordedSession {
  readonly sessionId: Uint8Array;
  readonly peerNodeId: Uint8Array;
  readonly role: 'initiator' | 'responder';
  readonly transport: 'udp' | 'websocket';
  readonly remoteAddress: { readonly address: string; readonly port: number };
  once(event: 'close', listener: (error: { readonly code: string }) => void): unknown;
}

export interface NodeRecordsOptions {
  readonly chamber: NodeChamber;
  readonly crypto: CryptoProvider;
  readonly nodeSeed: Uint8Array;
  readonly nodeId: Uint8Array;
  /** None: those that the chamber has kept. */
  readonly sharedSeeds: readonly Uint8Array[];
}

/**
 * What a node keeps in its chamber: its seed, its ring of shared seeds, the peers it has met, and its sessions. News is
 * written a second later, all of it together, and when the node stops. A chamber that fails does not disturb sessions:
 * `getStats()` and the diagnostics channel `stt:node:chamber` tell.
 */
export class NodeRecords {
  /** The open chamber, for keys and records of the application's own. The node closes it if it opened it. */
  readonly chamber: Chamber;
  /** @internal */
  readonly sharedSeeds: readonly Uint8Array[];
  readonly #isOwn: boolean;
  readonly #nodeId: Uint8Array;
  readonly #peerBook: PeerBook;
  readonly #journal: SessionJournal;
  /** By the index of the handshake's seed. */
  readonly #ring: readonly SeedRecord[];
  readonly #usedSeeds = new Map<number, number>();
  readonly #peers = new Map<string, PeerRecord>();
  readonly #sessions = new Map<string, SessionRecord>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #failures = 0;
  #lastFailure: Error | undefined;

  private constructor(
    chamber: Chamber,
    isOwn: boolean,
    nodeId: Uint8Array,
    ring: readonly SeedRecord[],
    journal: SessionJournal,
  ) {
    this.chamber = chamber;
    this.#isOwn = isOwn;
    this.#nodeId = nodeId;
    this.#ring = ring;
    this.#journal = journal;
    this.#peerBook = new PeerBook(chamber);
    this.sharedSeeds = ring.map(({ seed }) => seed);
  }

  /** @internal Rejects as `Chamber.open` does, and with `ERR_STT_OPTION_RANGE` if no shared seed is known. */
  static async open({
    chamber: where,
    crypto,
    nodeSeed,
    nodeId,
    sharedSeeds,
  }: NodeRecordsOptions): Promise<NodeRecords> {
    const isOwn = !(where instanceof Chamber);
    const stc = new STCWrapper(nodeSeed, { provider: crypto });
    const chamber = isOwn ? await Chamber.open({ ...place(where), nodeId, stc }) : where;
    try {
      // Whoever opens another's chamber, such as one that a fleet shares, shall not learn it from there.
      if (compareOctets(chamber.nodeId, nodeId) === 0) await keepSeed(chamber, nodeId, nodeSeed);
      const ring = await openRing(chamber, sharedSeeds, Date.now());
      return new NodeRecords(chamber, isOwn, nodeId, ring, await SessionJournal.open(chamber, nodeId));
    } catch (error) {
      if (isOwn) await chamber.close();
      throw error;
    }
  }

  /** Peers that the node, or another one with the same chamber, has had sessions with: at most 16,384, in a stable order. */
  async *peers(): AsyncGenerator<PeerRecord, void, undefined> {
    await this.flush();
    yield* this.#peerBook.list();
  }

  /** Forgets a peer. Resolves to true if it was known. */
  async forgetPeer(nodeId: Uint8Array): Promise<boolean> {
    await this.flush();
    return this.#peerBook.forget(nodeId);
  }

  /** Sessions of the node, and of others with the same chamber: the newest 1,024 of each, the oldest first. */
  async *sessions(): AsyncGenerator<SessionRecord, void, undefined> {
    await this.flush();
    yield* listSessions(this.chamber);
  }

  /** The ring of shared seeds, the one that initiates first: since when each is in it, and when it was last used. */
  async seeds(): Promise<SeedRecord[]> {
    await this.flush();
    return readRing(this.chamber);
  }

  /** Writes what waits. Resolves when all that was known before is durable, or was tried in vain. */
  async flush(): Promise<void> {
    // What a write under way has taken is part of it; what came since needs another one.
    await this.#writing;
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined));
    await this.#writing;
  }

  getStats(): NodeRecordsStats {
    return {
      pending: this.#peers.size + this.#sessions.size,
      failures: this.#failures,
      lastFailure: this.#lastFailure,
    };
  }

  /** @internal A session has opened. */
  onSession(session: RecordedSession, seedIndex: number): void {
    const openedAt = Date.now();
    this.#usedSeeds.set(seedIndex, openedAt);
    this.#note(session, openedAt, { openedAt, closedAt: undefined, end: undefined }, 1);
    session.once('close', ({ code }) => {
      const closedAt = Date.now();
      this.#note(session, closedAt, { openedAt, closedAt, end: code }, 0);
    });
  }

  /** @internal */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.flush();
    clearTimeout(this.#timer);
    if (this.#isOwn) await this.chamber.close().catch((error: unknown) => this.#failed(error));
  }

  #note(
    { sessionId, peerNodeId, role, transport, remoteAddress: { address, port } }: RecordedSession,
    now: number,
    times: Pick<SessionRecord, 'openedAt' | 'closedAt' | 'end'>,
    sessions: number,
  ): void {
    const nodeId = this.#nodeId;
    keepNewest(this.#sessions, hex(sessionId), MAX_SESSION_RECORDS, {
      ...{ sessionId, nodeId, peerNodeId, role, transport, address, port },
      ...times,
    });
    this.#notePeer({ nodeId: peerNodeId, firstSeen: now, lastSeen: now, sessions, address, port, transport });
    if (this.#closing !== undefined) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.flush();
    }, WRITE_DELAY_MS).unref();
  }

  #notePeer(peer: PeerRecord): void {
    const key = hex(peer.nodeId);
    const pending = this.#peers.get(key);
    keepNewest(this.#peers, key, MAX_PEERS, pending === undefined ? peer : merged(pending, peer));
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    try {
      await this.#writeSeeds();
      await writeSlices(this.#peers, (slice) => this.#peerBook.write(slice, (peer) => this.#notePeer(peer)));
      await writeSlices(this.#sessions, (slice) => this.#writeSessions(slice));
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.#failures++;
    this.#lastFailure = error as Error;
    publish('stt:node:chamber', { code: (error as { code?: string }).code, message: (error as Error).message });
  }

  async #writeSeeds(): Promise<void> {
    if (this.#usedSeeds.size === 0) return;
    const used = new Map(this.#usedSeeds);
    const ring = this.#ring.map((entry, index) => ({ ...entry, lastUsed: used.get(index) ?? entry.lastUsed }));
    await noteUse(this.chamber, ring);
    for (const [index, at] of used) {
      if (this.#usedSeeds.get(index) === at) this.#usedSeeds.delete(index);
    }
  }

  async #writeSessions(sessions: readonly SessionRecord[]): Promise<void> {
    try {
      await this.#journal.write(sessions);
    } catch (error) {
      for (const session of sessions) {
        const key = hex(session.sessionId);
        // News that came meanwhile says more.
        if (!this.#sessions.has(key)) keepNewest(this.#sessions, key, MAX_SESSION_RECORDS, session);
      }
      throw error;
    }
  }
}

/** Writes all that waits, in slices. */
async function writeSlices<T>(pending: Map<string, T>, write: (slice: readonly T[]) => Promise<void>): Promise<void> {
  while (pending.size > 0) {
    const slice: T[] = [];
    for (const [key, item] of pending) {
      if (slice.length === SLICE) break;
      slice.push(item);
      pending.delete(key);
    }
    await write(slice);
  }
}

function place(where: string | ChamberStore): { readonly path: string } | { readonly store: ChamberStore } {
  return typeof where === 'string' ? { path: where } : { store: where };
}

/** Kept for a backup of the chamber, which is sealed under a passphrase: the chamber itself opens with this seed only. */
async function keepSeed(chamber: Chamber, nodeId: Uint8Array, seed: Uint8Array): Promise<void> {
  await chamber.storeRecord(RecordKind.NODE, `seed of ${hex(nodeId)}`, { nodeId, seed });
}

/** As the newest; the oldest goes where there are too many. */
function keepNewest<T>(map: Map<string, T>, key: string, max: number, item: T): void {
  map.delete(key);
  map.set(key, item);
  if (map.size > max) map.delete(map.keys().next().value!);
}
