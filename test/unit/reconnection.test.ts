import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reconnectConfig, type ReconnectConfig } from '../../lib/api/reconnect-options.js';
import { Reconnection } from '../../lib/api/reconnection.js';
import { sttError } from '../../lib/errors.js';

const CAUSE = sttError('ERR_STT_IDLE_TIMEOUT', {});
const TIMEOUT = sttError('ERR_STT_HANDSHAKE_TIMEOUT', {});

class FakeSession {
  destroyed = false;
  destroy(): void {
    this.destroyed = true;
  }
}

/** A reconnection whose time passes when the test says so, and whose attempts end as it says. */
function scripted(config: ReconnectConfig, random = () => 0.5, failures = 0) {
  const delays: number[] = [];
  const told: unknown[] = [];
  let due: (() => void) | undefined;
  let answer: ((outcome: FakeSession | Error) => void) | undefined;
  const reconnection = new Reconnection<FakeSession>(
    config,
    {
      connect: () =>
        new Promise((resolve, reject) => {
          answer = (outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome));
        }),
      random,
      later: (delayMs, call) => {
        delays.push(delayMs);
        due = call;
        return () => (due = undefined);
      },
      onWaiting: (attempt, delayMs, cause) => told.push(['waiting', attempt, delayMs, cause]),
      onConnected: (session, attempt) => told.push(['connected', session, attempt]),
      onFailed: (cause) => told.push(['failed', cause]),
    },
    failures,
  );
  return {
    reconnection,
    delays,
    told,
    get isWaiting() {
      return due !== undefined;
    },
    /** Lets the wait pass, and has the attempt end with this. */
    async attempt(outcome: FakeSession | Error) {
      const call = due!;
      due = undefined;
      call();
      answer!(outcome);
      await new Promise<void>((resolve) => setImmediate(resolve));
    },
  };
}

const config = (options: Parameters<typeof reconnectConfig>[0] = true) => reconnectConfig(options)!;

describe('connecting again', () => {
  it('waits before every attempt between half of a bound and the bound, which doubles up to the largest', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 1000 }),
        fc.integer({ min: 1000, max: 60_000 }),
        fc.integer({ min: 1, max: 40 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        async (minDelayMs, maxDelayMs, failing, random) => {
          const run = scripted(config({ minDelayMs, maxDelayMs }), () => random);
          run.reconnection.start(CAUSE);
          for (let i = 0; i < failing; i++) await run.attempt(TIMEOUT);
          expect(run.delays).toHaveLength(failing + 1);
          run.delays.forEach((delay, i) => {
            const bound = Math.min(maxDelayMs, minDelayMs * 2 ** i);
            expect(delay).toBeGreaterThanOrEqual(Math.floor(bound / 2));
            expect(delay).toBeLessThanOrEqual(bound);
          });
        },
      ),
      { numRuns: 50 },
    );
  });

  it('does not have all clients of a server come at the same time', () => {
    const delays = [0, 0.25, 0.5, 0.75].map((random) => {
      const run = scripted(config(), () => random);
      run.reconnection.start(CAUSE);
      return run.delays[0];
    });
    expect(delays).toEqual([50, 63, 75, 88]);
  });

  it('tells each attempt with what it is for, and ends with the session', async () => {
    const run = scripted(config());
    const session = new FakeSession();
    run.reconnection.start(CAUSE);
    await run.attempt(TIMEOUT);
    await run.attempt(session);
    expect(run.told).toEqual([
      ['waiting', 1, 75, CAUSE],
      ['waiting', 2, 150, TIMEOUT],
      ['connected', session, 2],
    ]);
    expect(run.isWaiting).toBe(false);
  });

  it('gives up after the attempts it was given, with the error of the last one', async () => {
    const run = scripted(config({ maxAttempts: 2 }));
    run.reconnection.start(CAUSE);
    await run.attempt(TIMEOUT);
    await run.attempt(TIMEOUT);
    expect(run.told.at(-1)).toEqual(['failed', TIMEOUT]);
    expect(run.isWaiting).toBe(false);
  });

  it('gives up at once where another attempt would fail in the same way', async () => {
    for (const code of ['ERR_STT_VERSION', 'ERR_STT_HANDSHAKE_SELF', 'ERR_STT_PEER_NOT_ACCEPTED'] as const) {
      const run = scripted(config());
      run.reconnection.start(CAUSE);
      await run.attempt(sttError(code, {}));
      expect(run.told.at(-1)).toEqual(['failed', expect.objectContaining({ code })]);
      expect(run.isWaiting).toBe(false);
    }
  });

  it('waits longer at once where sessions before did not last', () => {
    const run = scripted(config(), () => 0, 5);
    run.reconnection.start(CAUSE);
    expect(run.delays).toEqual([1600]);
    expect(run.told).toEqual([['waiting', 6, 1600, CAUSE]]);
  });

  it('ends in the wait, and in the attempt, when it is stopped; a session that comes too late is ended', async () => {
    const waiting = scripted(config());
    waiting.reconnection.start(CAUSE);
    waiting.reconnection.stop();
    expect(waiting.isWaiting).toBe(false);
    expect(waiting.told).toHaveLength(1);

    const late = new FakeSession();
    const attempting = scripted(config());
    attempting.reconnection.start(CAUSE);
    const attempt = attempting.attempt(late);
    attempting.reconnection.stop(TIMEOUT);
    attempting.reconnection.stop(CAUSE);
    await attempt;
    expect(late.destroyed).toBe(true);
    expect(attempting.told.slice(1)).toEqual([['failed', TIMEOUT]]);

    const stopped = scripted(config());
    stopped.reconnection.stop();
    stopped.reconnection.start(CAUSE);
    expect([stopped.isWaiting, stopped.told]).toEqual([false, []]);
  });

  it('is for ends that nobody meant, or for those that the application says', () => {
    const { when } = config();
    const of = (code: Parameters<typeof sttError>[0]) => when(sttError(code, {}));
    expect(of('ERR_STT_IDLE_TIMEOUT')).toBe(true);
    expect(of('ERR_STT_CONNECTION_LOST')).toBe(true);
    for (const code of ['ERR_STT_CLOSED', 'ERR_STT_APPLICATION', 'ERR_STT_REFUSED', 'ERR_STT_PROTOCOL'] as const) {
      expect(of(code)).toBe(false);
    }
    expect(config({ when: () => true }).when(sttError('ERR_STT_CLOSED', {}))).toBe(true);
  });

  it('refuses options that are none', () => {
    expect(reconnectConfig(undefined)).toBeUndefined();
    expect(reconnectConfig(false)).toBeUndefined();
    expect(() => reconnectConfig({ maxDelay: 3 } as never)).toThrow(/`maxDelayMs`/);
    for (const wrong of [
      { minDelayMs: 0 },
      { minDelayMs: 10, maxDelayMs: 9 },
      { maxAttempts: 0 },
      { when: 1 },
      'yes',
    ]) {
      expect(() => reconnectConfig(wrong as never)).toThrow(expect.objectContaining({ code: 'ERR_STT_OPTION_RANGE' }));
    }
  });
});
