import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import type { SessionEvents, STTError, STTSession, STTStream } from '../../lib/index.js';
import { BACKEND, nodePair, startNode } from '../support/nodes.js';
import { temporaryDirectory } from '../support/temporary.js';

const SCRIPT = fileURLToPath(new URL('../support/keeping-node.mjs', import.meta.url));
const RECONNECTING = fileURLToPath(new URL('../support/reconnecting-process.mjs', import.meta.url));
const children = new Set<ChildProcess>();

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
});

interface Seeds {
  readonly nodeSeed: Buffer;
  readonly sharedSeed: Buffer;
}

/** A process that keeps what comes in a file. */
async function keeper({ nodeSeed, sharedSeed }: Seeds, port: number, file: string) {
  const env = {
    ...process.env,
    STT_BACKEND: BACKEND,
    NODE_SEED: nodeSeed.toString('hex'),
    SHARED_SEED: sharedSeed.toString('hex'),
  };
  const child = spawn(process.execPath, [SCRIPT, String(port), file], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, port: Number(line.toString()) };
}

/** An event of a session; unlike `once` of Node it does not mind 'error'. */
function event<E extends keyof SessionEvents>(session: STTSession, name: E): Promise<SessionEvents[E][0]> {
  return new Promise((resolve) => session.once(name as 'close', resolve as (error: STTError) => void));
}

/** Sends the rest of `data` on a stream: all after what the other side says that it has. */
async function sendRest(session: STTSession, data: Buffer, onStarted: () => void): Promise<void> {
  const [stream] = (await once(session, 'stream')) as [STTStream];
  const [head] = (await once(stream, 'data')) as [Buffer];
  stream.write(data.subarray(Number(head.readBigUInt64BE())));
  stream.end();
  onStarted();
  await once(stream, 'end');
}

