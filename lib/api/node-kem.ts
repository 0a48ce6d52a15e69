import type { Kem, KemAnswer } from '../ports/kem.js';
import { KemQueue } from './kem-queue.js';

/** Loaded when a node starts, or with the first rotation if sessions do not begin with one. */
const load = () => import('../stc/node-kem.js').then(({ kem }) => kem);

const loaded: Kem = {
  generate: (done) => ask(done, (kem) => kem.generate(done)),
  encapsulate: (publicKey, done) => ask(done, (kem) => kem.encapsulate(publicKey, done)),
  decapsulate: (key, ciphertext, done) => ask(done, (kem) => kem.decapsulate(key, ciphertext, done)),
};

/** ML-KEM of this thread, for the sessions of all its nodes. Never on its event loop. */
export const nodeKem = new KemQueue(loaded);

/** Gets ML-KEM ready, so that no event loop waits for that in the middle of a transfer. Never rejects. */
export async function prepareNodeKem(): Promise<void> {
  try {
    (await load()).prepare?.();
  } catch {
    // Whoever asks for something is told.
  }
}

function ask(done: (answer: KemAnswer) => void, question: (kem: Kem) => void): void {
  load().then(question, (error: Error) => done({ kind: 'failed', why: error.message }));
}
