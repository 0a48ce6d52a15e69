import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { PathChange, STTSession, STTStream } from '../../lib/index.js';
import { BACKEND, readAll, startNode } from '../support/nodes.js';
import { startUdpProxy } from '../support/udp-proxy.mjs';

const WAYS = ['upload', 'download'];

/** Two nodes that can reach one another over WebSocket, and over UDP through something that can be blocked. */
async function firewalled(isBlocked: boolean) {
  const sharedSeed = randomBytes(32);
  const { node: server, port } = await startNode({ sharedSeed, webSocket: { port: 0, host: '127.0.0.1' } });
  const { node: client } = await startNode({ sharedSeed });
  const wall = await startUdpProxy({ target: { address: '127.0.0.1', port }, both: { rate: 40_000_000 } });
  wall.block(isBlocked);
  const accepted = new Promise<STTSession>((resolve) => server.once('session', resolve));
  const udp = { host: '127.0.0.1', port: wall.port };
  const session = await client.connect({ udp, webSocket: `ws://127.0.0.1:${server.webSocketPort}/` });
  return {
    wall,
    client: session,
    server: await accepted,
    async [Symbol.asyncDispose]() {
      await Promise.all([client.stop(), server.stop()]);
      await wall.close();
    },
  };
}

/** Begins to send data, and resolves when the first of it has come. */
async function transfer(from: STTSession, to: STTSession, data: Buffer): Promise<STTStream> {
  const incoming = once(to, 'stream') as Promise<[STTStream]>;
  const stream = await from.openStream();
  stream.end(data);
  const [received] = await incoming;
  await once(received, 'readable');
  return received;
}

describe(`a session between nodes that UDP and WebSocket connect (${BACKEND})`, () => {
  it.each(WAYS)('falls back to WebSocket when UDP is blocked in the middle of an %s, and comes back', async (way) => {
    await using pair = await firewalled(false);
    const [from, to] = way === 'upload' ? [pair.client, pair.server] : [pair.server, pair.client];
    expect([from.transport, to.transport]).toEqual(['udp', 'udp']);
    const data = randomBytes(4_000_000);
    const received = await transfer(from, to, data);
    const moved = [once(pair.client, 'path'), once(pair.server, 'path')] as Promise<[PathChange]>[];
    pair.wall.block(true);
    const whole = await readAll(received);
    expect(Buffer.compare(whole, data)).toBe(0);
    for (const [change] of await Promise.all(moved)) expect(change.transport).toBe('websocket');
    expect([from.transport, to.transport]).toEqual(['websocket', 'websocket']);
    expect(pair.client.remoteAddress.address).toBe('127.0.0.1');
    const back = [once(pair.client, 'path'), once(pair.server, 'path')] as Promise<[PathChange]>[];
    pair.wall.block(false);
    for (const [change] of await Promise.all(back)) expect(change.transport).toBe('udp');
    expect(await pair.client.ping()).toBeGreaterThan(0);
  });

  it.each(WAYS)('moves from WebSocket to UDP when that comes to work in the middle of an %s', async (way) => {
    await using pair = await firewalled(true);
    const [from, to] = way === 'upload' ? [pair.client, pair.server] : [pair.server, pair.client];
    expect([from.transport, to.transport]).toEqual(['websocket', 'websocket']);
    const incoming = once(to, 'stream') as Promise<[STTStream]>;
    const stream = await from.openStream();
    const pieces: Buffer[] = [];
    const moved = Promise.all([once(pair.client, 'path'), once(pair.server, 'path')] as Promise<[PathChange]>[]);
    let isOver = false;
    void moved.then(() => (isOver = true));
    pair.wall.block(false);
    const written = (async () => {
      // Until both sides have moved, and some more.
      for (let left = 10; left > 0; left -= isOver ? 1 : 0) {
        pieces.push(randomBytes(100_000));
        if (!stream.write(pieces.at(-1)!)) await once(stream, 'drain');
        await new Promise((resolve) => setImmediate(resolve));
      }
      stream.end();
    })();
    const [received] = await incoming;
    const whole = await readAll(received);
    await written;
    expect(Buffer.compare(whole, Buffer.concat(pieces))).toBe(0);
    // Later it may have gone back, where the machine had no time for UDP.
    for (const [change] of await moved) expect(change.transport).toBe('udp');
    const stats = pair.client.getStats();
    expect(stats.pathChanges).toBeGreaterThanOrEqual(1);
    // A WebSocket has none; on UDP it begins at 1,200 octets and is searched for.
    if (stats.transport === 'udp') expect(['base', 'searching', 'complete']).toContain(stats.packetSizeState);
  });

  it('moves from WebSocket to the UDP address that its peer tells', async () => {
    const sharedSeed = randomBytes(32);
    const { node: other, port } = await startNode();
    await other.stop();
    const { node: server } = await startNode({
      sharedSeed,
      port,
      advertise: { udp: `127.0.0.1:${port}` },
      webSocket: { port: 0, host: '127.0.0.1' },
    });
    const { node: client } = await startNode({ sharedSeed });
    const accepted = new Promise<STTSession>((resolve) => server.once('session', resolve));
    const session = await client.connectWebSocket(`ws://127.0.0.1:${server.webSocketPort}/`);
    const remote = await accepted;
    const path = (one: STTSession): Promise<unknown> =>
      one.transport === 'udp' ? Promise.resolve() : once(one, 'path');
    await Promise.all([path(session), path(remote)]);
    expect([session.transport, remote.transport]).toEqual(['udp', 'udp']);
    expect(session.remoteAddress.port).toBe(port);
    expect(await session.ping()).toBeGreaterThan(0);
    await Promise.all([client.stop(), server.stop()]);
  });
});
