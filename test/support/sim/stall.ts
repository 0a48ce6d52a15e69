import type { Pair } from './pair.js';

/** Notes the longest time in which nothing arrived, in ms. */
export function watchStall(pair: Pair, received: () => number): () => number {
  let last = pair.now;
  let before = received();
  let longest = 0;
  const look = (): void => {
    if (received() !== before) {
      longest = Math.max(longest, pair.now - last);
      last = pair.now;
      before = received();
    }
    pair.time.after(1, look);
  };
  look();
  return () => longest;
}
