import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { STTNode, STTSession, STTStream, STTWebSocketOptions } from '../../lib/index.js';
import { LOCALHOST } from '../support/certificate.js';
import { StallingProxy } from '../support/stalling-proxy.js';
import { BACKEND, echo, readAll, startNode } from '../support/nodes.js';

interface Pair extends AsyncDisposable {
  readonly server: STTNode;
  readonly client: STTNode;
  readonly url: string;
}

async function webSocketPair(
  { idleTimeoutMs = 30_000, ...webSocket }: STTWebSocketOptions & { idleTimeoutMs?: number } = {},
  url?: string,
): Promise<Pair> {
  const sharedSeed = randomBytes(32);
  const own = webSocket.server === undefined ? { port: 0, host: '127.0.0.1' } : {};
  const { node: server } = await startNode({ sharedSeed, idleTimeoutMs, webSocket: { ...own, ...webSocket } });
  const { node: client } = await startNode({ sharedSeed, keepAlive: true });
  return {
    server,
    client,
    url: url ?? `ws://127.0.0.1:${server.webSocketPort}/`,
    async [Symbol.asyncDispose]() {
      await Promise.all([client.stop(), server.stop()]);
    },
  };
}

/** A WebSocket of a stranger's, which errors do not throw. */
function stranger(url: string, options: object = {}): WebSocket {
  const socket = new WebSocket(url, ['stt.v1'], { perMessageDeflate: false, ...options });
  socket.on('error', () => {});
  return socket;
}

const closeCode = async (socket: WebSocket): Promise<number> => ((await once(socket, 'close')) as [number])[0];

async function refusal(url: string, protocols: string[], options: object = {}): Promise<number | undefined> {
  const socket = new WebSocket(url, protocols, options);
  socket.on('error', () => {});
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode?: number }];
  return response.statusCode;
}

/** Clients that do nothing; more of them by the environment. */
const IDLE = Number(process.env['IDLE_CLIENTS'] ?? 500);

