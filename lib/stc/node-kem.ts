import type { Kem } from '../ports/kem.js';
import { nodeMlKem } from './node-ml-kem.js';
import { WorkerMlKem } from './node-ml-kem-worker.js';

/** Shared by all nodes of a thread: that of `node:crypto`, or a worker thread where this Node has none. */
export const kem: Kem = nodeMlKem() ?? new WorkerMlKem();
