// Of the receiving side of a stream.

export const OPEN = 0;
export const DISCARDING = 1;
export const CLOSED = 2;
