import { Worker } from 'node:worker_threads';
import { packCommits, type StoreCommit } from './packed-commits.js';

/*
 * Transactions of LMDB on a thread of their own: waiting for the disk inside the event loop would hold up every packet.
 * They are synchronous there: LMDB's asynchronous writes end in rejections that nobody can catch when a disk is full.
 * The worker's code is a string because it then is the same thing in dist/ and in tests that run the TypeScript sources.
 */
const WORKER = `
const { parentPort, workerData } = require('node:worker_threads');
const { createRequire } = require('node:module');
const { open } = createRequire(workerData.from)('lmdb');
const db = open(workerData.options);

function begins(record, octets) {
  return record !== undefined && record.length >= octets.length && octets.equals(record.subarray(0, octets.length));
}

/** Does one commit inside a transaction: -1, or the index of the condition that does not hold. */
function apply(commit) {
  for (let i = 0; i < commit.conditions.length; i++) {
    const { name, octets } = commit.conditions[i];
    const record = db.getBinaryFast(name);
    if (octets === undefined ? record !== undefined : !begins(record, octets)) return i;
  }
  for (const { name, octets } of commit.operations) {
    if (octets === undefined) db.removeSync(name);
    else db.putSync(name, octets);
  }
  return -1;
}

/** What lib/chamber/stores/packed-commits.ts packed. */
function unpack({ octets, layout }) {
  const all = Buffer.from(octets.buffer, octets.byteOffset, octets.length);
  const commits = [];
  let at = 0;
  let read = 0;
  const take = (length) => all.subarray(at, (at += length));
  const entries = (count) =>
    Array.from({ length: count }, () => {
      const name = take(layout[read++]);
      const length = layout[read++];
      return { name, octets: length < 0 ? undefined : take(length) };
    });
  while (read < layout.length) {
    const operations = layout[read++];
    const conditions = layout[read++];
    commits.push({ operations: entries(operations), conditions: entries(conditions) });
  }
  return commits;
}

const failure = ({ code, message }) => ({ code, message });
const transact = (commits) => db.transactionSync(() => commits.map((commit) => apply(commit)));
const alone = (commit) => {
  try { return transact([commit])[0]; } catch (error) { return failure(error); }
};

parentPort.on('message', async (packed) => {
  if (packed === undefined) {
    await db.close();
    parentPort.close();
    return;
  }
  const commits = unpack(packed);
  let outcomes;
  try { outcomes = transact(commits); }
  catch (error) {
    // What failed together may succeed alone: the large ones of a group do not take the small ones with them.
    outcomes = commits.length === 1 ? [failure(error)] : commits.map(alone);
  }
  parentPort.postMessage(outcomes);
});
`;

/** What became of a commit: -1, the index of the condition that did not hold, or why it failed. */
export type CommitOutcome = number | { readonly code: unknown; readonly message: string };

interface Waiting {
  resolve(outcomes: readonly CommitOutcome[]): void;
  reject(error: Error): void;
}

/** Writes to an LMDB that this process has open, one group after the other. Holds the process only meanwhile. */
export class LmdbWriter {
  readonly #options: object;
  #worker: Worker | undefined;
  /** Answers come in the order of groups. */
  #waiting: Waiting[] = [];

  /** Options of LMDB's `open`. The thread is started at the first write. */
  constructor(options: object) {
    this.#options = options;
  }

  /**
   * Does all commits of a group in one transaction with one flush. Rejects if the thread ends: whether the group was
   * written is not known then.
   */
  write(group: readonly StoreCommit[]): Promise<readonly CommitOutcome[]> {
    return new Promise((resolve, reject) => {
      const packed = packCommits(group);
      const worker = (this.#worker ??= this.#start());
      this.#waiting.push({ resolve, reject });
      worker.ref();
      worker.postMessage(packed, [packed.octets.buffer, packed.layout.buffer]);
    });
  }

  /** Ends the thread. Not to be called while something is being written. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    if (worker === undefined) return;
    worker.ref();
    await new Promise((resolve) => {
      worker.once('exit', resolve);
      worker.postMessage(undefined);
    });
  }

  #start(): Worker {
    const workerData = { from: import.meta.url, options: this.#options };
    const worker = new Worker(WORKER, { eval: true, workerData, name: 'stt-chamber', execArgv: [] });
    worker.on('message', (outcomes: readonly CommitOutcome[]) => {
      const waiting = this.#waiting.shift();
      if (this.#waiting.length === 0) worker.unref();
      waiting?.resolve(outcomes);
    });
    worker.on('error', (error) => this.#end(worker, error as Error));
    worker.on('exit', () => this.#end(worker, new Error('its thread ended')));
    return worker;
  }

  #end(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const { reject } of this.#waiting) reject(error);
    this.#waiting = [];
  }
}
