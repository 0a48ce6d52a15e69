import { encodeAltAddress, encodeResetToken } from '../wire/packet-frames.js';
import { SentFrame, type Announcement } from './sent-frame.js';

/** Frame, control type, and the length of the body. */
const MAX_HEAD = 12;

/** The initiator's stateless-reset token (16 octets), for the responder (STT §4, §5). */
export function announceResetToken(token: Uint8Array): Announcement {
  return { kind: SentFrame.RESET_TOKEN, frame: encoded(encodeResetToken, token) };
}

/** Where else this node can be reached, as `encodeAlternatives` gives it. */
export function announceAlternatives(addresses: Uint8Array): Announcement {
  return { kind: SentFrame.ALT_ADDRESS, frame: encoded(encodeAltAddress, addresses) };
}

function encoded(encode: (body: Uint8Array, out: Uint8Array, at: number) => number, body: Uint8Array): Uint8Array {
  const out = new Uint8Array(MAX_HEAD + body.length);
  return out.subarray(0, encode(body, out, 0));
}
