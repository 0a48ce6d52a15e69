import type { CryptoProvider } from '../ports/crypto.js';
import type { DirectionKeys, SessionKeys } from '../ports/packet-engine.js';
import type { HandshakeResult } from './handshake/handshake-result.js';
import { ascii } from '../wire/ascii.js';
import { concat } from '../wire/concat.js';

/** AEAD key and header-protection key of both suites, and a session key. */
const KEY_OCTETS = 32;
const IV_OCTETS = 12;
/** Failed openings that a session survives (STT §5). */
const FORGERY_LIMIT = 2 ** 36;

const KEY = ascii('key');
const IV = ascii('iv');
const HP = ascii('hp');
const EXPORT = ascii('export');
const SESSION = ascii('STT v1 session');
const INITIATOR_TO_RESPONDER = ascii('i2r');
const RESPONDER_TO_INITIATOR = ascii('r2i');

/** `session_key` from the transcript hash and the two keys of Noise `Split()` (STT §4). */
export function sessionKeyOf(crypto: CryptoProvider, hash: Uint8Array, k1: Uint8Array, k2: Uint8Array): Uint8Array {
  return crypto.hkdfExpand(crypto.hkdfExtract(hash, concat([k1, k2])), SESSION, KEY_OCTETS);
}

/** Keys of phase 0 in both directions, for `PacketEngine.openSession` (STT §5). */
export function deriveSessionKeys(
  crypto: CryptoProvider,
  result: Pick<HandshakeResult, 'role' | 'sessionId' | 'sessionKey' | 'suite'>,
): SessionKeys {
  const there = directionKeys(crypto, result.sessionKey, INITIATOR_TO_RESPONDER);
  const back = directionKeys(crypto, result.sessionKey, RESPONDER_TO_INITIATOR);
  const initiates = result.role === 'initiator';
  return {
    sessionId: result.sessionId,
    suite: result.suite,
    send: initiates ? there : back,
    receive: initiates ? back : there,
    forgeryLimit: FORGERY_LIMIT,
  };
}

/** The 32 octets that the application sees as `sessionKey`; they do not follow key rotations (STT §4). */
export function exportKey(crypto: CryptoProvider, sessionKey: Uint8Array): Uint8Array {
  return crypto.hkdfExpand(sessionKey, EXPORT, KEY_OCTETS);
}

function directionKeys(crypto: CryptoProvider, sessionKey: Uint8Array, direction: Uint8Array): DirectionKeys {
  const secret = crypto.hkdfExpand(sessionKey, direction, KEY_OCTETS);
  return {
    key: crypto.hkdfExpand(secret, KEY, KEY_OCTETS),
    iv: crypto.hkdfExpand(secret, IV, IV_OCTETS),
    hp: crypto.hkdfExpand(secret, HP, KEY_OCTETS),
  };
}
