/** First block of a sender that writes little: many idle-ish streams must not hold 64 KiB each. */
const SMALL_OCTETS = 4096;
/** Blocks of a sender that writes much in small pieces. */
const LARGE_OCTETS = 65_536;

// Spares are kept by the process, not by the stream: 1 MiB of each at most.
const SPARE_SMALL = 256;
const SPARE_LARGE = 16;

const small: Uint8Array[] = [];
const large: Uint8Array[] = [];

/** Memory for copied small writes and for reassembly; contents are undefined. Give it back with `releaseBlock`. */
export function takeBlock(kind: 'small' | 'large'): Uint8Array {
  return kind === 'small'
    ? (small.pop() ?? new Uint8Array(SMALL_OCTETS))
    : (large.pop() ?? new Uint8Array(LARGE_OCTETS));
}

/** Nothing may refer to the block any more. */
export function releaseBlock(block: Uint8Array): void {
  if (block.length === SMALL_OCTETS) {
    if (small.length < SPARE_SMALL) small.push(block);
  } else if (block.length === LARGE_OCTETS && large.length < SPARE_LARGE) large.push(block);
}
