import type { CongestionAlgorithm } from '../../../../lib/protocol/congestion/controller.js';
import { Bottleneck } from './bottleneck.js';
import { BulkFlow } from './bulk-flow.js';
import { RandomLosses } from './losses.js';

export interface ScenarioOptions {
  /** One flow each. */
  readonly algorithms: readonly CongestionAlgorithm[];
  /** Of the link. */
  readonly bitsPerSecond: number;
  readonly rttMs: number;
  /** Queue of the link, in products of its rate and the round-trip time. */
  readonly queueBdp: number;
  /** Share of packets lost at random. */
  readonly loss?: number;
  readonly seconds: number;
  readonly seed?: number;
  readonly packetSize?: number;
  /** See `FlowOptions`. */
  readonly asks?: boolean;
  readonly batchMs?: number;
  /** The i-th flow begins so many ms after the one before. */
  readonly stagger?: number;
  /** Looks at the flows every so many ms. */
  readonly everyMs?: number;
  readonly look?: (seconds: number, flows: readonly BulkFlow[]) => void;
}

export interface ScenarioResult {
  readonly flows: readonly BulkFlow[];
  /** Octets that arrived and were needed, by the octets that the link could carry in all the time. */
  readonly shares: readonly number[];
  readonly dropped: number;
}

export const PACKET = 1200;

/** Lets flows send over one link for a time. */
export function runScenario(options: ScenarioOptions): ScenarioResult {
  const { algorithms, bitsPerSecond, rttMs, queueBdp, loss = 0, seconds, seed = 1, stagger = 0 } = options;
  const { packetSize = PACKET, everyMs = Infinity, look, asks = true, batchMs = 0.1 } = options;
  const rate = bitsPerSecond / 8000;
  const bottleneck = new Bottleneck(rate, queueBdp * rate * rttMs);
  const begin = 1000;
  const end = begin + seconds * 1000;
  const flows = algorithms.map(
    (algorithm, i) =>
      new BulkFlow({
        algorithm,
        bottleneck,
        losses: new RandomLosses(loss, seed + 1000 * i),
        rttMs,
        packetSize,
        seed: seed + i,
        start: begin + i * stagger,
        asks,
        batchMs,
      }),
  );
  let now = begin;
  let lookAt = begin + everyMs;
  for (;;) {
    let flow = flows[0]!;
    let at = flow.next();
    for (let i = 1; i < flows.length; i++) {
      const next = flows[i]!.next();
      if (next >= at) continue;
      at = next;
      flow = flows[i]!;
    }
    while (lookAt <= Math.min(at, end)) {
      look?.((lookAt - begin) / 1000, flows);
      lookAt += everyMs;
    }
    if (at > end) break;
    now = Math.max(now, at);
    flow.step(now);
  }
  const shares = flows.map((flow) => flow.goodput / (rate * (end - begin)));
  return { flows, shares, dropped: bottleneck.dropped };
}
