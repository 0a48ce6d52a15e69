import type { CongestionAlgorithm } from './congestion/controller.js';

/** How packets go over a kind of path. */
export interface PathProfile {
  /** Octets of full packets at first. */
  readonly packetSize: number;
  /** `undefined`: nobody controls it here. */
  readonly congestion: CongestionAlgorithm | undefined;
  /** Packets may be marked for ECN: see `EcnValidator`. */
  readonly ecn?: boolean | undefined;
}
