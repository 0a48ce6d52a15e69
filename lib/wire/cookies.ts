import { HandshakeType } from '../constants.js';
import type { CryptoProvider } from '../ports/crypto.js';
import { assembleSealedReply, MAC_OCTETS, REPLY_NONCE_OCTETS, sealedReplyParts } from './handshake-messages.js';

/*
 * Cookies of STT §4: a responder that cannot afford to answer everybody gives the sender of a HELLO a value that only
 * it can make and that only this address receives. A HELLO that comes back with it is from where it says.
 */

/** Octets of a cookie. */
export const COOKIE_OCTETS = 16;
/** IPv6 or IPv4-mapped address, and port: what of ADDRESS_OCTETS a cookie is bound to. */
const BOUND_OCTETS = 18;

/** What of a HELLO the proof covers. */
export interface ProofInput {
  /** SHA-256(handshake_id || payload up to mac1), the hash under mac1. */
  readonly digest: Uint8Array;
  readonly mac1: Uint8Array;
}

/** The cookie of an address (ADDRESS_OCTETS) under a secret of the responder. */
export function makeCookie(crypto: CryptoProvider, secret: Uint8Array, address: Uint8Array): Uint8Array {
  return crypto.hmacSha256(secret, address.subarray(0, BOUND_OCTETS)).slice(0, COOKIE_OCTETS);
}

/** mac2 of a HELLO whose sender was given this cookie. */
export function proofOf(crypto: CryptoProvider, cookie: Uint8Array, { digest, mac1 }: ProofInput): Uint8Array {
  return crypto.hmacSha256(cookie, digest, mac1).subarray(0, MAC_OCTETS);
}

/** True if mac2 was made with the cookie of this address, under one of the secrets. */
export function isProven(
  crypto: CryptoProvider,
  secrets: readonly Uint8Array[],
  address: Uint8Array,
  input: ProofInput,
  mac2: Uint8Array,
): boolean {
  return secrets.some((secret) => crypto.equal(proofOf(crypto, makeCookie(crypto, secret, address), input), mac2));
}

/** A COOKIE_REPLY as a whole STTFrame. */
export function encodeCookieReply(
  crypto: CryptoProvider,
  cookieKey: Uint8Array,
  handshakeId: Uint8Array,
  mac1: Uint8Array,
  cookie: Uint8Array,
): Uint8Array {
  const nonce = crypto.randomBytes(REPLY_NONCE_OCTETS);
  const sealed = crypto.sealXaes256Gcm(cookieKey, nonce, mac1, cookie);
  return assembleSealedReply(HandshakeType.COOKIE_REPLY, handshakeId, nonce, sealed);
}

/** The cookie in a COOKIE_REPLY to the HELLO with this mac1; undefined if it is not authentic. */
export function openCookieReply(
  crypto: CryptoProvider,
  cookieKey: Uint8Array,
  mac1: Uint8Array,
  bytes: Uint8Array,
  begin: number,
  end: number,
): Uint8Array | undefined {
  const parts = sealedReplyParts(bytes, begin, end);
  const cookie = parts && crypto.openXaes256Gcm(cookieKey, parts.nonce, mac1, parts.sealed);
  return cookie?.length === COOKIE_OCTETS ? cookie : undefined;
}
