import type { Kem, KemAnswer } from '../ports/kem.js';

/** As many octets of code as all else of a session: fetched when the first rotation is due. */
const load = () => import('../stc/noble-ml-kem.js');

type Done = (answer: KemAnswer) => void;

/** ML-KEM-768 of a page: half a millisecond on its only thread, a few times an hour. */
export const pageMlKem: Kem = {
  generate: (done) => answer(done, ({ generate }) => generate()),
  encapsulate: (publicKey, done) => answer(done, ({ encapsulate }) => encapsulate(publicKey)),
  decapsulate: (key, ciphertext, done) => answer(done, ({ decapsulate }) => decapsulate(key, ciphertext)),
};

function answer(done: Done, compute: (kem: Awaited<ReturnType<typeof load>>) => KemAnswer): void {
  load().then(
    (kem) => done(compute(kem)),
    (error: Error) => done({ kind: 'failed', why: `its code could not be loaded (${error.message})` }),
  );
}
