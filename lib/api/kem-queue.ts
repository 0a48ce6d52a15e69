import type { Kem, KemAnswer } from '../ports/kem.js';

type Done = (answer: KemAnswer) => void;
type Ask = (kem: Kem, done: Done) => void;

/** Questions computed at a time: enough that a thread need not wait for the next one. */
const AT_ONCE = 4;

/**
 * Questions to ML-KEM, answered in the order they came. Half a millisecond each, they can come faster than that: every
 * peer may ask for one, as soon as its session is open. So the sessions that are gone take theirs with them; of those that
 * are there none has more than one that counts.
 */
export class KemQueue {
  readonly #kem: Kem;
  readonly #waiting = new Set<{ readonly ask: Ask; readonly done: Done }>();
  #asked = 0;

  constructor(kem: Kem) {
    this.#kem = kem;
  }

  /** Questions that are not being computed yet. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Asks when it is the question's turn; `done` is told the answer.
   * @returns a function that takes the question back: true if it is never asked, false if that was too late
   */
  ask(ask: Ask, done: Done): () => boolean {
    const question = { ask, done };
    this.#waiting.add(question);
    this.#next();
    return () => this.#waiting.delete(question);
  }

  #next(): void {
    for (const question of this.#waiting) {
      if (this.#asked === AT_ONCE) return;
      this.#waiting.delete(question);
      this.#asked++;
      question.ask(this.#kem, (answer) => {
        this.#asked--;
        this.#next();
        question.done(answer);
      });
    }
  }
}
