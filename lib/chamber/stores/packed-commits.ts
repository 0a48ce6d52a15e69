import type { StoreCondition, StoreOperation } from '../store.js';

/** Operations that are done at once or not at all, if all conditions hold. */
export interface StoreCommit {
  readonly operations: readonly StoreOperation[];
  readonly conditions: readonly StoreCondition[];
}

/**
 * Commits as another thread gets them: in two arrays that are moved there, instead of in an object for each record.
 * `layout` has for each commit the number of its operations, then that of its conditions; then for each of these the
 * length of its name and that of its octets, -1 where it has none. `octets` has the names and octets in that order.
 */
export interface PackedCommits {
  readonly octets: Uint8Array<ArrayBuffer>;
  readonly layout: Int32Array<ArrayBuffer>;
}

interface Entry {
  readonly name: Uint8Array;
  readonly octets: Uint8Array | undefined;
}

export function packCommits(commits: readonly StoreCommit[]): PackedCommits {
  let total = 0;
  let numbers = 0;
  for (const { operations, conditions } of commits) {
    numbers += 2 + 2 * (operations.length + conditions.length);
    for (const { name, record } of operations) total += name.length + (record?.length ?? 0);
    for (const { name, begins } of conditions) total += name.length + (begins?.length ?? 0);
  }
  const octets = new Uint8Array(total);
  const layout = new Int32Array(numbers);
  let at = 0;
  let written = 0;
  const put = ({ name, octets: own }: Entry): void => {
    layout[written++] = name.length;
    layout[written++] = own?.length ?? -1;
    octets.set(name, at);
    at += name.length;
    if (own === undefined) return;
    octets.set(own, at);
    at += own.length;
  };
  for (const { operations, conditions } of commits) {
    layout[written++] = operations.length;
    layout[written++] = conditions.length;
    for (const { name, record } of operations) put({ name, octets: record });
    for (const { name, begins } of conditions) put({ name, octets: begins });
  }
  return { octets, layout };
}
