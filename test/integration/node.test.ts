import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { STTNode, type STTStream } from '../../lib/index.js';
import { BACKEND, echo, nodePair, readAll, startNode } from '../support/nodes.js';

describe(`two nodes over UDP (${BACKEND})`, () => {
  it('use the backend that was asked for', async () => {
    await using pair = await nodePair();
    expect(pair.server.getStats().backend).toBe(BACKEND);
  });

  it('authenticate each other and agree on ids and keys', async () => {
    await using pair = await nodePair();
    const { client, server } = await pair.connect();
    expect(client.sessionId).toEqual(server.sessionId);
    expect(client.sessionKey).toEqual(server.sessionKey);
    expect(client.peerNodeId).toEqual(pair.server.nodeId);
    expect(server.peerNodeId).toEqual(pair.client.nodeId);
    expect([client.role, server.role]).toEqual(['initiator', 'responder']);
  });

  it('echo a stream of several megabytes exactly', async () => {
    await using pair = await nodePair();
    echo(pair.server);
    const { client } = await pair.connect();
    const stream = await client.openStream();
    const data = randomBytes(5_000_000);
    const back = readAll(stream);
    stream.end(data);
    expect(Buffer.compare(await back, data)).toBe(0);
  });

  it('carry many streams at once, each exact', async () => {
    await using pair = await nodePair();
    echo(pair.server);
    const { client } = await pair.connect();
    await Promise.all(
      Array.from({ length: 150 }, async (_, i) => {
        const stream = await client.openStream();
        const data = randomBytes(1000 + i * 137);
        const back = readAll(stream);
        stream.end(data);
        expect(Buffer.compare(await back, data)).toBe(0);
      }),
    );
  });

  it('let either side open streams', async () => {
    await using pair = await nodePair();
    const { client, server } = await pair.connect();
    const incoming = once(client, 'stream') as Promise<[STTStream]>;
    const stream = await server.openStream();
    stream.end('from the responder');
    const [received] = await incoming;
    expect(received.id % 2).toBe(0);
    expect((await readAll(received)).toString()).toBe('from the responder');
  });

  it('half-close: one side may go on after the other ended', async () => {
    await using pair = await nodePair();
    pair.server.on('session', (session) =>
      session.on('stream', (stream) => {
        stream.resume();
        stream.once('end', () => stream.end('and here is the answer'));
      }),
    );
    const { client } = await pair.connect();
    const stream = await client.openStream();
    stream.end('question');
    expect((await readAll(stream)).toString()).toBe('and here is the answer');
  });

  it('tell a reset to the other side, with its code, and go on with other streams', async () => {
    await using pair = await nodePair();
    const { client, server } = await pair.connect();
    const incoming = once(server, 'stream') as Promise<[STTStream]>;
    const stream = await client.openStream();
    stream.write('x');
    const [received] = await incoming;
    received.resume();
    const failed = once(received, 'error');
    stream.destroy(Object.assign(new Error('enough'), { streamCode: 321 }));
    const [error] = (await failed) as [Error & { code: string; streamCode: number }];
    expect(error.code).toBe('ERR_STT_STREAM_RESET');
    expect(error.streamCode).toBe(321);
    echo(pair.server);
    const second = once(server, 'stream') as Promise<[STTStream]>;
    const other = await client.openStream();
    other.end('still alive');
    expect((await readAll((await second)[0])).toString()).toBe('still alive');
  });

  it('deliver everything that was written before close()', async () => {
    await using pair = await nodePair();
    const { client, server } = await pair.connect();
    const data = randomBytes(3_000_000);
    const received = new Promise<Buffer>((resolve, reject) => {
      server.on('stream', (stream) => readAll(stream).then(resolve, reject));
    });
    const stream = await client.openStream();
    stream.write(data);
    await client.close();
    expect(Buffer.compare(await received, data)).toBe(0);
  });

  it('show the other side the code and reason of a close', async () => {
    await using pair = await nodePair();
    const { client, server } = await pair.connect();
    const closed = new Promise((resolve) => server.once('close', resolve));
    await client.close({ code: 777, reason: 'shift is over' });
    expect(await closed).toMatchObject({
      code: 'ERR_STT_APPLICATION',
      closeCode: 777,
      reason: 'shift is over',
      remote: true,
    });
  });

  it('pass unreliable messages, with their tags, to receive() and to the events', async () => {
    await using pair = await nodePair();
    const { client, server } = await pair.connect();
    const seen = once(server, 'message');
    const received = pair.server.receive();
    expect(await client.sendMessage(Buffer.from('datum'), { streamId: 42 })).toBe('acked');
    const [message] = (await seen) as [{ streamId: number; data: Uint8Array }];
    expect(message.streamId).toBe(42);
    const { value } = await received.next();
    expect(Buffer.from(value!.data).toString()).toBe('datum');
    expect(value!.session).toBe(server);
  });

  it('refuse a message that no packet can carry, naming the limit', async () => {
    await using pair = await nodePair();
    const { client } = await pair.connect();
    await expect(client.sendMessage(new Uint8Array(60_000))).rejects.toMatchObject({
      code: 'ERR_STT_MESSAGE_TOO_LARGE',
    });
  });

  it('pass frames of the application to their handler and drop the others', async () => {
    await using pair = await nodePair();
    const { client, server } = await pair.connect();
    const got = new Promise<Uint8Array>((resolve) => server.onFrame(0x90, resolve));
    client.sendFrame(0x91, Buffer.from('nobody listens'));
    client.sendFrame(0x90, Buffer.from('hello'));
    expect(Buffer.from(await got).toString()).toBe('hello');
  });

  it('send to all sessions and to chosen ones, with a result for each', async () => {
    await using pair = await nodePair();
    const sessions = [await pair.connect(), await pair.connect()];
    const all = await pair.server.sendToAll(Buffer.from('to all'));
    expect(all.map((entry) => entry.result)).toEqual(['acked', 'acked']);
    const one = await pair.server.sendToSessions([sessions[1]!.server], Buffer.from('to one'));
    expect(one).toEqual([{ session: sessions[1]!.server, result: 'acked' }]);
  });

  it('measure a round trip', async () => {
    await using pair = await nodePair();
    const { client } = await pair.connect();
    expect(await client.ping()).toBeGreaterThan(0);
  });

  it('work over IPv6 and, on a dual-stack socket, over IPv4 as well', async () => {
    const sharedSeed = randomBytes(32);
    const { node: server, port } = await startNode({ sharedSeed, host: '::' });
    const { node: client } = await startNode({ sharedSeed, host: '::' });
    echo(server);
    for (const [host, family] of [
      ['::1', 'IPv6'],
      ['127.0.0.1', 'IPv4'],
    ] as const) {
      const session = await client.connectUdp(host, port);
      expect(session.remoteAddress).toEqual({ address: host, port, family });
      const stream = await session.openStream();
      stream.end('hello');
      expect((await readAll(stream)).toString()).toBe('hello');
    }
    await Promise.all([server.stop(), client.stop()]);
  });
});

