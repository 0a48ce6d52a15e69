// Of the sending side of a stream.

export const OPEN = 0;
export const RESET = 1;
export const CLOSED = 2;
