import { CloseCode } from '../constants.js';
import { publish } from '../diagnostics.js';
import { sttError } from '../node-errors.js';
import type { CryptoProvider } from '../ports/crypto.js';
import type { Random } from '../ports/random.js';
import { formatAddress } from '../wire/address.js';
import type { Carrier } from './carrier.js';
import { transportOf } from './connections.js';
import type { OpenedSlot } from './dials.js';
import type { NodeConfig } from './node-options.js';
import type { PathFinder } from './path-finder.js';
import type { PeerAdmission } from './peer-admission.js';
import { reportLater } from './report.js';
import { SessionEntry } from './session-entry.js';
import { newSession } from './session-setup.js';
import type { STTSession } from './session.js';
import { nodePlatform, type STTStream } from './stream.js';

type Entry = SessionEntry<STTStream>;

/** The node around it. */
export interface NewcomersHost {
  readonly config: NodeConfig;
  readonly crypto: CryptoProvider;
  readonly random: Random;
  readonly peers: PeerAdmission;
  readonly isRunning: () => boolean;
  /** The slot of this one is in use from now on. */
  keep(entry: Entry, opened: OpenedSlot): void;
  /** Makes the application's side of a session. */
  adopt(opened: OpenedSlot, entry: Entry): STTSession;
  /** A peer that connected was let in. */
  onSession(session: STTSession): void;
}

/** Peers that have proven who they are: from there to a session, or to a refusal. */
export class Newcomers {
  readonly #host: NewcomersHost;

  constructor(host: NewcomersHost) {
    this.#host = host;
  }

  /** One that connected. Undefined: what it sends is dropped until it is known whether it may, or as the node stops. */
  confirm(carrier: Carrier, opened: OpenedSlot, now: number): Entry | undefined {
    if (!this.#host.isRunning()) return undefined;
    const verdict = this.#host.peers.judge(transportOf(opened.address), opened.result, opened.address);
    if (typeof verdict === 'boolean') return this.#settle(verdict, carrier, opened, now);
    void verdict.then((isIn) => {
      if (this.#host.isRunning()) this.#settle(isIn, carrier, opened, performance.now());
    });
    return undefined;
  }

  /** One that was dialed. Rejects with `ERR_STT_PEER_NOT_ACCEPTED`, `ERR_STT_NODE_STOPPED`, or the reason of the signal. */
  async welcome(
    carrier: Carrier,
    opened: OpenedSlot,
    signal: AbortSignal | undefined,
    makeFinder: (entry: Entry) => PathFinder,
  ): Promise<STTSession> {
    const verdict = this.#host.peers.judge(transportOf(opened.address), opened.result, opened.address);
    const isIn = typeof verdict === 'boolean' ? verdict : await unlessAborted(verdict, signal);
    if (!this.#host.isRunning()) throw sttError('ERR_STT_NODE_STOPPED', { why: 'it was stopped' });
    const now = performance.now();
    if (isIn && signal?.aborted !== true) {
      const entry = this.#newEntry(carrier, opened, now);
      entry.finder = makeFinder(entry);
      return this.#host.adopt(opened, entry);
    }
    const { remoteLabel: remote } = this.#refuse(carrier, opened, now);
    signal?.throwIfAborted();
    throw sttError('ERR_STT_PEER_NOT_ACCEPTED', { remote });
  }

  #settle(isIn: boolean, carrier: Carrier, opened: OpenedSlot, now: number): Entry {
    if (!isIn) return this.#refuse(carrier, opened, now);
    const entry = this.#newEntry(carrier, opened, now);
    const session = this.#host.adopt(opened, entry);
    try {
      this.#host.onSession(session);
    } catch (error) {
      reportLater(error);
    }
    return entry;
  }

  /** Tells a peer that it is refused. */
  #refuse(carrier: Carrier, opened: OpenedSlot, now: number): Entry {
    const entry = this.#newEntry(carrier, opened, now);
    entry.session.close(now, CloseCode.REFUSED, 'it is not accepted as a peer');
    publish('stt:session:refuse', { remote: entry.remoteLabel, role: opened.result.role });
    return entry;
  }

  #newEntry(carrier: Carrier, opened: OpenedSlot, now: number): Entry {
    const { config, crypto, random } = this.#host;
    const { engine, driver } = carrier;
    const { result, slot } = opened;
    const entry = new SessionEntry(carrier, opened, formatAddress(opened.address), nodePlatform);
    entry.session = newSession(config, crypto, opened, entry, random, now, carrier);
    if (result.role === 'initiator') engine.setResetToken(slot, result.resetToken);
    this.#host.keep(entry, opened);
    driver.add(entry);
    return entry;
  }
}

/** False as soon as the signal aborts. */
function unlessAborted(verdict: Promise<boolean>, signal: AbortSignal | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    const onAbort = (): void => resolve(false);
    signal?.addEventListener('abort', onAbort, { once: true });
    void verdict.then((isIn) => {
      signal?.removeEventListener('abort', onAbort);
      resolve(isIn);
    });
  });
}
