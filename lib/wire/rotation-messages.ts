import { KEM_CIPHERTEXT, KEM_PUBLIC_KEY } from '../ports/kem.js';
import * as ControlMessage from './control-message.js';

/*
 * Messages of key rotation on control stream 0 (STT §6):
 *
 *   KEY_REQUEST   phase u32 | ML-KEM-768 public key (1,184)
 *   KEY_RESPONSE  phase u32 | ciphertext (1,088)
 */

/** Types of messages on control stream 0. */
export * as ControlMessage from './control-message.js';

const PHASE_OCTETS = 4;
/** Phases are u32 (STT §6). */
export const LAST_PHASE = 0xffffffff;

/** Of a body, which is borrowed. */
export interface RotationMessage {
  readonly phase: number;
  /** The public key or the ciphertext, a copy. */
  readonly octets: Uint8Array;
}

/** The body of KEY_REQUEST (with a public key) or KEY_RESPONSE (with a ciphertext). */
export function encodeRotationBody(phase: number, octets: Uint8Array): Uint8Array {
  const body = new Uint8Array(PHASE_OCTETS + octets.length);
  new DataView(body.buffer).setUint32(0, phase);
  body.set(octets, PHASE_OCTETS);
  return body;
}

/** What a body of that type says, or undefined if its length is not that of the type. */
export function parseRotationBody(type: number, body: Uint8Array): RotationMessage | undefined {
  const length = type === ControlMessage.KEY_REQUEST ? KEM_PUBLIC_KEY : KEM_CIPHERTEXT;
  if (body.length !== PHASE_OCTETS + length) return undefined;
  const phase = new DataView(body.buffer, body.byteOffset).getUint32(0);
  return { phase, octets: body.slice(PHASE_OCTETS) };
}
