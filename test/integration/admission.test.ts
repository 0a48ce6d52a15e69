import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createSocket } from 'node:dgram';
import { describe, expect, it } from 'vitest';
import { STTNode, type PeerInfo, type STTNodeOptions, type STTSession, type STTSessionError } from '../../lib/index.js';
import { Flooders, hellos } from '../support/hello-flood.js';
import { BACKEND, nodePair, readAll, startNode } from '../support/nodes.js';

/* Who may be a peer of a node, and how much of it. */

/** How the session of a client that was refused ends. */
function endOf(session: STTSession): Promise<unknown> {
  return new Promise((resolve) => {
    session.once('close', (error) => resolve([error.code, (error as STTSessionError).remote]));
  });
}

const codeOf = (attempt: Promise<unknown>): Promise<unknown> =>
  attempt.then(
    () => undefined,
    (error: unknown) => (error as { code: string }).code,
  );

const pairWith = (server: Partial<STTNodeOptions>, client: Partial<STTNodeOptions> = {}) => nodePair(server, client);

describe(`authorize (${BACKEND})`, () => {
  it('is told who the peer is and where, and lets it in', async () => {
    const asked: [Uint8Array, PeerInfo][] = [];
    await using pair = await pairWith({
      authorize: (id, info) => {
        asked.push([id, info]);
        return true;
      },
    });
    const { server } = await pair.connect();
    expect(asked).toEqual([[pair.client.nodeId, { role: 'responder', transport: 'udp', ...server.remoteAddress }]]);
    expect(pair.server.peers.refused).toBe(0);
  });

  it.each<[string, STTNodeOptions['authorize']]>([
    ['says no', () => false],
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['says no later', () => Promise.resolve(false)],
    ['rejects', () => Promise.reject(new Error('no'))],
    ['says something else than true', () => Promise.resolve('yes' as unknown as boolean)],
    ['never says anything', () => new Promise<boolean>(() => {})],
  ])('that %s keeps the peer out, which hears of it', async (_name, authorize) => {
    await using pair = await pairWith({ authorize: authorize!, authorizeTimeoutMs: 50 });
    let sessions = 0;
    pair.server.on('session', () => sessions++);
    const session = await pair.client.connectUdp('127.0.0.1', pair.port);
    expect(await endOf(session)).toEqual(['ERR_STT_REFUSED', true]);
    expect([sessions, pair.server.getStats().sessions, pair.server.peers.waiting]).toEqual([0, 0, 0]);
    expect(pair.server.peers.refused).toBe(1);
  });

  it('may take its time: what the peer sent meanwhile arrives, and nothing of it before', async () => {
    let letIn!: (isIn: boolean) => void;
    let isAsked!: () => void;
    const wasAsked = new Promise<void>((resolve) => (isAsked = resolve));
    await using pair = await pairWith({
      authorize: () => {
        isAsked();
        return new Promise((resolve) => (letIn = resolve));
      },
    });
    let isIn = false;
    const received = new Promise<Buffer>((resolve) => {
      pair.server.on('session', (session) =>
        session.on('stream', (stream) => {
          expect(isIn).toBe(true);
          resolve(readAll(stream));
        }),
      );
    });
    const session = await pair.client.connectUdp('127.0.0.1', pair.port);
    const stream = await session.openStream();
    const data = randomBytes(100_000);
    stream.end(data);
    await wasAsked;
    expect([pair.server.peers.waiting, pair.server.getStats().sessions]).toEqual([1, 0]);
    isIn = true;
    letIn(true);
    expect(Buffer.compare(await received, data)).toBe(0);
  });

  it('is asked about a peer that is dialed, too', async () => {
    const roles: string[] = [];
    await using pair = await pairWith(
      {},
      {
        authorize: (_id, { role }) => {
          roles.push(role);
          return Promise.resolve(false);
        },
      },
    );
    const accepted = once(pair.server, 'session') as Promise<[STTSession]>;
    expect(await codeOf(pair.client.connectUdp('127.0.0.1', pair.port))).toBe('ERR_STT_PEER_NOT_ACCEPTED');
    expect(roles).toEqual(['initiator']);
    // Whether the peer heard a first packet before it was refused is a matter of order.
    const [session] = await accepted;
    if (session.state === 'open') expect(await endOf(session)).toEqual(['ERR_STT_REFUSED', true]);
  });

  it('that still thinks about a peer that is dialed does not keep an attempt from being aborted', async () => {
    let decide!: (isIn: boolean) => void;
    let isAsked!: () => void;
    const wasAsked = new Promise<void>((resolve) => (isAsked = resolve));
    await using pair = await pairWith(
      {},
      {
        authorize: () => {
          isAsked();
          return new Promise((resolve) => (decide = resolve));
        },
      },
    );
    const abort = new AbortController();
    const attempt = codeOf(pair.client.connectUdp('127.0.0.1', pair.port, { signal: abort.signal }));
    await wasAsked;
    abort.abort(Object.assign(new Error('no more'), { code: 'MINE' }));
    expect(await attempt).toBe('MINE');
    decide(true);
    expect(pair.client.getStats().sessions).toBe(0);
  });

  it('is not asked about a HELLO, recorded or fresh, whose sender proves nothing', async () => {
    let asked = 0;
    const sharedSeed = randomBytes(32);
    const { node, port } = await startNode({ sharedSeed, authorize: () => ++asked > 0 });
    const socket = createSocket('udp4');
    const [hello] = hellos(sharedSeed, 1);
    const answer = once(socket, 'message');
    socket.send(hello!, port, '127.0.0.1');
    await answer;
    expect([node.getStats().halfOpen, asked]).toEqual([1, 0]);
    socket.close();
    await node.stop();
    expect(asked).toBe(0);
  });

  it('that still thinks does not keep a node from stopping', async () => {
    let isAsked!: () => void;
    const wasAsked = new Promise<void>((resolve) => (isAsked = resolve));
    const pair = await pairWith({
      authorize: () => {
        isAsked();
        return new Promise(() => {});
      },
      authorizeTimeoutMs: 100,
    });
    const session = await pair.client.connectUdp('127.0.0.1', pair.port);
    await wasAsked;
    await pair.server.stop();
    session.destroy();
    await pair.client.stop();
  });
});

