/** When a session changes its keys of its own accord (STT §5). */
export interface RotationPolicy {
  /** First rotation of an initiator, so long after the session opened, ms; Infinity: none before the others are due. */
  readonly firstAfterMs: number;
  /** UDP payload sealed under one key. */
  readonly afterOctets: number;
  /** Packets sealed under one key. */
  readonly afterPackets: number;
  /** Age of a key, ms. */
  readonly afterMs: number;
}

/** The defaults, each with its reason. */
export const DEFAULT_ROTATION_POLICY: RotationPolicy = {
  // Who only asks something and goes pays nothing for what would come too late for him; for the others it is soon enough.
  firstAfterMs: 100,
  afterOctets: 16 * 1024 ** 3,
  // Half of what AES-GCM may seal when packets are large.
  afterPackets: 2 ** 22,
  afterMs: 3_600_000,
};

/** Rotations by the policy are so far apart (STT §5), ms. */
export const POLICY_GAP_MS = 1_000;
/** Those that the application asks for, and those that must be because a key is nearly used up. */
export const URGENT_GAP_MS = 150;
/** A peer that asks again sooner than that is no peer of ours, which waits longer (STT §5), ms. */
export const STORM_GAP_MS = 100;
/** How long to wait after ML-KEM could not be computed, ms. */
export const RETRY_GAP_MS = 60_000;
