import { SESSION_ID_OCTETS } from '../constants.js';
import {
  encodeHelloPayload,
  encodeResponsePayload,
  RESET_TOKEN_OCTETS,
  type HelloPayload,
  type ResponsePayload,
} from './handshake-messages.js';

/*
 * The payloads of a node's handshakes differ in few octets: what is the same for all is encoded once. The octets are
 * those of `encodeHelloPayload` and `encodeResponsePayload`.
 */

/** Below this a timestamp would be a shorter INT (STT §9); clocks have been past it since 1970. */
const MIN_TIMESTAMP = 2 ** 32;
const TWO_32 = 2 ** 32;

/** Encodes the Noise payloads of HELLO that differ in their timestamps; see `encodeHelloPayload` for `size` and errors. */
export class HelloPayloads {
  readonly #fixed: Omit<HelloPayload, 'timestampMicros'>;
  readonly #size: number;
  readonly #template: Uint8Array;
  readonly #timestampAt: number;

  constructor(fixed: Omit<HelloPayload, 'timestampMicros'>, size: number) {
    this.#fixed = fixed;
    this.#size = size;
    this.#template = encodeHelloPayload({ ...fixed, timestampMicros: MIN_TIMESTAMP }, size);
    // The two differ in the last but one of the upper four octets, big-endian.
    const other = encodeHelloPayload({ ...fixed, timestampMicros: 256 * MIN_TIMESTAMP }, size);
    this.#timestampAt = firstDifference(this.#template, other) - 2;
  }

  encode(timestampMicros: number): Uint8Array {
    if (timestampMicros < MIN_TIMESTAMP) return encodeHelloPayload({ ...this.#fixed, timestampMicros }, this.#size);
    const payload = this.#template.slice();
    const view = new DataView(payload.buffer);
    view.setUint32(this.#timestampAt, Math.floor(timestampMicros / TWO_32));
    view.setUint32(this.#timestampAt + 4, timestampMicros % TWO_32);
    return payload;
  }
}

/** Encodes the Noise payloads of HELLO_RESP that differ in session id and reset token; see `encodeResponsePayload`. */
export class ResponsePayloads {
  readonly #template: Uint8Array;
  readonly #sessionIdAt: number;
  readonly #resetTokenAt: number;

  constructor(fixed: Omit<ResponsePayload, 'sessionId' | 'resetToken'>, size: number) {
    const zeros = {
      ...fixed,
      sessionId: new Uint8Array(SESSION_ID_OCTETS),
      resetToken: new Uint8Array(RESET_TOKEN_OCTETS),
    };
    this.#template = encodeResponsePayload(zeros, size);
    const sessionId = new Uint8Array(SESSION_ID_OCTETS).fill(1);
    this.#sessionIdAt = firstDifference(this.#template, encodeResponsePayload({ ...zeros, sessionId }, size));
    const resetToken = new Uint8Array(RESET_TOKEN_OCTETS).fill(1);
    this.#resetTokenAt = firstDifference(this.#template, encodeResponsePayload({ ...zeros, resetToken }, size));
  }

  encode(sessionId: Uint8Array, resetToken: Uint8Array): Uint8Array {
    const payload = this.#template.slice();
    payload.set(sessionId, this.#sessionIdAt);
    payload.set(resetToken, this.#resetTokenAt);
    return payload;
  }
}

function firstDifference(a: Uint8Array, b: Uint8Array): number {
  return a.findIndex((octet, i) => octet !== b[i]);
}
