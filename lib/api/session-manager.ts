/** What sessions are known by. */
export interface Identified {
  readonly sessionId: Uint8Array;
  readonly peerNodeId: Uint8Array;
}

/** The sessions of a node. */
export class SessionManager<T extends Identified> implements Iterable<T> {
  readonly #sessions = new Map<string, T>();

  get size(): number {
    return this.#sessions.size;
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#sessions.values();
  }

  /** The session of an id, or undefined. */
  get(sessionId: Uint8Array): T | undefined {
    return this.#sessions.get(key(sessionId));
  }

  /** The sessions with one peer. */
  ofPeer(peerNodeId: Uint8Array): T[] {
    const wanted = key(peerNodeId);
    return [...this].filter((session) => key(session.peerNodeId) === wanted);
  }

  /** @internal */
  add(session: T): void {
    this.#sessions.set(key(session.sessionId), session);
  }

  /** @internal */
  delete(session: T): void {
    this.#sessions.delete(key(session.sessionId));
  }
}

function key(sessionId: Uint8Array): string {
  return String.fromCharCode(...sessionId);
}
