import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReceiveWindow, SendCredit } from '../../../lib/protocol/flow-control.js';

describe('flow control', () => {
  it('never lets more than the cap wait, never stalls a sender that is read, never takes credit back', () => {
    const step = fc.record({
      send: fc.nat(5_000),
      read: fc.nat(5_000),
      wait: fc.nat(100),
      lost: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 80 }),
        fc.integer({ min: 0, max: 3_000 }),
        fc.integer({ min: 0, max: 9_000 }),
        (steps, initial, cap) => {
          const window = new ReceiveWindow(initial, cap);
          const credit = new SendCredit(initial);
          let sent = 0;
          let read = 0;
          let now = 1;
          for (const { send, read: wanted, wait, lost } of steps) {
            now += wait;
            const octets = Math.min(send, credit.available);
            credit.use(octets);
            sent += octets;
            expect(window.receive(octets)).toBe(true);
            expect(sent - read).toBeLessThanOrEqual(Math.max(initial, cap));
            const taken = Math.min(wanted, sent - read);
            read += taken;
            if (window.consume(taken)) {
              const before = credit.limit;
              const limit = window.renew(now, 50);
              expect(limit).toBe(read + window.window);
              if (!lost) credit.raise(limit);
              expect(credit.limit).toBeGreaterThanOrEqual(before);
            } else if (window.window > 0) expect(window.limit - read).toBeGreaterThan(window.window / 2);
          }
        },
      ),
    );
  });

  it('refuses one octet too many', () => {
    const window = new ReceiveWindow(10, 10);
    expect(window.receive(10)).toBe(true);
    expect(window.receive(1)).toBe(false);
  });

  it('grows while a round trip uses more than half of it, up to the cap, and only then', () => {
    const fast = new ReceiveWindow(1_000, 6_000);
    const slow = new ReceiveWindow(1_000, 6_000);
    for (let now = 100; now < 10_000; now += 100) {
      fast.receive(fast.limit - fast.received);
      fast.consume(fast.received - fast.consumed);
      fast.renew(now, 100);
      slow.receive(300);
      if (slow.consume(300)) slow.renew(now, 100);
    }
    expect(fast.window).toBe(6_000);
    expect(slow.window).toBe(1_000);
  });

  it('does not dribble: credit is told by a quarter of the window', () => {
    const window = new ReceiveWindow(1_000, 1_000);
    window.receive(1_000);
    let told = 0;
    for (let i = 0; i < 1_000; i++) {
      if (window.consume(1)) {
        window.renew(i, 1);
        told++;
      }
    }
    expect(told).toBe(4);
  });
});
