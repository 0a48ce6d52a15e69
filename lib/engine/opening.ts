// How an opening ended.

export const OPENED = 0;
export const REPLAY = 1;
export const FORGERY = 2;
export const NO_KEY = 3;

export type Kind = typeof OPENED | typeof REPLAY | typeof FORGERY | typeof NO_KEY;
