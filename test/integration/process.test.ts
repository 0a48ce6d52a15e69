import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { STTStream } from '../../lib/index.js';
import { BACKEND, echo, nodePair, readAll, startNode } from '../support/nodes.js';

describe(`a process with nodes (${BACKEND})`, () => {
  const unexpected: unknown[] = [];
  const note = (error: unknown): void => void unexpected.push(error);
  const EVENTS = ['uncaughtException', 'unhandledRejection'] as const;
  const runners = new Map<string, NodeJS.UncaughtExceptionListener[]>();

  // The test runner's own listeners would take what is expected here for a failure.
  beforeEach(() => {
    unexpected.length = 0;
    for (const event of EVENTS) {
      runners.set(event, process.listeners(event as 'uncaughtException'));
      process.removeAllListeners(event);
      process.on(event as 'uncaughtException', note);
    }
  });
  afterEach(() => {
    for (const event of EVENTS) {
      process.removeAllListeners(event);
      for (const listener of runners.get(event)!) process.on(event as 'uncaughtException', listener);
    }
  });

  it('stops a node with traffic in flight without a crash, and the peer learns of it', async () => {
    const pair = await nodePair({ closeTimeoutMs: 0 }, { closeTimeoutMs: 0 });
    const { client, server } = await pair.connect();
    server.on('stream', (stream) => stream.resume());
    const stream = await client.openStream();
    const closed = new Promise((resolve) => client.once('close', resolve));
    stream.write(randomBytes(8_000_000));
    await once(server, 'stream');
    await pair.server.stop();
    await closed;
    expect(stream.destroyed).toBe(true);
    await pair.client.stop();
    expect(unexpected).toEqual([]);
  });

  it('stops a node from within a handler of a batch', async () => {
    const pair = await nodePair({ closeTimeoutMs: 0 }, { closeTimeoutMs: 0 });
    const { client, server } = await pair.connect();
    const stopped = new Promise<void>((resolve) => {
      server.on('stream', (stream) => stream.once('data', () => resolve(pair.server.stop())));
    });
    const stream = await client.openStream();
    stream.write(randomBytes(2_000_000));
    await stopped;
    await pair.client.stop();
    expect(unexpected).toEqual([]);
  });

  it('never sees an exception for what a peer does: reset, refusal and close without listeners', async () => {
    await using pair = await nodePair();
    const first = await pair.connect();
    const incoming = once(first.server, 'stream') as Promise<[STTStream]>;
    const stream = await first.client.openStream();
    stream.write('x');
    await incoming;
    stream.destroy();
    const [refused] = [await first.client.openStream()];
    refused.write('y');
    const [second] = (await once(first.server, 'stream')) as [STTStream];
    second.destroy();
    const ended = new Promise((resolve) => first.server.once('close', resolve));
    await first.client.close({ code: 999, reason: 'gone' });
    await ended;
    expect(unexpected).toEqual([]);
  });

  it('survives garbage of every size and start', async () => {
    await using pair = await nodePair();
    echo(pair.server);
    const { client } = await pair.connect();
    const socket = createSocket('udp4');
    const send = (octets: Uint8Array): Promise<void> =>
      new Promise((resolve) => socket.send(octets, pair.port, '127.0.0.1', () => resolve()));
    const seed = randomBytes(4).readUInt32BE();
    let state = seed;
    const next = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state % below;
    };
    await send(new Uint8Array(0));
    await send(Uint8Array.of(0x53));
    await send(new Uint8Array(65_507).fill(0x80));
    for (let i = 0; i < 2000; i++) {
      const datagram = randomBytes(next(1500));
      if (datagram.length > 9 && next(2) === 0) {
        datagram[0] = 0x80 | next(128);
        datagram.set(client.sessionId, 1);
      } else if (datagram.length > 1) datagram.set([0x53, 0x54]);
      await send(datagram);
    }
    const stream = await client.openStream();
    const data = randomBytes(100_000);
    const back = readAll(stream);
    stream.end(data);
    expect(Buffer.compare(await back, data), `seed ${seed}`).toBe(0);
    expect(unexpected).toEqual([]);
    socket.close();
  });

  it('holds many nodes at once', async () => {
    const sharedSeed = randomBytes(32);
    const nodes = await Promise.all(Array.from({ length: 8 }, () => startNode({ sharedSeed })));
    const [hub] = nodes;
    echo(hub!.node);
    await Promise.all(
      nodes.slice(1).map(async ({ node }) => {
        const session = await node.connectUdp('127.0.0.1', hub!.port);
        const stream = await session.openStream();
        const data = randomBytes(50_000);
        const back = readAll(stream);
        stream.end(data);
        expect(Buffer.compare(await back, data)).toBe(0);
      }),
    );
    expect(hub!.node.getStats().sessions).toBe(7);
    await Promise.all(nodes.map(({ node }) => node.stop()));
  });

  it('hands an application error to uncaughtException and serves on', async () => {
    await using pair = await nodePair();
    const { client, server } = await pair.connect();
    server.once('stream', (stream) =>
      stream.once('data', () => {
        throw new Error('a bug of the application');
      }),
    );
    const bad = await client.openStream();
    const thrown = new Promise<void>((resolve) => process.once('uncaughtException', () => resolve()));
    bad.write('x');
    await thrown;
    expect((unexpected[0] as Error).message).toBe('a bug of the application');
    echo(pair.server);
    server.on('stream', (stream) => stream.pipe(stream));
    const good = await client.openStream();
    good.end('fine');
    expect((await readAll(good)).toString()).toBe('fine');
  });
});
