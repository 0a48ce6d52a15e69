import { describe, expect, it } from 'vitest';
import { raceWithHeadStart, type Contender, type RaceOptions } from '../../lib/api/head-start.js';

const OPTIONS = { headStartMs: 250, graceMs: 250 };

/** A way whose end the test decides. */
class Way implements Contender<string> {
  starts = 0;
  aborted = false;
  readonly discarded: string[] = [];
  gone: Error | undefined;
  arrive!: (result: string) => void;
  fail!: (error: Error) => void;

  start(signal: AbortSignal): Promise<string> {
    this.starts++;
    signal.addEventListener('abort', () => (this.aborted = true));
    return new Promise((resolve, reject) => {
      this.arrive = resolve;
      this.fail = reject;
    });
  }

  discard(result: string): void {
    this.discarded.push(result);
  }

  fault(): Error | undefined {
    return this.gone;
  }
}

/** A race under a clock that the test moves. */
function race(options: Partial<RaceOptions> = {}) {
  const [udp, webSocket] = [new Way(), new Way()];
  let now = 0;
  let timers: { at: number; call: () => void }[] = [];
  const after = (ms: number, call: () => void): (() => void) => {
    const timer = { at: now + ms, call };
    timers.push(timer);
    return () => (timers = timers.filter((other) => other !== timer));
  };
  const outcome: { value?: string; error?: unknown } = {};
  const settled = raceWithHeadStart(udp, webSocket, { ...OPTIONS, after, ...options }).then(
    (value) => void (outcome.value = value),
    (error: unknown) => void (outcome.error = error),
  );
  const turn = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };
  return {
    udp,
    webSocket,
    outcome,
    settled,
    turn,
    timers: () => timers.length,
    async pass(ms: number): Promise<void> {
      now += ms;
      const due = timers.filter(({ at }) => at <= now);
      timers = timers.filter(({ at }) => at > now);
      for (const { call } of due) call();
      await turn();
    },
  };
}

describe('a race with a head start', () => {
  it('does not begin the other way when the preferred one arrives in its head start', async () => {
    const { udp, webSocket, outcome, turn, timers, pass } = race();
    await turn();
    await pass(249);
    udp.arrive('udp');
    await turn();
    expect(outcome).toEqual({ value: 'udp' });
    expect([webSocket.starts, timers()]).toEqual([0, 0]);
  });

  it('begins the other way after the head start, or at once when the preferred one fails', async () => {
    const slow = race();
    await slow.pass(250);
    expect([slow.udp.starts, slow.webSocket.starts, slow.udp.aborted]).toEqual([1, 1, false]);
    const failing = race();
    await failing.turn();
    failing.udp.fail(new Error('no route'));
    await failing.turn();
    expect([failing.webSocket.starts, failing.timers()]).toEqual([1, 0]);
    failing.webSocket.arrive('webSocket');
    await failing.turn();
    expect(failing.outcome).toEqual({ value: 'webSocket' });
  });

  it('keeps the preferred way if it arrives within the grace, and takes the other one back', async () => {
    const { udp, webSocket, outcome, turn, timers, pass } = race();
    await pass(250);
    webSocket.arrive('webSocket');
    await turn();
    await pass(249);
    expect(outcome).toEqual({});
    udp.arrive('udp');
    await turn();
    expect(outcome).toEqual({ value: 'udp' });
    expect([webSocket.discarded, webSocket.aborted, timers()]).toEqual([['webSocket'], true, 0]);
  });

  it('keeps the other way after the grace, and takes the preferred one back when it comes late', async () => {
    const { udp, webSocket, outcome, turn, timers, pass } = race();
    await pass(250);
    webSocket.arrive('webSocket');
    await turn();
    await pass(250);
    expect(outcome).toEqual({ value: 'webSocket' });
    expect([udp.aborted, webSocket.discarded, timers()]).toEqual([true, [], 0]);
    udp.arrive('udp');
    await turn();
    expect(udp.discarded).toEqual(['udp']);
  });

  it('does not keep what broke while it waited', async () => {
    const { udp, webSocket, outcome, turn, pass } = race();
    await pass(250);
    webSocket.arrive('webSocket');
    webSocket.gone = new Error('broke');
    await turn();
    await pass(250);
    expect([outcome, webSocket.discarded]).toEqual([{}, ['webSocket']]);
    udp.fail(new Error('silence'));
    await turn();
    expect((outcome.error as AggregateError).errors.map(String)).toEqual(['Error: silence', 'Error: broke']);
  });

  it('keeps the other way at once when the preferred one fails during the grace', async () => {
    const { udp, webSocket, outcome, turn, timers, pass } = race();
    await pass(250);
    webSocket.arrive('webSocket');
    await turn();
    udp.fail(new Error('silence'));
    await turn();
    expect([outcome, timers()]).toEqual([{ value: 'webSocket' }, 0]);
  });

  it('fails with both failures, the preferred way’s first, whichever came first', async () => {
    const { udp, webSocket, outcome, turn, pass } = race();
    await pass(250);
    webSocket.fail(new Error('refused'));
    await turn();
    expect(outcome).toEqual({});
    udp.fail(new Error('silence'));
    await turn();
    expect((outcome.error as AggregateError).errors.map(String)).toEqual(['Error: silence', 'Error: refused']);
  });

  it('ends by the signal, with its reason, and leaves nothing', async () => {
    const early = race({ signal: AbortSignal.abort('early') });
    await early.turn();
    expect([early.outcome, early.udp.starts, early.timers()]).toEqual([{ error: 'early' }, 0, 0]);
    const abort = new AbortController();
    const { udp, webSocket, outcome, turn, timers, pass } = race({ signal: abort.signal });
    await pass(250);
    webSocket.arrive('webSocket');
    await turn();
    abort.abort('enough');
    await turn();
    expect([outcome, udp.aborted, webSocket.aborted]).toEqual([{ error: 'enough' }, true, true]);
    expect([webSocket.discarded, timers()]).toEqual([['webSocket'], 0]);
    udp.arrive('udp');
    await turn();
    expect(udp.discarded).toEqual(['udp']);
  });
});
