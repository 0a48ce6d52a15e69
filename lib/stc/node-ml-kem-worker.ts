import { Worker } from 'node:worker_threads';
import type { Kem, KemAnswer } from '../ports/kem.js';

/*
 * ML-KEM-768 by @noble on a thread of its own: half a millisecond inside the event loop would delay every packet. The
 * worker's code is a string because it then is the same thing in dist/ and in tests that run the TypeScript sources.
 * Keys and secrets are moved between the threads, not copied.
 */
const WORKER = `
const { parentPort, workerData } = require('node:worker_threads');
const { createRequire } = require('node:module');
const { pathToFileURL } = require('node:url');
const load = () => import(pathToFileURL(createRequire(workerData).resolve('@noble/post-quantum/ml-kem.js')).href);
const own = (octets) => octets.byteLength === octets.buffer.byteLength ? octets : octets.slice();
const operations = {
  generate(kem) {
    const { publicKey, secretKey } = kem.keygen();
    return { kind: 'generated', publicKey: own(publicKey), privateKey: own(secretKey) };
  },
  encapsulate(kem, publicKey) {
    let made;
    try { made = kem.encapsulate(publicKey); } catch { return { kind: 'invalid' }; }
    return { kind: 'encapsulated', ciphertext: own(made.cipherText), secret: own(made.sharedSecret) };
  },
  decapsulate(kem, privateKey, ciphertext) {
    let secret;
    try { secret = kem.decapsulate(ciphertext, privateKey); } catch { return { kind: 'invalid' }; }
    privateKey.fill(0);
    return { kind: 'decapsulated', secret: own(secret) };
  },
};
const loaded = load();
// Told to whoever asks.
loaded.catch(() => {});
parentPort.on('message', async ([operation, ...inputs]) => {
  let answer;
  try { answer = operations[operation]((await loaded).ml_kem768, ...inputs); }
  catch (error) { answer = { kind: 'failed', why: String(error) }; }
  parentPort.postMessage(answer, Object.values(answer).filter((value) => value.buffer).map((value) => value.buffer));
});
`;

type Done = (answer: KemAnswer) => void;
type Operation = 'generate' | 'encapsulate' | 'decapsulate';

/** ML-KEM-768 in a worker thread, started by `prepare` or by the first question. It does not hold the process. */
export class WorkerMlKem implements Kem {
  #worker: Worker | undefined;
  /** A thread was tried in vain. */
  #isHere = false;
  /** Answers come in the order of questions. */
  #waiting: Done[] = [];

  /** Starts the thread, which takes the event loop some milliseconds. If there is none to be had, questions do without. */
  prepare(): void {
    this.#thread();
  }

  generate(done: Done): void {
    this.#ask(done, 'generate', [], []);
  }

  encapsulate(publicKey: Uint8Array, done: Done): void {
    this.#ask(done, 'encapsulate', [publicKey], []);
  }

  decapsulate(privateKey: unknown, ciphertext: Uint8Array, done: Done): void {
    if (!(privateKey instanceof Uint8Array) || privateKey.byteLength === 0) {
      setImmediate(done, { kind: 'invalid' } satisfies KemAnswer);
      return;
    }
    this.#ask(done, 'decapsulate', [privateKey, ciphertext], [privateKey.buffer as ArrayBuffer]);
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #ask(done: Done, operation: Operation, inputs: readonly Uint8Array[], moved: readonly ArrayBuffer[]): void {
    const worker = this.#thread();
    if (worker === undefined) {
      this.#answerHere(done, operation, inputs);
      return;
    }
    worker.postMessage([operation, ...inputs], moved);
    this.#waiting.push((answer) => {
      // What was moved there is lost with the thread.
      if (answer.kind !== 'failed' || moved.length > 0) done(answer);
      else this.#answerHere(done, operation, inputs);
    });
  }

  /** No thread to be had, or no file to be found, as in an application that was bundled into one. */
  #answerHere(done: Done, operation: Operation, inputs: readonly Uint8Array[]): void {
    this.#isHere = true;
    import('./noble-ml-kem.js').then(
      (kem) => done((kem[operation] as (...inputs: readonly Uint8Array[]) => KemAnswer)(...inputs)),
      (error: Error) => done({ kind: 'failed', why: error.message }),
    );
  }

  #thread(): Worker | undefined {
    if (this.#isHere) return undefined;
    try {
      return (this.#worker ??= this.#start());
    } catch {
      this.#isHere = true;
      return undefined;
    }
  }

  #start(): Worker {
    const worker = new Worker(WORKER, { eval: true, workerData: import.meta.url, name: 'stt-ml-kem', execArgv: [] });
    // Not before: in a thread that is no main thread it would be held for ever, in spite of it.
    worker.once('online', () => worker.unref());
    worker.on('message', (answer: KemAnswer) => this.#waiting.shift()?.(answer));
    worker.on('error', (error) => this.#end(worker, error.message));
    worker.on('exit', () => this.#end(worker, 'its thread ended'));
    return worker;
  }

  /** The thread is gone, with all that was asked. */
  #end(worker: Worker, why: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const done of waiting) done({ kind: 'failed', why });
  }
}
