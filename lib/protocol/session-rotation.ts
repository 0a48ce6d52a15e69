import type { ControlQueue } from './control-queue.js';
import { ControlStream } from './control-stream.js';
import { KeyRatchet, type RatchetLink } from './key-ratchet.js';
import type { Outbox } from './outbox.js';
import type { RotationConfig } from './rotation-config.js';
import type { Numbers, Recovery } from './sending.js';

/** The machines around the ratchet. */
export interface RotationParts {
  readonly control: ControlQueue;
  readonly recovery: Recovery;
  readonly outbox: Outbox;
  /** Made when it is first used. */
  controlStream: ControlStream | undefined;
}

/** When a session that never changed its keys has to begin. */
export function firstRotationAt({ policy }: RotationConfig, role: 'initiator' | 'responder', now: number): number {
  return now + Math.min(role === 'initiator' ? policy.firstAfterMs : Infinity, policy.afterMs);
}

/** Whether its first key has sealed enough. */
export function isFirstKeyWorn({ policy }: RotationConfig, outbox: Outbox, sealLimit: number): boolean {
  const packets = outbox.keyPackets;
  return packets >= policy.afterPackets || packets >= sealLimit / 2 || outbox.keyOctets >= policy.afterOctets;
}

/** Ties the ratchet of a session to the machines around it. Made when it is needed: most sessions are short. */
export class SessionRotation implements RatchetLink {
  readonly ratchet: KeyRatchet;
  readonly #parts: RotationParts;
  readonly #numbers: Numbers;

  /** `sealLimit`: packets that one key may seal. `openedAt`: when the session began. */
  constructor(
    { crypto, owner, policy, sessionKey }: RotationConfig,
    role: 'initiator' | 'responder',
    openedAt: number,
    sealLimit: number,
    numbers: Numbers,
    parts: RotationParts,
  ) {
    this.#parts = parts;
    this.#numbers = numbers;
    const host = owner.rotation;
    this.ratchet = new KeyRatchet({ crypto, policy, sessionKey, host, role, now: openedAt, sealLimit, link: this });
  }

  get largestAcked(): number {
    return this.#parts.recovery.largestAcked;
  }

  get ptoMs(): number {
    return this.#parts.recovery.pto;
  }

  sendMessage(type: number, body: Uint8Array): boolean {
    return (this.#parts.controlStream ??= new ControlStream(this.ratchet)).send(type, body);
  }

  onSendPhase(): number {
    this.#parts.outbox.onNewKey();
    return this.#numbers.next;
  }

  requestPing(): void {
    this.#parts.control.wantPing = true;
  }
}
