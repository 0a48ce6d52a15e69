import { unlimited } from './congestion/unlimited.js';
import { LossRecovery } from './loss-recovery.js';
import { Pacer } from './pacer.js';
import { PacketNumbers } from './packet-numbers.js';
import { ReceivedRanges } from './received-ranges.js';
import type { SendingFactory } from './sending.js';
import { StreamRuns } from './stream-runs.js';

/** For datagrams, which a network loses, delays and changes the order of: loss recovery, congestion control, pacing. */
export const datagramSending: SendingFactory = (config) => {
  const numbers = new PacketNumbers(config.random);
  const recovery = new LossRecovery({ ...config, congestion: config.congestion ?? unlimited, numbers });
  return {
    recovery,
    numbers,
    pacer: new Pacer(recovery, config.now),
    received: new ReceivedRanges(),
    runs: (streams, outbox) => new StreamRuns(streams, outbox, numbers, recovery),
  };
};
