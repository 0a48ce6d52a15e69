// Where a key rotation is; see `KeyRatchet`.

export const IDLE = 0;
export const GENERATING = 1;
export const REQUESTED = 2;
export const DECAPSULATING = 3;
export const ENCAPSULATING = 4;
export const CONFIRMING = 5;

export type Kind =
  typeof IDLE | typeof GENERATING | typeof REQUESTED | typeof DECAPSULATING | typeof ENCAPSULATING | typeof CONFIRMING;
