import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Suite } from '../../../lib/ports/crypto.js';
import type { Session } from '../../../lib/protocol/session.js';
import { nobleProvider } from '../../../lib/stc/noble-provider.js';
import { PacketLink } from '../../../lib/web/packet-link.js';
import { PageEntry } from '../../../lib/web/page-entry.js';
import type { WebSocketLike } from '../../../lib/web/web-socket.js';
import { sessionKeys } from '../../support/engine-harness.js';

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

const [pageKeys, nodeKeys] = sessionKeys(1, Suite.CHACHA20_POLY1305);
const FRAMES = Uint8Array.of(0x00);

function fakeSocket() {
  const sent: Uint8Array[] = [];
  const socket = { readyState: 1, bufferedAmount: 0, send: (data: Uint8Array) => sent.push(data.slice()) };
  return { sent, socket, asWebSocket: socket as unknown as WebSocketLike };
}

/** The pump of a session that wants to be woken after `wait`, counted from what came last. */
function makeEntry(wait: number) {
  const calls: string[] = [];
  const gone = vi.fn();
  const { socket, asWebSocket } = fakeSocket();
  let next = wait;
  let transmit = (): void => {};
  const session = {
    state: 'open',
    // Early calls do nothing.
    handleTimeout: () => {
      if (now < next) return;
      calls.push(`timeout at ${now}`);
      next = Infinity;
    },
    handleFrames: () => {
      calls.push(`frames at ${now}`);
      next = now + wait;
    },
    handleBatchEnd: () => {},
    pollTransmit: () => transmit(),
    pollTimeout: () => next,
  };
  const entry = new PageEntry(asWebSocket, pageKeys, 'wss://host.example/', gone);
  entry.session = session as unknown as Session;
  const peer = fakeSocket();
  const link = new PacketLink(nobleProvider, peer.asWebSocket, nodeKeys, {
    onPacket: () => {},
    onForgeryLimit: () => {},
    onRoom: () => {},
  });
  let pn = 0;
  return {
    calls,
    entry,
    gone,
    session,
    socket,
    onTransmit: (call: () => void) => (transmit = call),
    receive: () => {
      link.send(pn++, FRAMES, 0, FRAMES.length);
      entry.receive(peer.sent.pop()!);
    },
    turn: (at: number) => {
      now = at;
      vi.advanceTimersToNextTimer();
    },
  };
}

describe('the pump of a page', () => {
  it('reads what came while the page stood still before it finds a session to be late', async () => {
    const { calls, entry, receive, turn } = makeEntry(100);
    entry.schedule();
    await Promise.resolve();
    turn(500);
    expect(calls).toEqual([]);
    receive();
    turn(501);
    expect(calls).toEqual(['frames at 500']);
    turn(600);
    expect(calls).toEqual(['frames at 500', 'timeout at 600']);
  });

  it('ends the wait after one turn, and handles a timer that fires in time at once', () => {
    const { calls, receive, turn } = makeEntry(100);
    receive();
    turn(500);
    turn(900);
    expect(calls).toEqual(['frames at 0', 'timeout at 900']);
    const other = makeEntry(100);
    now = 0;
    other.receive();
    other.turn(101);
    expect(other.calls).toEqual(['frames at 0', 'timeout at 101']);
  });

  it('sends nothing while the WebSocket is full, looks at its timers all the same, and goes on', () => {
    const { calls, entry, onTransmit, receive, socket, turn } = makeEntry(10);
    let polls = 0;
    onTransmit(() => {
      polls++;
      entry.sealFrames(polls, FRAMES, 0, FRAMES.length);
    });
    socket.bufferedAmount = 2_000_000;
    receive();
    receive();
    expect(polls).toBe(1);
    turn(1);
    expect(polls).toBe(1);
    socket.bufferedAmount = 0;
    turn(2);
    expect(polls).toBe(2);
    expect(calls).toEqual(['frames at 0', 'frames at 0']);
  });

  it('tells once that the session is over, and does nothing after it was stopped', () => {
    const { calls, entry, gone, receive, session, turn } = makeEntry(100);
    receive();
    session.state = 'closed';
    gone.mockImplementation(() => entry.stop());
    receive();
    expect(gone).toHaveBeenCalledTimes(1);
    turn(500);
    entry.schedule();
    expect(gone).toHaveBeenCalledTimes(1);
    expect(calls).toEqual(['frames at 0', 'frames at 0']);
    expect(vi.getTimerCount()).toBe(0);
  });
});
