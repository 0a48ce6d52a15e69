import { ALGORITHMS } from '../../../../lib/protocol/congestion/algorithms.js';
import { describe, expect, it } from 'vitest';
import { RecoveryHarness, SIZE } from '../../../support/recovery-harness.js';

/** A path that loses every `period`-th packet: sends all that the window allows in each round trip; gives the mean window. */
function meanWindow(congestion: 'cubic' | 'newreno', rttMs: number, period: number, rounds: number): number {
  const h = new RecoveryHarness({ congestion: ALGORITHMS[congestion], handshakeRttMs: rttMs });
  const { recovery, numbers } = h;
  const ranges = new Float64Array(512);
  const flying: [number, number][] = [];
  let sent = 0;
  let lost: number[] = [];
  let sum = 0;
  let offset = 0;
  for (let round = 0; round < rounds; round++) {
    // Twenty steps make a round trip: the ACK of what was sent a round trip ago, then as much as that lets go.
    for (let i = 0; i < 20; i++) {
      const now = round * rttMs + (i * rttMs) / 20;
      const arrived = flying.length >= 20 ? flying.shift()! : undefined;
      if (arrived !== undefined && arrived[1] >= arrived[0]) {
        let count = 0;
        let hi = arrived[1];
        for (const hole of [...lost].reverse()) {
          if (hole > hi || hole < arrived[0]) continue;
          if (hole < hi) {
            ranges[count++] = hole + 1;
            ranges[count++] = hi;
          }
          hi = hole - 1;
        }
        if (hi >= arrived[0]) {
          ranges[count++] = arrived[0];
          ranges[count++] = hi;
        }
        if (count > 0) recovery.onAckReceived(now, ranges[1]!, 0, ranges, count / 2, false, 0, 0, 0);
        lost = lost.filter((pn) => pn > arrived[1]);
      }
      if (recovery.timeout() <= now) recovery.onTimeout(now);
      const first = numbers.next;
      const count = numbers.run(Math.floor(recovery.room / SIZE));
      if (count > 0) {
        recovery.onRunSent(first, count, now, SIZE, SIZE, 1, offset, 1155, offset + count * 1155, false);
        offset += count * 1155;
        numbers.take(count);
        for (let pn = first; pn < first + count; pn++) if (++sent % period === 0) lost.push(pn);
      }
      flying.push([first, first + count - 1]);
    }
    if (round >= rounds / 5) sum += recovery.congestionWindow / SIZE;
  }
  return sum / (rounds - Math.ceil(rounds / 5));
}

describe('mean window on a path that loses one packet in so many', () => {
  it('is what RFC 9438 §5.1 says for CUBIC over long round trips', () => {
    const expected = Math.pow((0.4 * 3.7) / (4 * 0.3), 0.25) * Math.pow(0.1 * 10_000, 0.75);
    const mean = meanWindow('cubic', 100, 10_000, 6000);
    expect(mean / expected).toBeGreaterThan(0.9);
    expect(mean / expected).toBeLessThan(1.1);
  });

  it('is that of Reno for CUBIC over short round trips', () => {
    const expected = Math.sqrt(1.5 * 1000);
    const mean = meanWindow('cubic', 5, 1000, 4000);
    expect(mean / expected).toBeGreaterThan(0.85);
    expect(mean / expected).toBeLessThan(1.15);
  });

  it('is that of Reno for NewReno', () => {
    const expected = Math.sqrt(1.5 * 1000);
    const mean = meanWindow('newreno', 100, 1000, 4000);
    expect(mean / expected).toBeGreaterThan(0.85);
    expect(mean / expected).toBeLessThan(1.15);
  });
});
