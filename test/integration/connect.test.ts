import { randomBytes } from 'node:crypto';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { ConnectTarget, STTNode, STTSession } from '../../lib/index.js';
import { BACKEND, startNode } from '../support/nodes.js';
import { startUdpProxy } from '../support/udp-proxy.mjs';

interface Pair extends AsyncDisposable {
  readonly server: STTNode;
  readonly client: STTNode;
  /** Both ways lead to the server. */
  readonly target: { readonly udp: { host: string; port: number }; readonly webSocket: string };
  /** Sessions that the server was told of. */
  readonly accepted: STTSession[];
}

async function pairOfBoth(): Promise<Pair> {
  const sharedSeed = randomBytes(32);
  const { node: server, port } = await startNode({ sharedSeed, webSocket: { port: 0, host: '127.0.0.1' } });
  const { node: client } = await startNode({ sharedSeed });
  const accepted: STTSession[] = [];
  server.on('session', (session) => accepted.push(session));
  return {
    server,
    client,
    target: { udp: { host: '127.0.0.1', port }, webSocket: `ws://127.0.0.1:${server.webSocketPort}/` },
    accepted,
    async [Symbol.asyncDispose]() {
      await Promise.all([client.stop(), server.stop()]);
    },
  };
}

/** A UDP port whose packets meet silence, as behind a firewall. */
async function blackHole(): Promise<{ socket: UdpSocket; udp: { host: string; port: number } }> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { socket, udp: { host: '127.0.0.1', port: socket.address().port } };
}

/** A TCP port that accepts, and says nothing. */
async function mute(): Promise<{ server: Server; sockets: Socket[]; url: string }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket.on('error', () => {})));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, sockets, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

/** Both sides hold this session and nothing of the loser. */
async function expectOnly(pair: Pair, session: STTSession): Promise<void> {
  expect(await session.ping()).toBeGreaterThan(0);
  expect(pair.accepted.map(({ sessionKey }) => sessionKey)).toEqual([session.sessionKey]);
  const { sessions, dialing } = pair.client.getStats();
  expect({ sessions, dialing }).toEqual({ sessions: 1, dialing: 0 });
}

