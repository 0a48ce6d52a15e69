// Where a stream is: value of `Stream.place`.

export const NONE = 0;
/** In the ring: has something to send. */
export const READY = 1;
/** Has new octets only, and the peer gave no credit for them. */
export const BLOCKED = 2;
