import type { Kem, KemAnswer } from '../ports/kem.js';
import { KemQueue } from './kem-queue.js';

/** Loaded with the first rotation: who opens sessions for a moment only does without it. */
const load = () => import('../stc/node-kem.js').then(({ kem }) => kem);

const loaded: Kem = {
  generate: (done) => ask(done, (kem) => kem.generate(done)),
  encapsulate: (publicKey, done) => ask(done, (kem) => kem.encapsulate(publicKey, done)),
  decapsulate: (key, ciphertext, done) => ask(done, (kem) => kem.decapsulate(key, ciphertext, done)),
};

/** ML-KEM of this thread, for the sessions of all its nodes. Never on its event loop. */
export const nodeKem = new KemQueue(loaded);

function ask(done: (answer: KemAnswer) => void, question: (kem: Kem) => void): void {
  load().then(question, (error: Error) => done({ kind: 'failed', why: error.message }));
}
