// What came of an attempt to send.

/** Something went out. */
export const SENT = 0;
/** There was nothing to send. */
export const NOTHING = 1;
/** Congestion control or pacing holds it back. */
export const HELD = 2;
/** The sink is full. */
export const REFUSED = 3;

export type Kind = typeof SENT | typeof NOTHING | typeof HELD | typeof REFUSED;
