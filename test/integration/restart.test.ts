import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import type { STTError, STTSession } from '../../lib/index.js';
import { BACKEND, startNode } from '../support/nodes.js';

const FILE = fileURLToPath(new URL('../support/node-process.mjs', import.meta.url));
const hex = (): string => randomBytes(32).toString('hex');

const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
});

/** A node in a process of its own; gives its port. */
async function start(options: Record<string, unknown>): Promise<{ readonly port: number; kill(): Promise<void> }> {
  const child = fork(FILE, [JSON.stringify(options)], { env: { ...process.env, STT_BACKEND: BACKEND } });
  running.add(child);
  const [port] = (await once(child, 'message')) as [number];
  return {
    port,
    kill: async () => {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
      running.delete(child);
    },
  };
}

/** Two seeds, and a node here that holds the shared one. Only a word of the peer's can end its sessions. */
async function pairing() {
  const own = { nodeSeed: hex(), sharedSeed: hex() };
  const { node, port } = await startNode({ sharedSeed: Buffer.from(own.sharedSeed, 'hex'), idleTimeoutMs: 0 });
  return { own, node, port };
}

const ended = (session: STTSession): Promise<STTError> => new Promise((resolve) => session.once('close', resolve));

describe(`a restart of the peer (${BACKEND})`, () => {
  it('that was connected to is noticed at the next packet, with all its streams, and a new session works', async () => {
    const { own, node } = await pairing();
    const first = await start(own);
    const session = await node.connectUdp('127.0.0.1', first.port);
    const stream = await session.openStream();
    stream.write('in the middle of something');
    await once(stream, 'data');
    await first.kill();
    const second = await start({ ...own, port: first.port });
    const [end, broken] = [ended(session), once(stream, 'error') as Promise<[STTError]>];
    stream.write('to nobody');
    expect(await end).toMatchObject({ code: 'ERR_STT_PEER_RESTARTED' });
    expect((await broken)[0]).toMatchObject({ code: 'ERR_STT_PEER_RESTARTED' });
    expect(node.sessionManager.size).toBe(0);
    const again = await node.connectUdp('127.0.0.1', second.port);
    expect(await again.ping()).toBeGreaterThan(0);
    await node.stop();
  });

  it('that connected is noticed at the next packet', async () => {
    const { own, node, port } = await pairing();
    const accepted = once(node, 'session') as Promise<[STTSession]>;
    const first = await start({ ...own, connectTo: port });
    const [session] = await accepted;
    await session.ping();
    await first.kill();
    await start({ ...own, port: first.port });
    const end = ended(session);
    void session.ping().catch(() => {});
    expect(await end).toMatchObject({ code: 'ERR_STT_PEER_RESTARTED' });
    await node.stop();
  });

  it.each([
    ['another node seed', { nodeSeed: hex() }],
    ['another instance', { resetInstance: 'another' }],
    ['resets turned off', { resetInstance: false }],
  ])('is not believed of a node with %s', async (_what, difference) => {
    const { own, node } = await pairing();
    const first = await start(own);
    const session = await node.connectUdp('127.0.0.1', first.port);
    await session.ping();
    await first.kill();
    const second = await start({ ...own, ...difference, port: first.port });
    const answered = session.ping().catch(() => 0);
    // Whatever was said of the old session came before the answers of a new one.
    const other = await node.connectUdp('127.0.0.1', second.port);
    for (let i = 0; i < 20; i++) await other.ping();
    expect(session.state).toBe('open');
    session.destroy();
    await answered;
    await node.stop();
  });
});
