import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KemQueue } from '../../lib/api/kem-queue.js';
import { KeyRotation } from '../../lib/api/key-rotation.js';
import { sttError } from '../../lib/errors.js';
import type { Kem, KemAnswer } from '../../lib/ports/kem.js';

const ANSWER: KemAnswer = { kind: 'invalid' };

/** ML-KEM that answers when it is told to; what it was asked, in order. */
class SlowKem implements Kem {
  readonly asked: string[] = [];
  readonly #due: ((answer: KemAnswer) => void)[] = [];

  generate(done: (answer: KemAnswer) => void): void {
    this.#note('generate', done);
  }
  encapsulate(publicKey: Uint8Array, done: (answer: KemAnswer) => void): void {
    this.#note(`encapsulate ${publicKey[0]}`, done);
  }
  decapsulate(_key: unknown, _ciphertext: Uint8Array, done: (answer: KemAnswer) => void): void {
    this.#note('decapsulate', done);
  }
  #note(what: string, done: (answer: KemAnswer) => void): void {
    this.asked.push(what);
    this.#due.push(done);
  }

  get busy(): number {
    return this.#due.length;
  }

  answer(): boolean {
    const done = this.#due.shift();
    done?.(ANSWER);
    return done !== undefined;
  }
}

const question = (i: number) => (kem: Kem, done: (answer: KemAnswer) => void) =>
  kem.encapsulate(Uint8Array.of(i), done);

describe('questions to ML-KEM', () => {
  it('are asked a few at a time, in order, each once, unless they were taken back before', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -3, max: 20 }), { maxLength: 200 }), (steps) => {
        const kem = new SlowKem();
        const queue = new KemQueue(kem);
        const takeBack: (() => boolean)[] = [];
        const answers: number[] = [];
        const expected: number[] = [];
        for (const step of steps) {
          const number = takeBack.length;
          if (step < 0) kem.answer();
          else if (step > 5 && step < number) {
            if (takeBack[step]!()) expected.splice(expected.indexOf(step), 1);
          } else {
            expected.push(number);
            takeBack.push(queue.ask(question(number), () => answers.push(number)));
          }
          expect(kem.busy).toBeLessThanOrEqual(4);
          // Nothing waits while there is nothing to do.
          if (queue.waiting > 0) expect(kem.busy).toBe(4);
        }
        while (kem.answer());
        expect(queue.waiting).toBe(0);
        expect(answers).toEqual(expected);
        expect(kem.asked).toEqual(expected.map((number) => `encapsulate ${number}`));
        // Too late.
        expect(takeBack.some((call) => call())).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it('go on though somebody throws who is told an answer', () => {
    const kem = new SlowKem();
    const queue = new KemQueue(kem);
    for (let i = 0; i < 6; i++) {
      queue.ask(question(i), () => {
        throw new Error('mine');
      });
    }
    for (let i = 0; i < 6; i++) expect(() => kem.answer()).toThrow('mine');
    expect([kem.asked.length, queue.waiting]).toEqual([6, 0]);
  });
});

describe('a session that asks ML-KEM', () => {
  /** The rotation of a session, and a queue in which others are before it. */
  function made() {
    const kem = new SlowKem();
    const queue = new KemQueue(kem);
    for (let i = 0; i < 4; i++) queue.ask(question(i), () => {});
    const told: number[] = [];
    const entry = {
      session: { handleKemAnswer: (_now: number, number: number) => void told.push(number) },
      schedule: () => {},
    };
    return { kem, queue, told, rotation: new KeyRotation({} as never, 0, queue, entry as never) };
  }

  it('has one question waiting, the last', () => {
    const { kem, queue, told, rotation } = made();
    rotation.generate(1);
    rotation.encapsulate(2, Uint8Array.of(9));
    expect(queue.waiting).toBe(1);
    while (kem.answer());
    expect(kem.asked.slice(4)).toEqual(['encapsulate 9']);
    expect(told).toEqual([2]);
  });

  it('takes it back when it ends, and wipes the private key that was to be used', () => {
    const { kem, queue, told, rotation } = made();
    const privateKey = new Uint8Array(2_400).fill(7);
    rotation.decapsulate(1, privateKey, new Uint8Array(1_088));
    rotation.end(sttError('ERR_STT_CLOSED', {}));
    expect(queue.waiting).toBe(0);
    expect(privateKey).toEqual(new Uint8Array(2_400));
    while (kem.answer());
    expect(kem.asked).toHaveLength(4);
    expect(told).toEqual([]);
  });
});
