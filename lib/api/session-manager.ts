import type { STTSession } from './session.js';

/** The sessions of a node. */
export class SessionManager implements Iterable<STTSession> {
  readonly #sessions = new Map<string, STTSession>();

  get size(): number {
    return this.#sessions.size;
  }

  [Symbol.iterator](): Iterator<STTSession> {
    return this.#sessions.values();
  }

  /** The session of an id, or undefined. */
  get(sessionId: Uint8Array): STTSession | undefined {
    return this.#sessions.get(key(sessionId));
  }

  /** The sessions with one peer. */
  ofPeer(peerNodeId: Uint8Array): STTSession[] {
    return [...this].filter((session) => Buffer.compare(session.peerNodeId, peerNodeId) === 0);
  }

  /** @internal */
  add(session: STTSession): void {
    this.#sessions.set(key(session.sessionId), session);
  }

  /** @internal */
  delete(session: STTSession): void {
    this.#sessions.delete(key(session.sessionId));
  }
}

function key(sessionId: Uint8Array): string {
  return Buffer.from(sessionId).toString('latin1');
}
