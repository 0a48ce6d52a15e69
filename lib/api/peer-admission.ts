import { CloseCode } from '../constants.js';
import { sourceOf } from '../protocol/handshake/handshake-budget.js';
import type { HandshakeResult } from '../protocol/handshake/handshake-result.js';
import { addressHost, addressPort, isIPv4Address } from '../wire/address.js';
import { checkedNodeId, type AdmissionConfig, type PeerInfo } from './admission-options.js';
import type { SessionEntry } from './session-entry.js';
import type { STTStream } from './stream.js';

/** Octets of an address that are not its port and scope. */
const HOST_OCTETS = 16;

type Entry = SessionEntry<STTStream>;

/** By whom a session is, as limits count it. */
interface Owner {
  readonly peer: string;
  readonly source: string;
}

/**
 * Who may be a node's peer: the allow-list, revocation, the application's `authorize`, and how many sessions one peer
 * and one source may have. Changes count at once; a peer that is revoked loses its sessions.
 */
export class PeerAdmission {
  readonly #config: AdmissionConfig;
  readonly #allowed: Set<string> | undefined;
  readonly #revoked = new Set<string>();
  readonly #owners = new Map<Entry, Owner>();
  /** Sessions, and peers that wait for `authorize`, by peer id and by source. */
  readonly #byPeer = new Map<string, number>();
  readonly #bySource = new Map<string, number>();
  /** Peers that wait for `authorize`. */
  #waiting = 0;
  /** Sessions that were refused since the node was made. */
  #refused = 0;

  /** @internal */
  constructor(config: AdmissionConfig) {
    this.#config = config;
    this.#allowed = config.allowedPeers && new Set(config.allowedPeers.map(binary));
  }

  /** Peers whose `authorize` has not answered yet. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Peers that proved who they are, and were not let in. */
  get refused(): number {
    return this.#refused;
  }

  /** Ends a revocation, and puts the peer on the allow-list if there is one. @param peerNodeId 32 octets */
  allow(peerNodeId: Uint8Array): void {
    const peer = binary(checkedNodeId(peerNodeId));
    this.#revoked.delete(peer);
    this.#allowed?.add(peer);
  }

  /**
   * Lets a peer in no more, and ends its sessions at once: it sees `ERR_STT_REFUSED`.
   * @param peerNodeId 32 octets
   * @returns how many sessions were ended
   */
  revoke(peerNodeId: Uint8Array): number {
    const peer = binary(checkedNodeId(peerNodeId));
    this.#revoked.add(peer);
    this.#allowed?.delete(peer);
    const entries = Array.from(this.#owners).filter(([, owner]) => owner.peer === peer);
    for (const [entry] of entries) {
      entry.session.close(performance.now(), CloseCode.REFUSED, 'the peer was revoked');
      entry.schedule();
    }
    return entries.length;
  }

  /** @internal True if a HELLO in the name of this peer is worth an answer; nothing is proven yet. */
  isWelcome(peerNodeId: Uint8Array): boolean {
    const peer = binary(peerNodeId);
    if (this.#revoked.has(peer) || this.#allowed?.has(peer) === false) return false;
    return (this.#byPeer.get(peer) ?? 0) < this.#config.maxSessionsPerPeer;
  }

  /** @internal True if there may be one more session of this address (ADDRESS_OCTETS). */
  hasRoom(address: Uint8Array): boolean {
    return (this.#bySource.get(sourceKey(address)) ?? 0) < this.#config.maxSessionsPerSource;
  }

  /**
   * @internal Decides about a peer that has proven who it is. A promise never rejects. What comes of true is told by
   * `add`.
   */
  judge(transport: PeerInfo['transport'], result: HandshakeResult, address: Uint8Array): boolean | Promise<boolean> {
    const { authorize } = this.#config;
    const { peerNodeId, role } = result;
    // Own attempts are bounded by who makes them.
    const hasRoom = role === 'initiator' || this.hasRoom(address);
    let verdict: boolean | PromiseLike<boolean> = this.isWelcome(peerNodeId) && hasRoom;
    if (verdict && authorize !== undefined) {
      try {
        verdict = authorize(peerNodeId.slice(), { role, transport, ...remoteAddressOf(address) });
      } catch {
        verdict = false;
      }
    }
    if (typeof verdict !== 'boolean')
      return this.#wait(verdict, { peer: binary(peerNodeId), source: sourceKey(address) });
    if (!verdict) this.#refused++;
    return verdict;
  }

  /** @internal A session was opened. */
  add(entry: Entry, peerNodeId: Uint8Array, address: Uint8Array): void {
    const owner = { peer: binary(peerNodeId), source: sourceKey(address) };
    this.#owners.set(entry, owner);
    this.#count(owner, 1);
  }

  /** @internal Its end. */
  delete(entry: Entry): void {
    const owner = this.#owners.get(entry);
    if (this.#owners.delete(entry)) this.#count(owner!, -1);
  }

  async #wait(answer: PromiseLike<unknown>, owner: Owner): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tooLate = new Promise<false>((resolve) => {
      timer = setTimeout(resolve, this.#config.authorizeTimeoutMs, false);
    });
    this.#waiting++;
    this.#count(owner, 1);
    const verdict = await Promise.race([Promise.resolve(answer).catch(() => false), tooLate]);
    clearTimeout(timer);
    this.#waiting--;
    this.#count(owner, -1);
    // It may have been revoked meanwhile.
    const isIn = verdict === true && !this.#revoked.has(owner.peer) && this.#allowed?.has(owner.peer) !== false;
    if (!isIn) this.#refused++;
    return isIn;
  }

  #count({ peer, source }: Owner, by: number): void {
    for (const [counts, key] of [
      [this.#byPeer, peer],
      [this.#bySource, source],
    ] as const) {
      const count = (counts.get(key) ?? 0) + by;
      if (count > 0) counts.set(key, count);
      else counts.delete(key);
    }
  }
}

/** Where a peer is, for the application. */
export function remoteAddressOf(address: Uint8Array): Pick<PeerInfo, 'address' | 'port' | 'family'> {
  return {
    address: addressHost(address),
    port: addressPort(address),
    family: isIPv4Address(address) ? 'IPv4' : 'IPv6',
  };
}

function sourceKey(address: Uint8Array): string {
  return sourceOf(binary(address.subarray(0, HOST_OCTETS)));
}

function binary(octets: Uint8Array): string {
  return String.fromCharCode(...octets);
}
