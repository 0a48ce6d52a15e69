import type { Chamber } from '../chamber/chamber.js';
import { RecordKind } from '../chamber/record.js';
import { compareOctets } from '../chamber/store.js';
import { MAX_SEEDS } from '../constants.js';
import { sttError } from '../errors.js';
import { checkSeed } from '../stc/stc-root.js';
import { parseRing, ringDict, type SeedRecord } from './node-record-forms.js';
import { isDamage } from './record-damage.js';

const RING_ID = 'shared seeds';

/**
 * The ring of shared seeds that a node uses: the one it was given, which the chamber keeps from now on, else the one
 * that the chamber has kept.
 * @throws STTConfigError `ERR_STT_OPTION_RANGE` if there is neither; STTChamberError
 */
export async function openRing(chamber: Chamber, given: readonly Uint8Array[], now: number): Promise<SeedRecord[]> {
  if (given.length === 0) {
    const ring = parseRing(await chamber.retrieveRecord(RecordKind.NODE, RING_ID)).slice(0, MAX_SEEDS);
    if (ring.length === 0) {
      throw sttError('ERR_STT_OPTION_RANGE', {
        name: 'sharedSeed',
        value: 'undefined',
        expected: 'a Uint8Array at the first start with a chamber, which keeps it,',
      });
    }
    for (const { seed } of ring) checkSeed('sharedSeed', seed);
    return ring;
  }
  let ring: SeedRecord[] = [];
  const fromStored = (stored: readonly SeedRecord[]): SeedRecord[] =>
    (ring = given.map((seed) => findSeed(stored, seed) ?? { seed, since: now, lastUsed: undefined }));
  try {
    await chamber.updateRecord(RecordKind.NODE, RING_ID, (dict) => ringDict(fromStored(parseRing(dict))));
  } catch (error) {
    // What was given counts, whatever has become of the record.
    if (!isDamage(error)) throw error;
    await chamber.storeRecord(RecordKind.NODE, RING_ID, ringDict(fromStored([])));
  }
  return ring;
}

/** Notes when seeds were used. Seeds that another node has taken out of a shared ring stay out. */
export async function noteUse(chamber: Chamber, ring: readonly SeedRecord[]): Promise<void> {
  try {
    await chamber.updateRecord(RecordKind.NODE, RING_ID, (dict) => ringDict(withUse(parseRing(dict), ring)));
  } catch (error) {
    if (!isDamage(error)) throw error;
    await chamber.storeRecord(RecordKind.NODE, RING_ID, ringDict(ring));
  }
}

export async function readRing(chamber: Chamber): Promise<SeedRecord[]> {
  return parseRing(await chamber.retrieveRecord(RecordKind.NODE, RING_ID));
}

function findSeed(ring: readonly SeedRecord[], seed: Uint8Array): SeedRecord | undefined {
  return ring.find((entry) => compareOctets(entry.seed, seed) === 0);
}

function withUse(stored: readonly SeedRecord[], ring: readonly SeedRecord[]): SeedRecord[] {
  return stored.map((entry) => {
    const lastUsed = later(entry.lastUsed, findSeed(ring, entry.seed)?.lastUsed);
    return { ...entry, lastUsed };
  });
}

function later(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}