function memory(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

describe(`nodes over WebSocket (${BACKEND})`, () => {
  it('have sessions, streams and messages as over UDP, every octet exact', async () => {
    await using pair = await webSocketPair();
    echo(pair.server);
    const accepted = once(pair.server, 'session') as Promise<[STTSession]>;
    const session = await pair.client.connectWebSocket(pair.url, { peerNodeId: pair.server.nodeId });
    const [remote] = await accepted;
    expect([session.transport, remote.transport]).toEqual(['websocket', 'websocket']);
    expect(remote.remoteAddress.address).toBe('127.0.0.1');
    expect(remote.sessionKey).toEqual(session.sessionKey);
    const stream = await session.openStream();
    const data = randomBytes(8_000_000);
    const back = readAll(stream);
    stream.end(data);
    expect(Buffer.compare(await back, data)).toBe(0);
    expect(await session.sendMessage(randomBytes(60_000))).toBe('acked');
    // TCP controls congestion.
    expect([session, remote].map((one) => one.getStats().congestionWindow)).toEqual(
      Array(2).fill(Number.MAX_SAFE_INTEGER),
    );
    await session.close();
  });

  it('serve UDP and WebSocket at once', async () => {
    await using pair = await webSocketPair();
    const overUdp = await pair.client.connectUdp('127.0.0.1', pair.server.address!.port);
    const overWebSocket = await pair.client.connectWebSocket(pair.url);
    expect([overUdp.transport, overWebSocket.transport]).toEqual(['udp', 'websocket']);
    expect(await overUdp.ping()).toBeGreaterThan(0);
    expect(await overWebSocket.ping()).toBeGreaterThan(0);
  });

  it('deliver everything written when a session is closed at once', async () => {
    await using pair = await webSocketPair();
    const received = new Promise<Buffer>((resolve) =>
      pair.server.on('session', (session) => session.on('stream', (stream) => resolve(readAll(stream)))),
    );
    const session = await pair.client.connectWebSocket(pair.url);
    const data = randomBytes(3_000_000);
    (await session.openStream()).end(data);
    await session.close();
    expect(Buffer.compare(await received, data)).toBe(0);
  });

  it('share an http server with other paths, and leave it open', async () => {
    const http = createServer((_request, response) => response.end('page'));
    const base = await listening(http);
    {
      await using pair = await webSocketPair({ server: http, path: '/stt' }, `${base}stt`);
      const session = await pair.client.connectWebSocket(pair.url);
      expect(await session.ping()).toBeGreaterThan(0);
      expect(await (await fetch(base.replace('ws:', 'http:'))).text()).toBe('page');
      expect(await refusal(`${base}other`, ['stt.v1'])).toBe(404);
    }
    expect(http.listening).toBe(true);
    http.closeAllConnections();
    http.close();
  });

  it('go on over another WebSocket when theirs breaks in mid-transfer', async () => {
    const sockets: Socket[] = [];
    const http = createServer();
    http.on('connection', (socket) => sockets.push(socket));
    const url = await listening(http);
    await using pair = await webSocketPair({ server: http }, url);
    const accepted = once(pair.server, 'session') as Promise<[STTSession]>;
    const session = await pair.client.connectWebSocket(url);
    const [remote] = await accepted;
    const data = randomBytes(8_000_000);
    for (const [from, to] of [
      [session, remote],
      [remote, session],
    ] as const) {
      const incoming = once(to, 'stream') as Promise<[STTStream]>;
      const stream = await from.openStream();
      stream.end(data);
      const [received] = await incoming;
      await once(received, 'readable');
      for (const socket of sockets.splice(0)) socket.destroy();
      expect(Buffer.compare(await readAll(received), data)).toBe(0);
    }
    for (const { pathChanges } of [session.getStats(), remote.getStats()]) expect(pathChanges).toBe(2);
    await session.close();
    http.close();
  });

  it('end a session whose WebSocket breaks and that no other path comes for, on both sides', async () => {
    const sockets: Socket[] = [];
    const http = createServer();
    http.on('connection', (socket) => sockets.push(socket));
    const url = await listening(http);
    await using pair = await webSocketPair({ server: http, idleTimeoutMs: 1_000 }, url);
    const accepted = once(pair.server, 'session') as Promise<[STTSession]>;
    const session = await pair.client.connectWebSocket(url);
    const [remote] = await accepted;
    const ends = [session, remote].map(
      (one) => new Promise<string>((resolve) => one.once('close', (error) => resolve(error.code))),
    );
    http.close();
    for (const socket of sockets) socket.destroy();
    // The server waits for its client to come by another path, but no longer than it waits for anything.
    expect(await Promise.all(ends)).toEqual(['ERR_STT_CONNECTION_LOST', 'ERR_STT_IDLE_TIMEOUT']);
  });

  it('reject by the signal while they connect, and with a seed that does not fit when time is up', async () => {
    await using pair = await webSocketPair();
    const aborted = AbortSignal.abort(new Error('enough'));
    await expect(pair.client.connectWebSocket(pair.url, { signal: aborted })).rejects.toThrow('enough');
    const { node: other } = await startNode();
    await expect(other.connectWebSocket(pair.url, { timeoutMs: 200 })).rejects.toMatchObject({
      code: 'ERR_STT_HANDSHAKE_TIMEOUT',
    });
    await other.stop();
  });
});

describe(`what is no STT over WebSocket (${BACKEND})`, () => {
  it('a server without the subprotocol, a proxy that answers 200 and no server are told apart from silence', async () => {
    await using pair = await webSocketPair();
    const plain = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => false });
    await once(plain, 'listening');
    const proxy = createServer();
    proxy.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'));
    const urls = [
      `ws://127.0.0.1:${(plain.address() as AddressInfo).port}/`,
      await listening(proxy),
      'ws://127.0.0.1:1/',
    ];
    for (const url of urls) {
      await expect(pair.client.connectWebSocket(url)).rejects.toMatchObject({ code: 'ERR_STT_WEBSOCKET' });
    }
    await expect(pair.client.connectWebSocket('http://127.0.0.1/')).rejects.toMatchObject({ code: 'ERR_STT_ADDRESS' });
    plain.close();
    proxy.close();
    proxy.closeAllConnections();
  });

  it('a wrong or missing subprotocol, path or origin is refused at the upgrade', async () => {
    await using pair = await webSocketPair({ allowedOrigins: ['https://good.example'] });
    expect(await refusal(pair.url, [])).toBe(400);
    expect(await refusal(pair.url, ['mqtt'])).toBe(400);
    expect(await refusal(`${pair.url}nowhere`, ['stt.v1'])).toBe(404);
    expect(await refusal(pair.url, ['stt.v1'], { origin: 'https://evil.example' })).toBe(403);
    const good = stranger(pair.url, { origin: 'https://good.example' });
    await once(good, 'open');
    good.terminate();
  });

  it('a certificate that does not fit is refused, and one that fits connects', async () => {
    await using pair = await webSocketPair({ tls: LOCALHOST });
    const port = pair.server.webSocketPort!;
    const untrusted = pair.client.connectWebSocket(`wss://127.0.0.1:${port}/`);
    await expect(untrusted).rejects.toMatchObject({ code: 'ERR_STT_WEBSOCKET' });
    const tls = { ca: LOCALHOST.cert };
    const otherName = pair.client.connectWebSocket(`wss://127.0.0.1:${port}/`, { tls });
    await expect(otherName).rejects.toMatchObject({ cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' } });
    const fitting = { tls: { ...tls, servername: 'localhost' } };
    const session = await pair.client.connectWebSocket(`wss://127.0.0.1:${port}/`, fitting);
    expect(await session.ping()).toBeGreaterThan(0);
  });

  it('a text message is answered with 1003', async () => {
    await using pair = await webSocketPair();
    const socket = stranger(pair.url);
    await once(socket, 'open');
    socket.send('hello');
    expect(await closeCode(socket)).toBe(1003);
  });

  it('a message over the limit is answered with 1009, in one frame or in fragments', async () => {
    await using pair = await webSocketPair();
    const whole = stranger(pair.url);
    await once(whole, 'open');
    whole.send(Buffer.alloc(65_508));
    expect(await closeCode(whole)).toBe(1009);
    const parts = stranger(pair.url);
    await once(parts, 'open');
    for (let i = 0; i < 3; i++) parts.send(Buffer.alloc(32_000), { fin: false });
    expect(await closeCode(parts)).toBe(1009);
  });

  it('a message in more than 64 fragments is refused, however small', async () => {
    await using pair = await webSocketPair();
    const parts = stranger(pair.url);
    await once(parts, 'open');
    for (let i = 0; i < 64; i++) parts.send(Buffer.alloc(1), { fin: false });
    const ponged = once(parts, 'pong');
    parts.ping();
    await ponged;
    parts.send(Buffer.alloc(1), { fin: false });
    expect(await closeCode(parts)).toBe(1008);
    const session = await pair.client.connectWebSocket(pair.url);
    expect(await session.ping()).toBeGreaterThan(0);
  });

  it('a half-open connection ends its session on both sides', async () => {
    const sharedSeed = randomBytes(32);
    const webSocket = { port: 0, host: '127.0.0.1', heartbeatMs: 100 };
    const { node: server } = await startNode({ sharedSeed, webSocket });
    const { node: client } = await startNode({ sharedSeed, idleTimeoutMs: 1000 });
    const proxy = await StallingProxy.listen(server.webSocketPort!);
    const accepted = once(server, 'session') as Promise<[STTSession]>;
    const session = await client.connectWebSocket(`ws://127.0.0.1:${proxy.port}/`);
    const [remote] = await accepted;
    const ends = [session, remote].map(
      (one) => new Promise<string>((resolve) => one.once('close', (error) => resolve(error.code))),
    );
    proxy.freeze();
    expect(await Promise.all(ends)).toEqual(['ERR_STT_IDLE_TIMEOUT', 'ERR_STT_IDLE_TIMEOUT']);
    await Promise.all([client.stop(), server.stop()]);
    await proxy.close();
  });

  it('a client that brings no session in time is closed, and one beyond the limit refused', async () => {
    await using pair = await webSocketPair({ handshakeTimeoutMs: 60, maxClients: 1 });
    const idle = stranger(pair.url);
    await once(idle, 'open');
    expect(await refusal(pair.url, ['stt.v1'])).toBe(503);
    expect(await closeCode(idle)).toBe(1008);
  });

  it('an upgrade that never finishes is closed', async () => {
    await using pair = await webSocketPair({ handshakeTimeoutMs: 60 });
    const socket = connect(pair.server.webSocketPort!, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n');
    await once(socket, 'close');
  });

  it('a peer that vanished is noticed by the heartbeat', async () => {
    await using pair = await webSocketPair({ heartbeatMs: 60 });
    const socket = stranger(pair.url, { autoPong: false });
    await once(socket, 'open');
    expect(await closeCode(socket)).toBe(1006);
  });

  it('garbage and forged packets are counted and nothing else', async () => {
    await using pair = await webSocketPair();
    const session = await pair.client.connectWebSocket(pair.url);
    const socket = stranger(pair.url);
    await once(socket, 'open');
    for (let i = 0; i < 200; i++) socket.send(randomBytes(1 + ((i * 331) % 3000)));
    const ponged = once(socket, 'pong');
    socket.ping();
    await ponged;
    expect(await session.ping()).toBeGreaterThan(0);
    expect(socket.readyState).toBe(WebSocket.OPEN);
    socket.terminate();
  });

  it.each([false, true])('X-Forwarded-For counts only where an option says so: %s', async (trustProxy) => {
    const http = createServer();
    // The header as a proxy would add it to what the client claims.
    http.prependListener('upgrade', (request) => (request.headers['x-forwarded-for'] = '198.51.100.9, 203.0.113.7'));
    const url = await listening(http);
    await using pair = await webSocketPair({ server: http, trustProxy }, url);
    const accepted = once(pair.server, 'session') as Promise<[STTSession]>;
    await pair.client.connectWebSocket(url);
    expect((await accepted)[0].remoteAddress.address).toBe(trustProxy ? '203.0.113.7' : '127.0.0.1');
    http.close();
  });

  it(`${IDLE} idle clients cost little, keep nobody out, and are closed`, async () => {
    // So much time that all are there before the first is closed.
    await using pair = await webSocketPair({ handshakeTimeoutMs: 1000 + 3 * IDLE, maxClients: IDLE + 1 });
    const before = memory();
    // A process has not descriptors enough for both ends.
    const clients = fork('test/support/idle-clients.mjs', [new URL(pair.url).port, `${IDLE}`]);
    try {
      const heard = (what: string) => once(clients, 'message').then(([said]) => expect(said).toBe(what));
      await heard('open');
      expect((memory() - before) / IDLE).toBeLessThan(24_576);
      const session = await pair.client.connectWebSocket(pair.url);
      expect(await session.ping()).toBeGreaterThan(0);
      expect(await refusal(pair.url, ['stt.v1'])).toBe(503);
      await heard('closed');
      expect(await session.ping()).toBeGreaterThan(0);
    } finally {
      clients.kill('SIGKILL');
    }
  });

  it('wrong options are named', async () => {
    await expect(startNode({ webSocket: {} })).rejects.toMatchObject({ code: 'ERR_STT_OPTION_RANGE' });
    const wrong = { port: 0, orign: 1 } as STTWebSocketOptions;
    await expect(startNode({ webSocket: wrong })).rejects.toMatchObject({ code: 'ERR_STT_UNKNOWN_OPTION' });
  });

  it('a port in use rejects with EADDRINUSE, and the node holds nothing', async () => {
    await using pair = await webSocketPair();
    const port = pair.server.webSocketPort!;
    await expect(startNode({ webSocket: { port, host: '127.0.0.1' } })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
