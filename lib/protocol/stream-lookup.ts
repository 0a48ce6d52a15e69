// What an id that came from the peer stands for.

/** In the table. */
export const OPEN = 0;
/** The peer's, not heard of before: to be opened. */
export const NEW = 1;
/** Over and forgotten. */
export const OVER = 2;
/** One of ours that was never opened. */
export const UNOPENED = 3;
/** Beyond the peer's limit. */
export const OVER_LIMIT = 4;

export type Kind = typeof OPEN | typeof NEW | typeof OVER | typeof UNOPENED | typeof OVER_LIMIT;
