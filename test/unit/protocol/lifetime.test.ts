import { describe, expect, it } from 'vitest';
import { Suite } from '../../../lib/ports/crypto.js';
import { Lifetime } from '../../../lib/protocol/lifetime.js';
import { sealLimit } from '../../../lib/protocol/seal-limit.js';

describe('lifetime', () => {
  it('takes the smaller idle timeout that is not zero', () => {
    expect(new Lifetime(0, 5_000, 9_000, 0).idleTimeoutMs).toBe(5_000);
    expect(new Lifetime(0, 0, 9_000, 0).idleTimeoutMs).toBe(9_000);
    expect(new Lifetime(0, 5_000, 0, 0).idleTimeoutMs).toBe(5_000);
    expect(new Lifetime(0, 0, 0, 0).idleDeadline(100)).toBe(Infinity);
  });

  it('is restarted by what comes, and by the first packet sent after that', () => {
    const lifetime = new Lifetime(0, 5_000, 5_000, 0);
    lifetime.onReceived(1_000);
    expect(lifetime.idleDeadline(100)).toBe(6_000);
    lifetime.onSent(2_000);
    expect(lifetime.idleDeadline(100)).toBe(7_000);
    lifetime.onSent(3_000);
    expect(lifetime.idleDeadline(100)).toBe(7_000);
  });

  it('waits for three PTO', () => {
    expect(new Lifetime(0, 1_000, 1_000, 0).idleDeadline(800)).toBe(2_400);
  });

  it('keeps the session alive by option, and while octets wait for credit', () => {
    const lifetime = new Lifetime(0, 30_000, 30_000, 0);
    expect(lifetime.keepAliveDeadline(false)).toBe(Infinity);
    expect(lifetime.keepAliveDeadline(true)).toBe(10_000);
    lifetime.onKeepAlive(10_000);
    expect(lifetime.keepAliveDeadline(true)).toBe(20_000);
    expect(new Lifetime(0, 30_000, 30_000, 4_000).keepAliveDeadline(true)).toBe(4_000);
    expect(new Lifetime(0, 0, 0, 0).keepAliveDeadline(true)).toBe(Infinity);
  });

  it('answers every 2^n-th packet while closing, also when they come in runs', () => {
    const single = new Lifetime(0, 0, 0, 0);
    const answered = Array.from({ length: 40 }, (_, i) => i + 1).filter(() => single.answerWhileClosing(1));
    expect(answered).toEqual([1, 2, 4, 8, 16, 32]);
    const runs = new Lifetime(0, 0, 0, 0);
    expect([3, 4, 1, 7, 1].map((count) => runs.answerWhileClosing(count))).toEqual([true, true, true, false, true]);
  });
});

describe('seal limit', () => {
  it('is that of the AEAD and the packet size', () => {
    expect(sealLimit(Suite.AES_256_GCM, 2_048)).toBe(2 ** 28);
    expect(sealLimit(Suite.AES_256_GCM, 2_049)).toBe(2 ** 23);
    expect(sealLimit(Suite.CHACHA20_POLY1305, 65_507)).toBe(Number.MAX_SAFE_INTEGER);
  });
});