describe(`The allow-list (${BACKEND})`, () => {
  it('leaves all others in silence until they are on it', async () => {
    const friend = randomBytes(32);
    const idOf = (nodeSeed: Uint8Array): Uint8Array =>
      new STTNode({ nodeSeed, sharedSeed: randomBytes(32), backend: BACKEND }).nodeId;
    const sharedSeed = randomBytes(32);
    const { node, port } = await startNode({ sharedSeed, allowedPeers: [idOf(friend)] });
    const { node: good } = await startNode({ sharedSeed, nodeSeed: friend });
    const { node: other } = await startNode({ sharedSeed });
    await good.connectUdp('127.0.0.1', port);
    const attempt = other.connectUdp('127.0.0.1', port, { timeoutMs: 600 });
    expect(await codeOf(attempt)).toBe('ERR_STT_HANDSHAKE_TIMEOUT');
    expect(node.getStats().handshakes!.refused).toBeGreaterThan(0);
    node.peers.allow(other.nodeId);
    await other.connectUdp('127.0.0.1', port);
    await Promise.all([node.stop(), good.stop(), other.stop()]);
  });

  it('counts for peers that are dialed', async () => {
    await using pair = await pairWith({}, { allowedPeers: [randomBytes(32)] });
    expect(await codeOf(pair.client.connectUdp('127.0.0.1', pair.port))).toBe('ERR_STT_PEER_NOT_ACCEPTED');
  });
});

describe(`Revocation (${BACKEND})`, () => {
  it('ends the sessions of the peer on both sides, leaves others alone, and lasts until it is taken back', async () => {
    await using pair = await pairWith({});
    const { client, server } = await pair.connect();
    const second = await pair.connect();
    const ends = [client, server, second.client, second.server].map(endOf);
    expect(pair.server.peers.revoke(randomBytes(32))).toBe(0);
    expect(client.state).toBe('open');
    expect(pair.server.peers.revoke(pair.client.nodeId)).toBe(2);
    expect(await Promise.all(ends)).toEqual([
      ['ERR_STT_REFUSED', true],
      ['ERR_STT_REFUSED', false],
      ['ERR_STT_REFUSED', true],
      ['ERR_STT_REFUSED', false],
    ]);
    const attempt = pair.client.connectUdp('127.0.0.1', pair.port, { timeoutMs: 600 });
    expect(await codeOf(attempt)).toBe('ERR_STT_HANDSHAKE_TIMEOUT');
    pair.server.peers.allow(pair.client.nodeId);
    await pair.connect();
  });

  it('while authorize thinks counts', async () => {
    let letIn!: (isIn: boolean) => void;
    let isAsked!: () => void;
    const wasAsked = new Promise<void>((resolve) => (isAsked = resolve));
    await using pair = await pairWith({
      authorize: () => {
        isAsked();
        return new Promise((resolve) => (letIn = resolve));
      },
    });
    const session = await pair.client.connectUdp('127.0.0.1', pair.port);
    const end = endOf(session);
    await wasAsked;
    pair.server.peers.revoke(pair.client.nodeId);
    letIn(true);
    expect(await end).toEqual(['ERR_STT_REFUSED', true]);
  });
});

