import type { Kem } from '../ports/kem.js';

/** Loaded with the first rotation: who opens sessions for a moment only does without it. */
const load = () => import('../stc/node-kem.js').then(({ kem }) => kem);

/** ML-KEM of this thread, for sessions. Never on its event loop. */
export const nodeKem: Kem = {
  generate: (done) => void load().then((kem) => kem.generate(done)),
  encapsulate: (publicKey, done) => void load().then((kem) => kem.encapsulate(publicKey, done)),
  decapsulate: (privateKey, ciphertext, done) =>
    void load().then((kem) => kem.decapsulate(privateKey, ciphertext, done)),
};
