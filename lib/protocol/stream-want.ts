// Control frames that a stream waits to send: bits of `Stream.wanted`.

export const CREDIT = 1;
export const RESET = 2;
export const STOP = 4;