describe(`connect (${BACKEND})`, () => {
  it('keeps UDP where it gets through', async () => {
    await using pair = await pairOfBoth();
    const { server, url } = await mute();
    const session = await pair.client.connect({ udp: pair.target.udp, webSocket: url });
    expect(session.transport).toBe('udp');
    await expectOnly(pair, session);
    server.close();
  });

  it('makes one session of two answers', async () => {
    await using pair = await pairOfBoth();
    // Both ways are under way when UDP answers.
    const proxy = await startUdpProxy({
      target: { address: '127.0.0.1', port: pair.target.udp.port },
      both: { delayMs: 140 },
    });
    const target = { ...pair.target, udp: { host: '127.0.0.1', port: proxy.port } };
    await expectOnly(pair, await pair.client.connect(target));
    await pair.client.stop();
    await proxy.close();
  });

  it('falls back to WebSocket where UDP is blocked, and leaves no attempt behind', async () => {
    await using pair = await pairOfBoth();
    const { socket, udp } = await blackHole();
    const session = await pair.client.connect({ udp, webSocket: pair.target.webSocket });
    expect(session.transport).toBe('websocket');
    await expectOnly(pair, session);
    socket.close();
  });

  it('falls back at once where the name of UDP cannot be resolved', async () => {
    await using pair = await pairOfBoth();
    const udp = { host: 'nowhere.invalid', port: 4433 };
    const session = await pair.client.connect({ udp, webSocket: pair.target.webSocket });
    expect(session.transport).toBe('websocket');
  });

  it('takes HOST:PORT for both, and a URL as well', async () => {
    const sharedSeed = randomBytes(32);
    const { node: server, port } = await startNode({ sharedSeed });
    const { node: client } = await startNode({ sharedSeed });
    for (const target of [`127.0.0.1:${port}`, `ws://127.0.0.1:${port}/`]) {
      const session = await client.connect(target);
      expect([session.transport, session.remoteAddress.port]).toEqual(['udp', port]);
      await session.close();
    }
    await Promise.all([client.stop(), server.stop()]);
  });

  it('goes one way where only one is given', async () => {
    await using pair = await pairOfBoth();
    const { udp, webSocket } = pair.target;
    const sessions = await Promise.all([pair.client.connect({ udp }), pair.client.connect({ webSocket })]);
    expect(sessions.map(({ transport }) => transport)).toEqual(['udp', 'websocket']);
    const { socket, udp: silent } = await blackHole();
    await expect(pair.client.connect({ udp: silent }, { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'ERR_STT_HANDSHAKE_TIMEOUT',
    });
    socket.close();
  });

  it('fails with one error that names both causes', async () => {
    await using pair = await pairOfBoth();
    const { socket, udp } = await blackHole();
    const target: ConnectTarget = { udp, webSocket: 'ws://127.0.0.1:1/' };
    const failed = pair.client.connect(target, { timeoutMs: 300 });
    await expect(failed).rejects.toMatchObject({
      code: 'ERR_STT_UNREACHABLE',
      message: expect.stringMatching(
        /UDP: No answer from .* WebSocket: No WebSocket to .*nobody listens there/,
      ) as unknown,
      cause: { errors: [{ code: 'ERR_STT_HANDSHAKE_TIMEOUT' }, { code: 'ERR_STT_WEBSOCKET' }] },
    });
    expect(pair.client.getStats()).toMatchObject({ sessions: 0, dialing: 0 });
    socket.close();
  });

  it('ends both ways by the signal, with its reason, and leaves no attempt behind', async () => {
    await using pair = await pairOfBoth();
    const { socket, udp } = await blackHole();
    const { server, sockets, url } = await mute();
    const abort = new AbortController();
    const connected = once(server, 'connection');
    const attempt = pair.client.connect({ udp, webSocket: url }, { signal: abort.signal });
    await connected;
    expect(pair.client.getStats().dialing).toBe(1);
    const closed = once(sockets[0]!.resume(), 'close');
    abort.abort(new Error('enough'));
    await expect(attempt).rejects.toThrow('enough');
    expect(pair.client.getStats().dialing).toBe(0);
    await closed;
    await expect(pair.client.connect({ udp, webSocket: url }, { signal: abort.signal })).rejects.toThrow('enough');
    server.close();
    socket.close();
  });

  it('gives both ways up when time is up', async () => {
    await using pair = await pairOfBoth();
    const { socket, udp } = await blackHole();
    const { server, url } = await mute();
    await expect(pair.client.connect({ udp, webSocket: url }, { timeoutMs: 150 })).rejects.toMatchObject({
      code: 'ERR_STT_UNREACHABLE',
    });
    expect(pair.client.getStats().dialing).toBe(0);
    server.close();
    socket.close();
  });

  it('holds the peer to its pin on both ways', async () => {
    await using pair = await pairOfBoth();
    const options = { timeoutMs: 300, peerNodeId: randomBytes(32) };
    await expect(pair.client.connect(pair.target, options)).rejects.toMatchObject({
      cause: { errors: [{ code: 'ERR_STT_PEER_MISMATCH' }, { code: 'ERR_STT_PEER_MISMATCH' }] },
    });
    const pinned = await pair.client.connect(pair.target, { peerNodeId: pair.server.nodeId });
    expect(pinned.peerNodeId).toEqual(pair.server.nodeId);
  });

  it('fails when the node stops meanwhile, and lets it stop', async () => {
    await using pair = await pairOfBoth();
    const { socket, udp } = await blackHole();
    const { server, url } = await mute();
    const connected = once(server, 'connection');
    const failed = expect(pair.client.connect({ udp, webSocket: url })).rejects.toMatchObject({
      code: 'ERR_STT_NODE_STOPPED',
    });
    await connected;
    await pair.client.stop();
    await failed;
    server.close();
    socket.close();
  });

  it('names wrong options and targets', async () => {
    await using pair = await pairOfBoth();
    const wrong = { timeout: 1 } as object;
    await expect(pair.client.connect(pair.target, wrong)).rejects.toMatchObject({ code: 'ERR_STT_UNKNOWN_OPTION' });
    await expect(pair.client.connect('nowhere')).rejects.toMatchObject({ code: 'ERR_STT_ADDRESS' });
  });
});
