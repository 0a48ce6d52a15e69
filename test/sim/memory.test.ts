import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { Session } from '../../lib/protocol/session.js';
import { Hostile } from '../support/sim/hostile.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function used(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** A session with one stream that was used both ways and is idle now. */
function idleSession(): Hostile {
  const peer = new Hostile();
  peer.stream(1, 0, 100);
  peer.app.opened[0]!.write(new Uint8Array(100));
  peer.poll();
  peer.ackAll();
  peer.wait(100);
  if (!peer.session.isDrained) throw new Error('the session is not idle');
  return peer;
}

describe('memory', () => {
  it('of ten thousand idle sessions is small, and comes back when they go', () => {
    // What the test itself keeps of a session is let go.
    let sessions: Session[] = [];
    const round = (): number => {
      sessions = Array.from({ length: 10_000 }, () => idleSession().session);
      const full = used();
      for (const session of sessions) session.destroy();
      sessions = [];
      return full;
    };
    // The first round also makes what the engine keeps of its optimised code.
    round();
    const before = used();
    // The smallest of four, since the engine compiles in between, and keeps what it compiled.
    const held = Math.min(...Array.from({ length: 4 }, () => round() - before));
    // About 6 KiB of the session, and what is left here of the observer and its maps.
    expect(held / 10_000).toBeLessThan(12_000);
    // The engine still compiles now and then, which a further round does not repeat; what grows with the sessions would.
    let left = used() - before;
    for (let i = 0; i < 3 && left >= held / 5; i++) {
      round();
      left = Math.min(left, used() - before);
    }
    expect(left).toBeLessThan(held / 5);
  });

  it('of acknowledged chunks is released at once', () => {
    const peer = new Hostile({ peerParams: { initialMaxData: 1e9, initialMaxStreamData: 1e9 } });
    peer.stream(1, 0, 1);
    const stream = peer.app.opened[0]!;
    const before = used();
    let most = 0;
    for (let i = 0; i < 200; i++) {
      stream.write(new Uint8Array(100_000));
      while (stream.bufferedOctets > 0) {
        peer.poll();
        peer.now += 10;
        const { sent } = peer.sink;
        if (sent.length > 0) peer.ackAll();
        sent.length = 0;
      }
      if (i % 20 === 0) most = Math.max(most, used() - before);
    }
    expect(most).toBeLessThan(3_000_000);
  });
});
