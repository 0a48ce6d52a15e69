import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { STTNode, STTSession } from '../../lib/index.js';
import { Flooders, hellos } from '../support/hello-flood.js';
import { BACKEND, readAll, startNode } from '../support/nodes.js';

/*
 * Floods of HELLOs at a node on a real socket, from many addresses. What the node does is read off its counters; that
 * others are served meanwhile, off an open session that echoes and off a client that connects.
 */

interface Scene extends AsyncDisposable {
  readonly node: STTNode;
  readonly port: number;
  readonly sharedSeed: Uint8Array;
  readonly flooders: Flooders;
  /** Waits until the node has seen this many datagrams of the handshake. */
  seen(count: number): Promise<void>;
  /** The open session still echoes, and a client that comes now connects. */
  expectServed(): Promise<void>;
}

async function scene(): Promise<Scene> {
  const sharedSeed = randomBytes(32);
  const { node, port } = await startNode({ sharedSeed, socketBufferOctets: 8 * 1024 * 1024 });
  const { node: peer } = await startNode({ sharedSeed });
  const { node: late } = await startNode({ sharedSeed });
  node.on('session', (session) => session.on('stream', (stream) => stream.pipe(stream)));
  const accepted = once(node, 'session');
  const open = await peer.connectUdp('127.0.0.1', port);
  await accepted;
  const flooders = await Flooders.open(64);
  const judged = (): number => {
    const { handshakesReceived, droppedStrangers, droppedUnproven } = node.getStats().engine!;
    return handshakesReceived + droppedStrangers + droppedUnproven;
  };
  const echoes = async (session: STTSession): Promise<void> => {
    const stream = await session.openStream();
    const data = randomBytes(50_000);
    const back = readAll(stream);
    stream.end(data);
    expect(Buffer.compare(await back, data)).toBe(0);
  };
  return {
    node,
    port,
    sharedSeed,
    flooders,
    async seen(count) {
      const enough = judged() + count;
      while (judged() < enough) await new Promise((resolve) => setImmediate(resolve));
    },
    async expectServed() {
      await echoes(open);
      await echoes(await late.connectUdp('127.0.0.1', port));
    },
    async [Symbol.asyncDispose]() {
      open.destroy();
      await Promise.all([node.stop(), peer.stop(), late.stop(), flooders[Symbol.asyncDispose]()]);
    },
  };
}

/** Sends in portions that fit the socket's buffer, so that none is lost. */
async function flood(s: Scene, datagrams: readonly Uint8Array[]): Promise<void> {
  for (let at = 0; at < datagrams.length; at += 64) {
    const portion = datagrams.slice(at, at + 64);
    await Promise.all([s.seen(portion.length), s.flooders.send(portion, s.port)]);
  }
}

describe(`A flood of HELLOs (${BACKEND})`, () => {
  it('without the seed meets silence, and keeps nobody out', async () => {
    await using s = await scene();
    await flood(s, hellos(randomBytes(32), 1500));
    await s.expectServed();
    const { engine, handshakes, halfOpen } = s.node.getStats();
    expect(engine!.droppedStrangers).toBe(1500);
    expect([handshakes!.answered, halfOpen]).toEqual([2, 0]);
    expect(s.flooders.datagramsReceived).toBe(0);
  });

  it('with the seed is asked for cookies once the node is under load, and keeps nobody out', async () => {
    await using s = await scene();
    await flood(s, hellos(s.sharedSeed, 1500));
    await s.expectServed();
    const { engine, handshakes, halfOpen } = s.node.getStats();
    expect(halfOpen).toBeLessThanOrEqual(258);
    expect(handshakes!.answered).toBeLessThanOrEqual(260);
    expect(engine!.droppedUnproven + handshakes!.unproven).toBeGreaterThanOrEqual(1500 - 260);
    // Never more out than in.
    expect(s.flooders.octetsReceived).toBeLessThan(s.flooders.octetsSent);
    expect(s.flooders.largestReceived).toBeLessThanOrEqual(1200);
  });

  it('of recordings yields no session, and keeps nobody out', async () => {
    await using s = await scene();
    const recorded = hellos(s.sharedSeed, 4);
    let sessions = 0;
    s.node.on('session', () => sessions++);
    await flood(
      s,
      Array.from({ length: 1500 }, (_, i) => recorded[i % 4]!),
    );
    await s.expectServed();
    expect(sessions).toBe(1);
    expect(s.node.getStats().halfOpen).toBeLessThanOrEqual(4);
    expect(s.flooders.octetsReceived).toBeLessThan(s.flooders.octetsSent);
  });
});
