import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Driver } from '../../lib/api/driver.js';
import type { SessionEntry } from '../../lib/api/session-entry.js';
import type { StreamFace } from '../../lib/api/stream-face.js';
import { Group, GROUP_WORDS, Row, ROW_WORDS, RowType, type PacketEngine } from '../../lib/ports/packet-engine.js';

let now = 0;

beforeEach(() => {
  now = 0;
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A driver of one session that wants to be woken at `deadline`, which is put off by whatever comes. */
function makeDriver(deadline: number) {
  const calls: string[] = [];
  let next = deadline;
  const groups = new Uint32Array(GROUP_WORDS);
  const rows = new Uint32Array(ROW_WORDS);
  groups[Group.SLOT] = 0;
  rows[Row.HEAD] = RowType.FRAMES;
  const session = {
    state: 'open',
    handleTimeout: () => {
      calls.push(`timeout at ${now}`);
      next = Infinity;
    },
    handleFrames: () => {
      calls.push(`frames at ${now}`);
      next = now + deadline;
    },
    handleBatchEnd: () => {},
    pollTransmit: () => {},
    pollTimeout: () => next,
  };
  const entry = { slot: 0, session, deadline: Infinity, heapIndex: -1, scheduled: false, blocked: false };
  const driver = new Driver<StreamFace>({
    defer: (call) => call(),
    confirm: () => undefined,
    onHandshake: () => {},
    onStray: () => {},
    handshakeTimeout: () => Infinity,
    onHandshakeTimeout: () => {},
    onGone: () => {},
  });
  driver.start({ rows, groups, slab: new Uint8Array(0), flush: () => true } as unknown as PacketEngine);
  driver.add(entry as unknown as SessionEntry<StreamFace>);
  const turn = (at: number): void => {
    now = at;
    vi.advanceTimersToNextTimer();
  };
  return { driver, calls, turn, receive: () => driver.onBatch(1, 1) };
}

it('reads what came while the event loop stood still before it finds a session to be late', () => {
  const { calls, turn, receive } = makeDriver(100);
  turn(500);
  expect(calls).toEqual([]);
  receive();
  turn(501);
  expect(calls).toEqual(['frames at 500']);
  turn(600);
  expect(calls).toEqual(['frames at 500', 'timeout at 600']);
});

it('ends the wait after one turn, also when the event loop stands still again and again', () => {
  const { calls, turn } = makeDriver(100);
  turn(500);
  turn(900);
  expect(calls).toEqual(['timeout at 900']);
});

it('handles a timer that fires in time at once', () => {
  const { calls, turn } = makeDriver(100);
  turn(101);
  expect(calls).toEqual(['timeout at 101']);
});

it('does nothing after it was stopped while it waits', () => {
  const { driver, calls, turn } = makeDriver(100);
  turn(500);
  driver.stop();
  turn(501);
  expect(calls).toEqual([]);
});