describe(`Limits of sessions (${BACKEND})`, () => {
  it('of one peer hold, and room comes back when one ends', async () => {
    await using pair = await pairWith({ maxSessionsPerPeer: 2 });
    const first = await pair.connect();
    await pair.connect();
    const attempt = pair.client.connectUdp('127.0.0.1', pair.port, { timeoutMs: 600 });
    expect(await codeOf(attempt)).toBe('ERR_STT_HANDSHAKE_TIMEOUT');
    const ended = endOf(first.server);
    await first.client.close();
    await ended;
    await pair.connect();
  });

  it('of one source hold for all peers of it', async () => {
    const sharedSeed = randomBytes(32);
    const { node, port } = await startNode({ sharedSeed, maxSessionsPerSource: 1 });
    const { node: first } = await startNode({ sharedSeed });
    const { node: second } = await startNode({ sharedSeed });
    const accepted = once(node, 'session');
    await first.connectUdp('127.0.0.1', port);
    await accepted;
    const attempt = second.connectUdp('127.0.0.1', port, { timeoutMs: 600 });
    expect(await codeOf(attempt)).toBe('ERR_STT_HANDSHAKE_TIMEOUT');
    await Promise.all([node.stop(), first.stop(), second.stop()]);
  });

  it('of all together hold, and room comes back when one ends', async () => {
    const sharedSeed = randomBytes(32);
    const { node, port } = await startNode({ sharedSeed, maxSessions: 2, maxSessionsPerSource: 10 });
    const clients = await Promise.all([1, 2, 3].map(() => startNode({ sharedSeed })));
    const connect = async (i: number, timeoutMs = 10_000): Promise<STTSession[]> => {
      const accepted = once(node, 'session') as Promise<[STTSession]>;
      const session = await clients[i]!.node.connectUdp('127.0.0.1', port, { timeoutMs });
      return [session, ...(await accepted)];
    };
    const [first, atNode] = await connect(0);
    await connect(1);
    expect(await codeOf(connect(2, 600))).toBe('ERR_STT_HANDSHAKE_TIMEOUT');
    expect(node.getStats().sessions).toBe(2);
    const ended = endOf(atNode!);
    await first!.close();
    await ended;
    await connect(2);
    await Promise.all([node, ...clients.map((client) => client.node)].map((each) => each.stop()));
  });

  it('are options, checked by name and range', () => {
    const make = (options: object): STTNode =>
      new STTNode({ nodeSeed: randomBytes(32), sharedSeed: randomBytes(32), backend: BACKEND, ...options });
    for (const options of [
      { maxSessionsPerPeer: 0 },
      { maxHalfOpen: 0 },
      { maxHandshakeRate: 1.5 },
      { maxReassemblyGaps: 1 },
      { maxQueuedPongs: 0 },
      { authorizeTimeoutMs: 0 },
      { authorize: true },
      { allowedPeers: [new Uint8Array(31)] },
    ]) {
      expect(() => make(options), JSON.stringify(options)).toThrow(
        expect.objectContaining({ code: 'ERR_STT_OPTION_RANGE' }),
      );
    }
    expect(() => make({ maxSessionPerPeer: 1 })).toThrow(/maxSessionsPerPeer/);
  });
});

describe(`Limits of handshakes (${BACKEND})`, () => {
  /** HELLOs of one source after another, from so many sources; what became of them. */
  async function flood(options: Partial<STTNodeOptions>, count: number, sources: number) {
    const sharedSeed = randomBytes(32);
    const { node, port } = await startNode({ sharedSeed, ...options });
    await using flooders = await Flooders.open(sources);
    await flooders.send(hellos(sharedSeed, count), port);
    while (node.getStats().engine!.handshakesReceived < count) await new Promise((resolve) => setImmediate(resolve));
    const { halfOpen, handshakes } = node.getStats();
    await node.stop();
    return { halfOpen, answered: handshakes!.answered, limited: handshakes!.limited };
  }

  it('of half-open ones hold, for one source and for all', async () => {
    const one = await flood({ maxHalfOpenPerSource: 3 }, 20, 1);
    expect(one.halfOpen).toBe(3);
    expect(one.limited).toBeGreaterThan(0);
    const all = await flood({ maxHalfOpen: 5, maxHalfOpenPerSource: 3 }, 20, 10);
    expect(all.halfOpen).toBe(5);
    expect(all.limited).toBeGreaterThan(0);
  });

  it('of their rate hold, for one source and for all', async () => {
    for (const [options, sources] of [
      [{ maxHandshakeRatePerSource: 2 }, 1],
      [{ maxHandshakeRate: 2 }, 10],
    ] as const) {
      const begin = performance.now();
      const { answered, limited } = await flood(options, 30, sources);
      const seconds = (performance.now() - begin) / 1000;
      expect(answered).toBeGreaterThanOrEqual(2);
      expect(answered).toBeLessThanOrEqual(2 + 2 * seconds);
      expect(limited).toBe(30 - answered);
    }
  });
});