describe(`a session that is followed by another when it breaks (${BACKEND})`, () => {
  it('goes on with a transfer after the process of the other side was killed in the middle of it and came back', async () => {
    const seeds = { nodeSeed: randomBytes(32), sharedSeed: randomBytes(32) };
    const file = join(await temporaryDirectory(), 'kept');
    const first = await keeper(seeds, 0, file);
    const { node } = await startNode({ sharedSeed: seeds.sharedSeed, idleTimeoutMs: 1000 });
    const data = randomBytes(40_000_000);
    const session = await node.connectUdp('127.0.0.1', first.port, { reconnect: true });
    const attempts: number[] = [];
    session.on('reconnecting', ({ attempt }) => attempts.push(attempt));
    const closed = event(session, 'close');
    const killed = once(first.child, 'exit');
    const again = event(session, 'reconnected');
    const resumed = again.then(({ session: next }) => sendRest(next, data, () => {}));
    const broken = sendRest(session, data, () => first.child.kill('SIGKILL'));
    await expect(broken).rejects.toMatchObject({ code: 'ERR_STT_IDLE_TIMEOUT' });
    await Promise.all([closed, killed]);
    const second = await keeper(seeds, first.port, file);
    const next = await again;
    expect(next.attempts).toBe(attempts.length);
    expect(next.session.peerNodeId).toEqual(session.peerNodeId);
    expect(next.session.sessionId).not.toEqual(session.sessionId);
    expect(next.unfinished).toHaveLength(1);
    const { acknowledgedOctets, unacknowledgedOctets, ...rest } = next.unfinished[0]!;
    expect(rest).toEqual({ streamId: 2, isSendFinished: false, isReceiveFinished: false });
    expect(acknowledgedOctets).toBeLessThan(data.length);
    expect(unacknowledgedOctets).toBeGreaterThan(0);
    await resumed;
    expect(Buffer.compare(await readFile(file), data)).toBe(0);
    await node.stop();
    second.child.kill('SIGTERM');
    await once(second.child, 'exit');
  });

  it('is at once when the process of the other side was started anew', async () => {
    const seeds = { nodeSeed: randomBytes(32), sharedSeed: randomBytes(32) };
    const file = join(await temporaryDirectory(), 'kept');
    const first = await keeper(seeds, 0, file);
    const { node } = await startNode({ sharedSeed: seeds.sharedSeed });
    const session = await node.connectUdp('127.0.0.1', first.port, { reconnect: true });
    await session.ping();
    const killed = once(first.child, 'exit');
    first.child.kill('SIGKILL');
    await killed;
    const second = await keeper(seeds, first.port, file);
    const closed = event(session, 'close');
    const again = event(session, 'reconnected');
    session.ping().catch(() => {});
    expect(await closed).toMatchObject({ code: 'ERR_STT_PEER_RESTARTED' });
    const next = await again;
    expect(next.session.sessionId).not.toEqual(session.sessionId);
    expect(await next.session.ping()).toBeGreaterThan(0);
    await node.stop();
    second.child.kill('SIGTERM');
    await once(second.child, 'exit');
  });

  it('is not after a close of either side', async () => {
    await using pair = await nodePair();
    for (const side of ['client', 'server'] as const) {
      const accepted = once(pair.server, 'session') as Promise<[STTSession]>;
      const session = await pair.client.connectUdp('127.0.0.1', pair.port, {
        reconnect: { when: () => side === 'client' },
      });
      const [server] = await accepted;
      let isFollowed = false;
      session.on('reconnecting', () => (isFollowed = true));
      const over = event(session, 'close');
      await (side === 'client' ? session : server).close();
      await over;
      await new Promise<void>((resolve) => setImmediate(resolve));
      expect(isFollowed).toBe(false);
    }
  });

  it('is after what the application says; a signal ends it, so does close(), so does the end of the node', async () => {
    await using pair = await nodePair();
    const broken = async (signal?: AbortSignal) => {
      const accepted = once(pair.server, 'session') as Promise<[STTSession]>;
      const session = await pair.client.connectUdp('127.0.0.1', pair.port, {
        reconnect: { when: (error) => error.code === 'ERR_STT_APPLICATION', minDelayMs: 60_000, maxDelayMs: 60_000 },
        ...(signal === undefined ? {} : { signal }),
      });
      const [server] = await accepted;
      const waiting = event(session, 'reconnecting');
      await server.close({ code: 256, reason: 'come again' });
      expect(await waiting).toMatchObject({ attempt: 1, cause: { closeCode: 256, reason: 'come again' } });
      return session;
    };

    const controller = new AbortController();
    const aborted = await broken(controller.signal);
    const failed = event(aborted, 'reconnectFailed');
    controller.abort(new Error('enough'));
    expect(await failed).toMatchObject({ message: 'enough' });

    const closed = await broken();
    let told = 0;
    closed.on('reconnectFailed', () => told++);
    await closed.close();
    expect(told).toBe(0);

    const left = await broken();
    const stopped = event(left, 'reconnectFailed');
    await pair.client.stop();
    expect(await stopped).toMatchObject({ code: 'ERR_STT_NODE_STOPPED' });
    expect(told).toBe(0);
  });

  it('fails when its attempts are used up', async () => {
    await using pair = await nodePair();
    const accepted = once(pair.server, 'session') as Promise<[STTSession]>;
    const session = await pair.client.connectUdp('127.0.0.1', pair.port, {
      timeoutMs: 300,
      reconnect: { when: () => true, minDelayMs: 1, maxAttempts: 2 },
    });
    const [server] = await accepted;
    const failed = event(session, 'reconnectFailed');
    void server.close();
    await pair.server.stop();
    expect(await failed).toMatchObject({ code: 'ERR_STT_HANDSHAKE_TIMEOUT' });
  });

  it('is never one with somebody else who took the place of the peer', async () => {
    const sharedSeed = randomBytes(32);
    const { node: server, port } = await startNode({ sharedSeed });
    const { node: client } = await startNode({ sharedSeed });
    const accepted = once(server, 'session');
    const session = await client.connectUdp('127.0.0.1', port, {
      timeoutMs: 1000,
      reconnect: { when: () => true, maxAttempts: 1 },
    });
    await accepted;
    const failed = event(session, 'reconnectFailed');
    await server.stop();
    const { node: other } = await startNode({ sharedSeed, port });
    let met = 0;
    other.on('session', () => met++);
    expect(await failed).toMatchObject({ code: 'ERR_STT_PEER_MISMATCH' });
    await Promise.all([client.stop(), other.stop()]);
    expect(met).toBe(0);
  });
});

describe(`a process whose session waits to be followed by another (${BACKEND})`, () => {
  /** What the process says once its session broke, and how it ends. */
  async function broken(delayMs: number, then: 'stop' | 'close' | 'connect') {
    const sharedSeed = randomBytes(32);
    const { node, port } = await startNode({ sharedSeed });
    node.once('session', (session) => void session.close({ code: 256 }));
    const args = [RECONNECTING, JSON.stringify({ sharedSeed: sharedSeed.toString('hex'), port, delayMs, then })];
    const child = spawn(process.execPath, args, {
      env: { ...process.env, STT_BACKEND: BACKEND },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.add(child);
    const exit = once(child, 'exit');
    const said = await text(child.stdout);
    const [code] = (await exit) as [number | null];
    await node.stop();
    return { said: said.trim().split('\n'), code };
  }

  it('goes on until the attempt, for its node is open', async () => {
    expect(await broken(300, 'connect')).toEqual({ said: ['connected', 'reconnecting', 'reconnected'], code: 0 });
  });

  // With an hour to wait.
  it.each([
    ['is over at once when the node is stopped', 'stop', ['ERR_STT_NODE_STOPPED']],
    ['is over at once when the session is closed and the node is stopped', 'close', []],
  ] as const)('%s', async (_what, then, said) => {
    const outcome = await broken(3_600_000, then);
    expect(outcome).toEqual({ said: ['connected', 'reconnecting', ...said], code: 0 });
  });
});
