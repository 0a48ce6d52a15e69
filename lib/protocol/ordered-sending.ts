import { OrderedRanges } from './ordered-ranges.js';
import { OrderedRecovery } from './ordered-recovery.js';
import type { Pacing, SendingFactory } from './sending.js';

/** The connection holds back by itself. */
const AT_ONCE: Pacing = { delay: () => 0, budget: () => Infinity, onSent: () => {} };

/**
 * For sessions that stay on a connection, which loses nothing, keeps the order, and has congestion control of its own
 * (STT §10), as in browsers.
 */
export const orderedSending: SendingFactory = (config) => {
  const recovery = new OrderedRecovery(config);
  return { recovery, numbers: recovery, pacer: AT_ONCE, received: new OrderedRanges(), runs: () => undefined };
};
