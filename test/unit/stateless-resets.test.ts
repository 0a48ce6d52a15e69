import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { StatelessResets } from '../../lib/api/stateless-resets.js';
import { MAX_RESET, MIN_RESET } from '../../lib/constants.js';
import type { PacketEngine } from '../../lib/ports/packet-engine.js';
import { nodeProvider } from '../../lib/stc/node-provider.js';

const ID = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
const ADDRESS = new Uint8Array(22);

/** Resets, with what they send and the budgets they give to the engine. */
function made(key = new Uint8Array(32).fill(9)) {
  const sent: Uint8Array[] = [];
  const budgets: number[] = [];
  const resets = new StatelessResets(nodeProvider, key);
  const engine = {
    sendDatagram: (_address: Uint8Array, datagram: Uint8Array) => sent.push(datagram.slice()) > 0,
    reportStrays: (count: number) => void budgets.push(count),
  };
  resets.start(engine as unknown as PacketEngine);
  return { resets, sent, budgets };
}

afterEach(() => vi.useRealTimers());

describe('stateless resets', () => {
  it('name the session, end with its token, and are shorter than what brings them about', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1500 }), (size) => {
        const { resets, sent } = made();
        resets.onStray(ID, size, ADDRESS);
        resets.stop();
        if (size <= MIN_RESET) return sent.length === 0;
        const [datagram] = sent;
        expect(datagram!.length).toBeLessThan(size);
        expect(datagram!.length).toBeGreaterThanOrEqual(MIN_RESET);
        expect(datagram!.length).toBeLessThanOrEqual(MAX_RESET);
        expect(datagram![0]! & 0x80).toBe(0x80);
        expect(datagram!.slice(1, 9)).toEqual(ID);
        expect(datagram!.slice(-16)).toEqual(resets.token(ID));
        return true;
      }),
    );
  });

  it('of two nodes that take each for a packet of a session come to an end', () => {
    const [one, other] = [made(), made(new Uint8Array(32).fill(8))];
    one.resets.onStray(ID, 1200, ADDRESS);
    let count = 0;
    for (let [from, to] = [one, other]; from.sent.length > 0; [from, to] = [to, from]) {
      to.resets.onStray(ID, from.sent.pop()!.length, ADDRESS);
      count++;
    }
    expect(count).toBeLessThanOrEqual(MAX_RESET - MIN_RESET + 1);
    one.resets.stop();
    other.resets.stop();
  });

  it('are sent at a bounded rate, however many strays come', () => {
    vi.useFakeTimers();
    const { resets, budgets } = made();
    for (let i = 0; i < 1000; i++) resets.onStray(ID, 100, ADDRESS);
    expect(budgets).toHaveLength(1);
    vi.advanceTimersByTime(1000);
    expect(budgets).toHaveLength(2);
    resets.onStray(ID, 100, ADDRESS);
    resets.stop();
    vi.advanceTimersByTime(1000);
    expect(budgets).toHaveLength(2);
  });
});