describe(`a node (${BACKEND})`, () => {
  it('rejects with the system’s own error when its port is taken', async () => {
    const { node, port } = await startNode();
    await expect(startNode({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await node.stop();
  });

  it('gives up on a silent address with a hint', async () => {
    const { node, port } = await startNode();
    const { node: client } = await startNode();
    await expect(client.connectUdp('127.0.0.1', port, { timeoutMs: 300 })).rejects.toMatchObject({
      code: 'ERR_STT_HANDSHAKE_TIMEOUT',
    });
    expect(node.getStats().sessions).toBe(0);
    await Promise.all([node.stop(), client.stop()]);
  });

  it('stops connecting when the signal aborts', async () => {
    const { node: client } = await startNode();
    const controller = new AbortController();
    const connecting = client.connectUdp('127.0.0.1', 9, { signal: controller.signal });
    controller.abort(new Error('changed my mind'));
    await expect(connecting).rejects.toThrow('changed my mind');
    await client.stop();
  });

  it('refuses a peer that is not the pinned one', async () => {
    await using pair = await nodePair();
    await expect(
      pair.client.connectUdp('127.0.0.1', pair.port, { peerNodeId: randomBytes(32), timeoutMs: 2000 }),
    ).rejects.toMatchObject({ code: 'ERR_STT_PEER_MISMATCH' });
    const session = await pair.client.connectUdp('127.0.0.1', pair.port, { peerNodeId: pair.server.nodeId });
    expect(session.peerNodeId).toEqual(pair.server.nodeId);
  });

  it('suggests the right name for a wrong option', () => {
    const options = { nodeSeed: randomBytes(32), sharedSeed: randomBytes(32), prot: 1 };
    expect(() => new STTNode(options as never)).toThrow(/Did you mean `port`\?$/);
  });

  it('suggests the right congestion controller for a wrong one, and takes those there are', () => {
    const options = { nodeSeed: randomBytes(32), sharedSeed: randomBytes(32) };
    const wrong = (congestion: string) => () => new STTNode({ ...options, congestion } as never);
    expect(wrong('brr')).toThrow(/`congestion` is "brr"; one of cubic, newreno, bbr \(did you mean `bbr`\?\)/);
    expect(wrong('BBR')).toThrow(/did you mean `bbr`/);
    expect(wrong('vegas')).toThrow(/is "vegas"; one of cubic, newreno, bbr is needed/);
    expect(wrong('vegas')).toThrow(expect.objectContaining({ code: 'ERR_STT_OPTION_RANGE' }));
    for (const congestion of ['cubic', 'newreno', 'bbr'] as const) new STTNode({ ...options, congestion });
  });

  it.each(['newreno', 'bbr'] as const)('carries megabytes with %s', async (congestion) => {
    await using pair = await nodePair({ congestion }, { congestion });
    const { client, server } = await pair.connect();
    const accepted = new Promise<STTStream>((resolve) => server.once('stream', resolve));
    const stream = await client.openStream();
    const sent = randomBytes(20_000_000);
    stream.end(sent);
    const incoming = await accepted;
    const received = await readAll(incoming);
    expect(received.equals(sent)).toBe(true);
    incoming.end();
    stream.resume();
  });

  it('refuses seeds that are too short', () => {
    expect(() => new STTNode({ nodeSeed: randomBytes(15), sharedSeed: randomBytes(32) })).toThrow(
      expect.objectContaining({ code: 'ERR_STT_SEED_TOO_SHORT' }),
    );
  });

  it('stops twice without harm, and cannot be used afterwards', async () => {
    const { node } = await startNode();
    await Promise.all([node.stop(), node.stop()]);
    await expect(node.connectUdp('127.0.0.1', 9)).rejects.toMatchObject({ code: 'ERR_STT_NODE_STOPPED' });
  });
});
