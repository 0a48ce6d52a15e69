import { sttError } from '../node-errors.js';
import { serializeStt, type SttDict } from '../wire/serialization.js';
import { shownId } from './ids.js';

/** @throws STTChamberError `ERR_STT_CHAMBER_VALUE` */
export function checkKey(id: string, key: unknown): Uint8Array {
  if (key instanceof Uint8Array) return key;
  const is = key === null ? 'null' : Array.isArray(key) ? 'an array' : `a ${typeof key}`;
  throw refused(`key ${shownId(id)}`, `it is ${is}, not a Uint8Array`);
}

/** @throws STTChamberError `ERR_STT_CHAMBER_VALUE` */
export function sessionOctets(id: string, session: unknown): Uint8Array {
  const record = `session ${shownId(id)}`;
  const isDict =
    typeof session === 'object' && session !== null && !Array.isArray(session) && !(session instanceof Uint8Array);
  if (!isDict) throw refused(record, 'it is no dictionary');
  try {
    return serializeStt(session as SttDict);
  } catch (cause) {
    throw refused(record, (cause as Error).message.replace(/\.$/, ''), cause);
  }
}

function refused(record: string, why: string, cause?: unknown): Error {
  return sttError('ERR_STT_CHAMBER_VALUE', { record, why }, cause === undefined ? {} : { cause });
}
