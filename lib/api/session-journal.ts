import type { Chamber } from '../chamber/chamber.js';
import { RecordKind } from '../chamber/record.js';
import { SESSION_ID_OCTETS } from '../constants.js';
import { concat } from '../wire/concat.js';
import { hex, parseSession, toDict, type SessionRecord } from './node-record-forms.js';
import { isDamage } from './record-damage.js';

/** Sessions of one node that are kept: the newest. Their ids, 8 KiB, are written anew with every batch. */
export const MAX_SESSION_RECORDS = 1024;
const INDEX_PREFIX = 'sessions of ';

/**
 * The newest sessions of a node, each a session record of the chamber under its id in hexadecimal. Which of them are
 * the node's, and their order, an index tells, written in the same commit: so the oldest can go without reading all.
 */
export class SessionJournal {
  readonly #chamber: Chamber;
  readonly #indexId: string;
  /** Ids, the oldest first. */
  readonly #ids: Set<string>;

  private constructor(chamber: Chamber, indexId: string, ids: Set<string>) {
    this.#chamber = chamber;
    this.#indexId = indexId;
    this.#ids = ids;
  }

  static async open(chamber: Chamber, nodeId: Uint8Array): Promise<SessionJournal> {
    const indexId = INDEX_PREFIX + hex(nodeId);
    try {
      return new SessionJournal(chamber, indexId, new Set(await readIndex(chamber, indexId)));
    } catch (error) {
      if (!isDamage(error)) throw error;
      // The records it named stay, and nothing removes them any more.
      return new SessionJournal(chamber, indexId, new Set());
    }
  }

  /** All or none are written. */
  async write(sessions: readonly SessionRecord[]): Promise<void> {
    const batch = this.#chamber.batch();
    const ids = new Set(this.#ids);
    for (const session of sessions) {
      const id = hex(session.sessionId);
      ids.add(id);
      batch.storeSession(id, toDict(session));
    }
    for (const id of ids) {
      if (ids.size <= MAX_SESSION_RECORDS) break;
      ids.delete(id);
      batch.deleteSession(id);
    }
    const octets = concat([...ids].map((id) => Buffer.from(id, 'hex')));
    await batch.storeRecord(RecordKind.NODE, this.#indexId, { ids: octets }).write();
    this.#ids.clear();
    for (const id of ids) this.#ids.add(id);
  }
}

/** The sessions of all nodes that use a chamber, each node's oldest first. What is damaged is told at the end. */
export async function* listSessions(chamber: Chamber): AsyncGenerator<SessionRecord, void, undefined> {
  let firstError: Error | undefined;
  const onDamaged = (error: Error): void => void (firstError ??= error);
  for await (const indexId of chamber.listRecords(RecordKind.NODE, { onDamaged })) {
    if (!indexId.startsWith(INDEX_PREFIX)) continue;
    const ids = await readIndex(chamber, indexId).catch(soundOnly(onDamaged));
    for (const id of ids ?? []) {
      const dict = await chamber.retrieveSession(id).catch(soundOnly(onDamaged));
      const session = dict && parseSession(dict);
      if (session !== undefined) yield session;
    }
  }
  if (firstError !== undefined) throw firstError;
}

/** Takes the errors of damaged records, and passes the others on. */
export function soundOnly(onDamaged: (error: Error) => void): (error: unknown) => undefined {
  return (error) => {
    if (!isDamage(error)) throw error;
    onDamaged(error as Error);
    return undefined;
  };
}

async function readIndex(chamber: Chamber, indexId: string): Promise<string[]> {
  const octets = (await chamber.retrieveRecord(RecordKind.NODE, indexId))?.['ids'];
  if (!(octets instanceof Uint8Array)) return [];
  const ids: string[] = [];
  for (
    let at = 0;
    at + SESSION_ID_OCTETS <= octets.length && ids.length < MAX_SESSION_RECORDS;
    at += SESSION_ID_OCTETS
  ) {
    ids.push(hex(octets.subarray(at, at + SESSION_ID_OCTETS)));
  }
  return ids;
}
