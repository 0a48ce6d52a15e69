import { sttError } from '../node-errors.js';

/** Longest id of a record, in octets of UTF-8. */
export const MAX_ID_OCTETS = 16_384;
/** Characters of an id that a message shows. */
const SHOWN = 80;

/**
 * The octets of an id. Any text that is not empty is one; what it looks like does not matter to a store.
 * @throws STTChamberError `ERR_STT_CHAMBER_ID`
 */
export function idOctets(id: unknown): Uint8Array {
  if (typeof id !== 'string') throw refused(id === null ? 'null' : `a ${typeof id}`, 'it is not a string');
  if (id === '') throw refused('""', 'it is empty');
  // Two ids with lone surrogates would have the same octets.
  if (!isWellFormed(id)) throw refused(shownId(id), 'it has half of a surrogate pair');
  // No character has more than three octets for each unit of a string.
  // Node's pool is what makes this several times faster than a TextEncoder.
  const octets = id.length > MAX_ID_OCTETS ? undefined : Buffer.from(id);
  if (octets === undefined || octets.length > MAX_ID_OCTETS) {
    throw refused(shownId(id), `it is longer than ${MAX_ID_OCTETS} octets`);
  }
  return octets;
}

/** An id as messages show it: quoted, on one line, not too long. */
export function shownId(id: string): string {
  return JSON.stringify(id.length > SHOWN ? `${id.slice(0, SHOWN)}...` : id);
}

function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

function refused(id: string, why: string): Error {
  return sttError('ERR_STT_CHAMBER_ID', { id, why });
}
