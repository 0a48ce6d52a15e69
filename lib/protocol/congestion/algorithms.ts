import { Bbr } from './bbr.js';
import type { CongestionAlgorithm } from './controller.js';
import { Cubic } from './cubic.js';
import { NewReno } from './new-reno.js';

/** By their names in the options of a node. */
export const ALGORITHMS = {
  cubic: (packetSize) => new Cubic(packetSize),
  newreno: (packetSize) => new NewReno(packetSize),
  bbr: (packetSize, random) => new Bbr(packetSize, random),
} as const satisfies Record<string, CongestionAlgorithm>;
