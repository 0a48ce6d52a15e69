/** Monotonic time. */
export interface Clock {
  /** Milliseconds, with fraction, from an arbitrary origin. */
  now(): number;
}
