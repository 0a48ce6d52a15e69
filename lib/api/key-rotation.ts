import { sttError } from '../errors.js';
import type { KemAnswer } from '../ports/kem.js';
import type { PacketEngine, PhaseKeys } from '../ports/packet-engine.js';
import type { RotationHost } from '../ports/rotation-host.js';
import type { Session } from '../protocol/session.js';
import { monotonicMs } from './clock.js';
import type { KemQueue } from './kem-queue.js';

/** The session whose keys are changed, and the pump that sends what it has to say. */
export interface RotatingEntry {
  readonly session: Session;
  schedule(): void;
}

/** Where the keys of a session are. */
export type KeySlots = Pick<PacketEngine, 'installNextKeys' | 'switchSendKeys' | 'dropOldKeys'>;

/** Who asks ML-KEM for sessions: see `KemQueue`. */
export type KemAsker = Pick<KemQueue, 'ask'>;

interface Waiting {
  resolve(): void;
  reject(error: Error): void;
}

/** Ties the key rotation of a session to ML-KEM, to its slot in the packet engine, and to the application that waits for it. */
export class KeyRotation implements RotationHost {
  readonly #keys: KeySlots;
  readonly #slot: number;
  readonly #kem: KemAsker;
  readonly #entry: RotatingEntry;
  #waiting: Waiting[] | undefined;
  /** Takes the question that was asked last back. */
  #takeBack: (() => unknown) | undefined;

  constructor(keys: KeySlots, slot: number, kem: KemAsker, entry: RotatingEntry) {
    this.#keys = keys;
    this.#slot = slot;
    this.#kem = kem;
    this.#entry = entry;
  }

  /** Resolves when other keys are in use. */
  rotate(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#entry.session.rotateKeys(monotonicMs());
      (this.#waiting ??= []).push({ resolve, reject });
      this.#entry.schedule();
    });
  }

  /** The session is over. */
  end(error: Error): void {
    this.#takeBack?.();
    this.#settle((waiting) => waiting.reject(error));
  }

  // RotationHost

  generate(question: number): void {
    this.#ask(question, (kem, done) => kem.generate(done));
  }

  encapsulate(question: number, publicKey: Uint8Array): void {
    this.#ask(question, (kem, done) => kem.encapsulate(publicKey, done));
  }

  decapsulate(question: number, privateKey: unknown, ciphertext: Uint8Array): void {
    const takeBack = this.#ask(question, (kem, done) => kem.decapsulate(privateKey, ciphertext, done));
    this.#takeBack = () => {
      if (takeBack() && privateKey instanceof Uint8Array) privateKey.fill(0);
    };
  }

  installNextKeys(send: PhaseKeys, receive: PhaseKeys): void {
    this.#keys.installNextKeys(this.#slot, send, receive);
  }

  switchSendKeys(): void {
    this.#keys.switchSendKeys(this.#slot);
  }

  dropOldKeys(): void {
    this.#keys.dropOldKeys(this.#slot);
  }

  onKeysRotated(): void {
    this.#settle((waiting) => waiting.resolve());
  }

  onRotationFailed(why: string): void {
    this.#settle((waiting) => waiting.reject(sttError('ERR_STT_KEY_EXCHANGE', { why })));
  }

  /** The one before, if it still waits, is of no use any more (`KeyRatchet`). */
  #ask(question: number, ask: Parameters<KemAsker['ask']>[0]): () => boolean {
    this.#takeBack?.();
    const takeBack = this.#kem.ask(ask, (answer) => this.#answer(question, answer));
    this.#takeBack = takeBack;
    return takeBack;
  }

  #answer(question: number, answer: KemAnswer): void {
    this.#entry.session.handleKemAnswer(monotonicMs(), question, answer);
    this.#entry.schedule();
  }

  #settle(settle: (waiting: Waiting) => void): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.forEach(settle);
  }
}
