import type { Chamber } from '../chamber/chamber.js';
import { RecordKind } from '../chamber/record.js';
import { hex, parsePeer, toDict, type PeerRecord } from './node-record-forms.js';
import { isDamage } from './record-damage.js';
import { soundOnly } from './session-journal.js';

/** Peers that are kept; each takes some 300 octets. Of more, those not seen for the longest time go. */
export const MAX_PEERS = 16_384;

/** The peers that a node, or all nodes of a shared chamber, have had sessions with. */
export class PeerBook {
  readonly #chamber: Chamber;
  readonly #max: number;
  /** New peers after which they are counted, and how many go at once: a full book is not read for every new peer. */
  readonly #slack: number;
  /** New peers since they were counted. At first there may be any number. */
  #added: number;

  constructor(chamber: Chamber, max = MAX_PEERS) {
    this.#chamber = chamber;
    this.#max = max;
    this.#slack = max / 16;
    this.#added = this.#slack;
  }

  /**
   * Adds what is new about some peers to what is known; no update of another process is lost. Rejects with the first
   * error after `onFailed` was told of every peer that was not written.
   */
  async write(peers: readonly PeerRecord[], onFailed: (peer: PeerRecord) => void): Promise<void> {
    // At once, so that they share a flush.
    const results = await Promise.allSettled(peers.map((peer) => this.#merge(peer)));
    const failures: Error[] = [];
    results.forEach((result, i) => {
      if (result.status === 'fulfilled') this.#added += result.value ? 1 : 0;
      else {
        failures.push(result.reason as Error);
        onFailed(peers[i]!);
      }
    });
    if (failures.length > 0) throw failures[0]!;
    if (this.#added <= this.#slack) return;
    this.#added = 0;
    await this.#prune();
  }

  /** True if there was one. */
  forget(nodeId: Uint8Array): Promise<boolean> {
    return this.#chamber.deleteRecord(RecordKind.PEER, hex(nodeId));
  }

  /** All peers, in a stable order. What is damaged is told at the end. */
  async *list(): AsyncGenerator<PeerRecord, void, undefined> {
    let firstError: Error | undefined;
    yield* this.#sound((error) => (firstError ??= error));
    if (firstError !== undefined) throw firstError;
  }

  async *#sound(onDamaged: (error: Error) => void): AsyncGenerator<PeerRecord, void, undefined> {
    for await (const id of this.#chamber.listRecords(RecordKind.PEER, { onDamaged })) {
      const dict = await this.#chamber.retrieveRecord(RecordKind.PEER, id).catch(soundOnly(onDamaged));
      const peer = dict && parsePeer(dict);
      if (peer !== undefined) yield peer;
    }
  }

  /** True if the peer is new. */
  async #merge(peer: PeerRecord): Promise<boolean> {
    const id = hex(peer.nodeId);
    let isNew = false;
    try {
      await this.#chamber.updateRecord(RecordKind.PEER, id, (dict) => {
        const known = dict && parsePeer(dict);
        isNew = dict === undefined;
        return toDict(known === undefined ? peer : merged(known, peer));
      });
    } catch (error) {
      if (!isDamage(error)) throw error;
      await this.#chamber.storeRecord(RecordKind.PEER, id, toDict(peer));
    }
    return isNew;
  }

  async #prune(): Promise<void> {
    let count = 0;
    for await (const _id of this.#chamber.listRecords(RecordKind.PEER, { onDamaged: () => count++ })) count++;
    if (count <= this.#max) return;
    const seen: { readonly id: string; readonly lastSeen: number }[] = [];
    for await (const { nodeId, lastSeen } of this.#sound(() => {})) seen.push({ id: hex(nodeId), lastSeen });
    seen.sort((a, b) => a.lastSeen - b.lastSeen);
    const excess = seen.slice(0, Math.max(0, count - (this.#max - this.#slack)));
    await Promise.all(excess.map(({ id }) => this.#chamber.deleteRecord(RecordKind.PEER, id)));
  }
}

/** What two notes about a peer say together. Their numbers of sessions are apart. */
export function merged(known: PeerRecord, news: PeerRecord): PeerRecord {
  const newest = news.lastSeen >= known.lastSeen ? news : known;
  return {
    ...newest,
    firstSeen: Math.min(known.firstSeen, news.firstSeen),
    sessions: known.sessions + news.sessions,
  };
}
