/** A stored record under the name the chamber gave it. */
export interface StoreEntry {
  readonly name: Uint8Array;
  readonly record: Uint8Array;
}

/** Puts a record under a name, or deletes what is there: `record` undefined. */
export interface StoreOperation {
  readonly name: Uint8Array;
  readonly record: Uint8Array | undefined;
}

/** What must hold for a commit: the record under `name` begins with these octets; undefined: there is none. */
export interface StoreCondition {
  readonly name: Uint8Array;
  readonly begins: Uint8Array | undefined;
}

/** A page of a scan ends behind the record that makes it as large as that, in octets. */
export const PAGE_OCTETS = 4 * 1_048_576;

/** What a store tells of itself. */
export interface StoreStats {
  /** Records, the chamber's own included. */
  readonly entries: number;
  /** Octets of the store, where it knows them. */
  readonly octets: number | undefined;
}

/**
 * Where a chamber keeps its records: an ordered map of octets. Names have at most 64 octets, records are never empty
 * and have at most 17 MiB. A store sees sealed records only and need not be trusted with what is in them.
 *
 * Whatever fails is an STTChamberError, `ERR_STT_CHAMBER_STORE` or `ERR_STT_CHAMBER_FULL`. What a store takes it does
 * not keep, what it gives it does not change afterwards.
 */
export interface ChamberStore {
  /** Where it is, for messages. */
  readonly label: string;
  /** The record under a name. Sees every commit that was resolved before, of other processes too. */
  get(name: Uint8Array): Promise<Uint8Array | undefined>;
  /**
   * Does all operations at once or none. Resolves when they would survive the end of the process, and, as far as the
   * store promises it, a loss of power. Resolves to the index of the first condition that did not hold, and then
   * nothing was changed; to -1 when all was done.
   */
  commit(operations: readonly StoreOperation[], conditions?: readonly StoreCondition[]): Promise<number>;
  /**
   * Records whose names begin with `prefix`, after the name `after`, in the order of the octets of their names: at
   * most `limit` of them, fewer where they would be more than some megabytes, none only at the end.
   */
  scan(prefix: Uint8Array, after: Uint8Array | undefined, limit: number): Promise<readonly StoreEntry[]>;
  stats(): Promise<StoreStats>;
  /** Settles when everything under way has settled. Idempotent. */
  close(): Promise<void>;
}

/** Compares octets as unsigned numbers, as all stores order names. */
export function compareOctets(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return a.length - b.length;
}

export function beginsWith(octets: Uint8Array, beginning: Uint8Array): boolean {
  if (octets.length < beginning.length) return false;
  for (let i = 0; i < beginning.length; i++) {
    if (octets[i] !== beginning[i]) return false;
  }
  return true;
}
