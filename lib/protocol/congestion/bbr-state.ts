/** States of BBR; `DOWN` to `UP` are the cycle of probing for bandwidth (ProbeBW). */
export const BbrState = { STARTUP: 0, DRAIN: 1, DOWN: 2, CRUISE: 3, REFILL: 4, UP: 5, PROBE_RTT: 6 } as const;
export type BbrState = (typeof BbrState)[keyof typeof BbrState];

/** Losses in a round trip that are put up with while probing, as a share of what was in flight. */
export const LOSS_THRESHOLD = 0.02;
/** Packets that are always allowed in flight. */
export const LEAST_PACKETS = 4;

export function isProbeBw(state: BbrState): boolean {
  return state >= BbrState.DOWN && state <= BbrState.UP;
}

/** Sends so fast that losses are no news: they say what the path carries, and not that it carries less. */
export function isProbing(state: BbrState): boolean {
  return state === BbrState.STARTUP || state === BbrState.REFILL || state === BbrState.UP;
}
