import { randomBytes } from 'node:crypto';
import { Chamber, MemoryStore, STCWrapper, type ChamberStore } from '../../lib/index.js';
import { BACKEND } from './nodes.js';

export interface Holder {
  readonly stc: STCWrapper;
  readonly nodeId: Uint8Array;
}

/** Seed and node id of a chamber, on the backend under test. */
export function freshHolder(): Holder {
  const stc = new STCWrapper(randomBytes(32), { backend: BACKEND });
  return { stc, nodeId: stc.generateNodeId(new TextEncoder().encode('stt_node_identity')) };
}

export interface TestChamber extends Holder {
  readonly store: ChamberStore;
  readonly chamber: Chamber;
}

/** A chamber in memory. */
export async function memoryChamber(): Promise<TestChamber> {
  const [holder, store] = [freshHolder(), new MemoryStore()];
  return { ...holder, store, chamber: await Chamber.open({ ...holder, store }) };
}

/** Everything an async iterable gives. */
export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of source) found.push(item);
  return found;
}

/** Records of a store by kind (first octet of a name), in its order. */
export async function entriesOf(store: ChamberStore, kind: number) {
  return store.scan(Uint8Array.of(kind), undefined, 100_000);
}
