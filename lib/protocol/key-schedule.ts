import type { CryptoProvider } from '../ports/crypto.js';
import type { DirectionKeys, PhaseKeys, SessionKeys } from '../ports/packet-engine.js';
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
const ROTATE = ascii('STC v1 rotate');
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

/**
 * The session key of the next phase: `rotateSessionKey` of STT §2 with the secret of ML-KEM and the hash of both messages
 * as its nonce (STT §5).
 * @param request - body of KEY_REQUEST
 * @param response - body of KEY_RESPONSE
 */
export function nextSessionKey(
  crypto: CryptoProvider,
  sessionKey: Uint8Array,
  secret: Uint8Array,
  request: Uint8Array,
  response: Uint8Array,
): Uint8Array {
  const nonce = concat([secret, crypto.sha256(request, response)]);
  const prk = crypto.hkdfExtract(nonce, sessionKey);
  const next = crypto.hkdfExpand(prk, ROTATE, KEY_OCTETS);
  nonce.fill(0);
  prk.fill(0);
  return next;
}

/** Keys of a later phase in both directions; those of header protection are always those of phase 0 (STT §5). */
export function derivePhaseKeys(
  crypto: CryptoProvider,
  role: 'initiator' | 'responder',
  sessionKey: Uint8Array,
): { readonly send: PhaseKeys; readonly receive: PhaseKeys } {
  const there = phaseKeys(crypto, crypto.hkdfExpand(sessionKey, INITIATOR_TO_RESPONDER, KEY_OCTETS));
  const back = phaseKeys(crypto, crypto.hkdfExpand(sessionKey, RESPONDER_TO_INITIATOR, KEY_OCTETS));
  return role === 'initiator' ? { send: there, receive: back } : { send: back, receive: there };
}

function directionKeys(crypto: CryptoProvider, sessionKey: Uint8Array, direction: Uint8Array): DirectionKeys {
  const secret = crypto.hkdfExpand(sessionKey, direction, KEY_OCTETS);
  return { ...phaseKeys(crypto, secret), hp: crypto.hkdfExpand(secret, HP, KEY_OCTETS) };
}

function phaseKeys(crypto: CryptoProvider, secret: Uint8Array): PhaseKeys {
  return { key: crypto.hkdfExpand(secret, KEY, KEY_OCTETS), iv: crypto.hkdfExpand(secret, IV, IV_OCTETS) };
}
