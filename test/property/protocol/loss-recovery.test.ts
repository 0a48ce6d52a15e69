import { ALGORITHMS } from '../../../lib/protocol/congestion/algorithms.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SentFrame } from '../../../lib/protocol/sent-packets.js';
import { type Fate, PATH, PAYLOAD, RecoveryHarness, SIZE } from '../../support/recovery-harness.js';

type State = 'open' | 'acked' | 'lost';

interface ModelPacket {
  readonly pn: number;
  readonly time: number;
  readonly size: number;
  state: State;
}

/** What loss recovery must do, packet by packet, in the plainest way. */
class Model {
  readonly packets: ModelPacket[] = [];
  largestAcked = -1;

  /** Gives whether the ACK acknowledged anything. */
  ack(ranges: readonly [number, number][]): boolean {
    let any = false;
    for (const packet of this.packets) {
      if (packet.state !== 'open' || !ranges.some(([lo, hi]) => lo <= packet.pn && packet.pn <= hi)) continue;
      packet.state = 'acked';
      this.largestAcked = Math.max(this.largestAcked, packet.pn);
      any = true;
    }
    return any;
  }

  lose(now: number, lossDelay: number): void {
    for (const packet of this.packets) {
      if (packet.state !== 'open' || packet.pn >= this.largestAcked) continue;
      if (packet.pn <= this.largestAcked - 3 || now >= packet.time + lossDelay) packet.state = 'lost';
    }
  }

  get inFlight(): number {
    return this.packets.reduce((sum, { state, size }) => sum + (state === 'open' ? size : 0), 0);
  }

  numbers(state: State): number[] {
    return this.packets.filter((packet) => packet.state === state && packet.size > 0).map(({ pn }) => pn);
  }
}

/** Packet numbers behind what was told, each packet having a frame of its own. */
function told(fates: readonly Fate[], packetAt: Map<number, number>): number[] {
  const seen: number[] = [];
  for (const [kind, , b, c] of fates) {
    if (kind === SentFrame.FLOW_CREDIT || kind === SentFrame.MESSAGE) seen.push(b);
    else {
      const end = b + Math.floor(c / 2);
      for (let at = b; at < end;) {
        seen.push(packetAt.get(at)!);
        at += Math.min(PAYLOAD, end - at);
      }
    }
  }
  return seen.sort((a, b) => a - b);
}

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('run' as const), count: fc.integer({ min: 1, max: 80 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('send' as const), count: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('ack' as const),
      // Distances backwards from the newest number: gap, length, gap, length ...
      gaps: fc.array(fc.tuple(fc.nat({ max: 12 }), fc.nat({ max: 40 })), { minLength: 1, maxLength: 6 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat({ max: 300 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('timeout' as const) }) },
);

describe('loss recovery', () => {
  it('decides on every packet as a plain list of packets does', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.constantFrom(...Object.values(ALGORITHMS)),
        (steps, congestion) => {
          const h = new RecoveryHarness({ congestion });
          const model = new Model();
          const packetAt = new Map<number, number>();
          let now = 0;
          let offset = 0;
          const add = (pn: number, size: number): void => {
            model.packets.push({ pn, time: now, size, state: 'open' });
          };
          for (const it of steps) {
            now += 0.25;
            if (it.kind === 'run') {
              const count = h.numbers.run(it.count);
              const pn = h.sendRun(now, count);
              for (let i = 0; i < count; i++) {
                packetAt.set(offset + i * PAYLOAD, pn + i);
                add(pn + i, i < count - 1 ? SIZE : SIZE - PAYLOAD + 1);
              }
              offset += (count - 1) * PAYLOAD + 1;
            } else if (it.kind === 'send') {
              for (let i = 0; i < it.count; i++) {
                const kind = i % 2 === 0 ? SentFrame.FLOW_CREDIT : SentFrame.MESSAGE;
                add(h.send(now, 1, PATH, kind), SIZE);
              }
              // A packet that only acknowledges: of no octets here, as it counts for nothing.
              add(h.sendAck(now), 0);
            } else if (it.kind === 'ack') {
              const ranges: [number, number][] = [];
              let hi = h.numbers.next - 1;
              for (const [gap, length] of it.gaps) {
                hi -= gap;
                const lo = Math.max(0, hi - length);
                if (hi < 0) break;
                ranges.push([lo, hi]);
                hi = lo - 2;
              }
              // Skipped numbers and ACKs that were dropped are other tests' business.
              if (ranges.length === 0 || h.numbers.acknowledgesSkipped(new Float64Array(ranges.flat()), ranges.length))
                continue;
              expect(h.ack(now, ...ranges)).toBe(0);
              if (model.ack(ranges)) model.lose(now, h.recovery.rtt.lossDelay);
            } else if (it.kind === 'wait') {
              now += it.ms;
            } else {
              const at = h.recovery.timeout();
              if (at === Infinity) continue;
              now = Math.max(now, at);
              h.recovery.onTimeout(now);
              model.lose(now, h.recovery.rtt.lossDelay);
            }
            expect(h.recovery.bytesInFlight).toBe(model.inFlight);
            if (model.inFlight > 0) expect(h.recovery.unsettled).toBeGreaterThan(0);
          }
          const repeatable = h.acked.filter(([kind]) => kind !== SentFrame.ACK);
          expect(told(repeatable, packetAt)).toEqual(model.numbers('acked'));
          // Told lost: all that are lost, each once, and what a probe was to carry although its packet was not lost.
          const lost = told(
            h.lost.filter(([kind]) => kind !== SentFrame.ACK),
            packetAt,
          );
          expect(new Set(lost).size).toBe(lost.length);
          expect(model.numbers('lost').filter((pn) => !lost.includes(pn))).toEqual([]);
          const probed = lost.filter((pn) => !model.numbers('lost').includes(pn));
          expect(probed.length).toBeLessThanOrEqual(2 * steps.filter(({ kind }) => kind === 'timeout').length);
          expect(h.recovery.congestionWindow).toBeGreaterThanOrEqual(2 * SIZE);
          expect(Number.isFinite(h.recovery.congestionWindow)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });
});
