import { RandomLosses } from './losses.js';

// RFC 9438 §4.
const C = 0.4;
const BETA = 0.7;
const ALPHA = (3 * (1 - BETA)) / (1 + BETA);

export interface CubicModelOptions {
  readonly bitsPerSecond: number;
  readonly rttMs: number;
  readonly queueBdp: number;
  readonly loss: number;
  readonly seconds: number;
  readonly seed: number;
  readonly packetSize: number;
}

/** What was sent in one step. */
interface Flight {
  readonly sentAt: number;
  readonly segments: number;
  readonly lost: number;
  /** When the sender learns what became of it. */
  readonly answerAt: number;
}

/**
 * What RFC 9438 says a CUBIC flow gets over a link, as the share of its rate: the formulas of the RFC with segments and
 * seconds as there, in steps of a 200th of a round trip, without packets, ACK frames or any code of the product. The n-th segment is lost if `RandomLosses` of the same seed says so.
 */
export function cubicModel(options: CubicModelOptions): number {
  const rate = options.bitsPerSecond / 8 / options.packetSize;
  const base = options.rttMs / 1000;
  const room = rate * base * options.queueBdp;
  const losses = new RandomLosses(options.loss, options.seed);
  const step = base / 200;

  let cwnd = 10;
  let ssthresh = Infinity;
  let wMax = 0;
  let cwndPrior = 0;
  let wEst = 0;
  /** Begin of the stage of congestion avoidance, undefined before. */
  let epoch: number | undefined;
  let k = 0;
  /** Losses of segments sent before were answered, and their ACKs make nothing grow. */
  let recovery = -Infinity;
  const flights: Flight[] = [];
  let inFlight = 0;
  let queue = 0;
  let paced = cwnd;
  let delivered = 0;

  for (let now = 0; now < options.seconds; now += step) {
    while (flights.length > 0 && flights[0]!.answerAt <= now) {
      const { sentAt, segments, lost } = flights.shift()!;
      const acked = segments - lost;
      inFlight -= segments;
      delivered += acked;
      if (sentAt <= recovery) continue;
      if (lost > 0) {
        recovery = now;
        // §4.6, §4.7
        wMax = cwnd < wMax ? (cwnd * (1 + BETA)) / 2 : cwnd;
        cwndPrior = cwnd;
        cwnd = ssthresh = Math.max(cwnd * BETA, 2);
        epoch = undefined;
        continue;
      }
      if (cwnd < ssthresh) {
        cwnd += acked;
        continue;
      }
      if (epoch === undefined) {
        epoch = now;
        wEst = cwnd;
        // §4.2: K = cubic_root((W_max - cwnd_epoch) / C)
        k = cwnd < wMax ? Math.cbrt((wMax - cwnd) / C) : 0;
        if (cwnd >= wMax) wMax = cwnd;
      }
      const cubic = (at: number): number => C * (at - k) ** 3 + wMax;
      // §4.3
      wEst += (wEst < cwndPrior ? ALPHA : 1) * (acked / cwnd);
      if (cubic(now - epoch) < wEst) cwnd = Math.max(cwnd, wEst);
      else {
        // §4.4, §4.5
        const target = Math.min(Math.max(cubic(now - epoch + base + queue / rate), cwnd), 1.5 * cwnd);
        cwnd += ((target - cwnd) / cwnd) * acked;
      }
    }

    queue = Math.max(0, queue - rate * step);
    // Spread over a round trip, as RFC 9002 §7.7 asks for.
    const pace = ((cwnd < ssthresh ? 2 : 1.25) * cwnd) / (base + queue / rate);
    paced = Math.min(paced + pace * step, Math.max(10, 2 * pace * step));
    const segments = Math.floor(Math.min(cwnd - inFlight, paced));
    if (segments <= 0) continue;
    paced -= segments;
    let lost = Math.min(segments, Math.max(0, Math.ceil(queue + segments - room)));
    queue += segments - lost;
    for (let i = 0; i < segments; i++) if (losses.next() && lost < segments) lost++;
    inFlight += segments;
    flights.push({ sentAt: now, segments, lost, answerAt: now + base + queue / rate });
  }
  return delivered / (rate * options.seconds);
}
