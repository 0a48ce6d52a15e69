/** Monotonic milliseconds: what all deadlines of sessions and handshakes are in. */
export const monotonicMs = (): number => performance.now();
