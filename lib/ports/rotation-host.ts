import type { PhaseKeys } from './packet-engine.js';

/**
 * What a session needs for the rotation of its keys: ML-KEM, whose answers come later by `Session.handleKemAnswer` with
 * the number of the question, and its keys in the packet engine. Bound to one session by whoever drives it.
 */
export interface RotationHost {
  generate(question: number): void;
  encapsulate(question: number, publicKey: Uint8Array): void;
  decapsulate(question: number, privateKey: unknown, ciphertext: Uint8Array): void;
  /** See `PacketEngine`. */
  installNextKeys(send: PhaseKeys, receive: PhaseKeys): void;
  switchSendKeys(): void;
  dropOldKeys(): void;
  /** The keys of `phase` are in use both ways. */
  onKeysRotated(phase: number): void;
  /** This side could not begin a rotation; the session goes on with the keys it has. */
  onRotationFailed(why: string): void;
}
