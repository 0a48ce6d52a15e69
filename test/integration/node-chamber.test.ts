import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Chamber, MemoryStore, STCWrapper, STTNode, type ChamberStore } from '../../lib/index.js';
import { collect, freshHolder } from '../support/chambers.js';
import { BACKEND, nodePair, startNode } from '../support/nodes.js';
import { temporaryDirectory } from '../support/temporary.js';

const VICTIM = fileURLToPath(new URL('../support/node-with-chamber.mjs', import.meta.url));
const code = (code: string) => expect.objectContaining({ code }) as Error;

/** A store whose commits fail as long as `error` is set. */
class FailingStore extends MemoryStore {
  error: Error | undefined;

  override async commit(...args: Parameters<ChamberStore['commit']>): Promise<number> {
    if (this.error !== undefined) throw this.error;
    return super.commit(...args);
  }
}

describe(`a node with a chamber (${BACKEND})`, () => {
  it('lists its peers, sessions and seeds again after a restart, and needs the shared seed no more', async () => {
    const chamberPath = join(await temporaryDirectory(), 'chamber');
    const [nodeSeed, sharedSeed, old] = [randomBytes(32), randomBytes(32), randomBytes(32)];
    const { node: peer, port } = await startNode({ sharedSeed });
    const { node: first } = await startNode({ nodeSeed, sharedSeed: [sharedSeed, old], chamberPath });
    const opened = await first.connectUdp('127.0.0.1', port);
    const [sessionId, peerNodeId] = [opened.sessionId, opened.peerNodeId];
    expect(await collect(first.records!.sessions())).toEqual([
      expect.objectContaining({ sessionId, peerNodeId, role: 'initiator', closedAt: undefined, end: undefined }),
    ]);
    await first.records!.chamber.storeKey('of the application', Uint8Array.of(1));
    await first.stop();

    const { node: second } = await startNode({ nodeSeed, sharedSeed: undefined as never, chamberPath });
    const [session] = await collect(second.records!.sessions());
    expect(session).toEqual({
      ...{ sessionId, peerNodeId, nodeId: first.nodeId, role: 'initiator', transport: 'udp' },
      ...{ address: '127.0.0.1', port, end: 'ERR_STT_CLOSED' },
      ...{ openedAt: expect.any(Number) as number, closedAt: expect.any(Number) as number },
    });
    expect(session!.closedAt).toBeGreaterThanOrEqual(session!.openedAt);
    const [known] = await collect(second.records!.peers());
    expect(known).toMatchObject({ nodeId: peerNodeId, sessions: 1, address: '127.0.0.1', port, transport: 'udp' });
    const seeds = await second.records!.seeds();
    expect(seeds.map(({ seed, lastUsed }) => [Buffer.from(seed), lastUsed !== undefined])).toEqual([
      [sharedSeed, true],
      [old, false],
    ]);
    expect(await second.records!.chamber.retrieveKey('of the application')).toEqual(Uint8Array.of(1));
    // The seed that it took from the chamber works.
    await second.connectUdp('127.0.0.1', port);
    const [again] = await collect(second.records!.peers());
    expect(again).toMatchObject({ sessions: 2, firstSeen: known!.firstSeen });
    expect(await collect(second.records!.sessions())).toHaveLength(2);
    await Promise.all([second.stop(), peer.stop()]);
    // Closed with the node: another process has it for itself.
    const chamber = await Chamber.open({ path: chamberPath, stc: new STCWrapper(nodeSeed), nodeId: second.nodeId });
    expect(await collect(chamber.listSessions())).toHaveLength(2);
    expect(await chamber.verify()).toMatchObject({ damaged: 0 });
    await chamber.close();
  });

  it('records what the responder has seen as well', async () => {
    await using pair = await nodePair({ chamber: new MemoryStore() });
    const { server } = await pair.connect();
    expect(await collect(pair.server.records!.peers())).toMatchObject([{ nodeId: pair.client.nodeId, sessions: 1 }]);
    expect(await collect(pair.server.records!.sessions())).toMatchObject([
      { role: 'responder', sessionId: server.sessionId },
    ]);
    expect(await pair.server.records!.forgetPeer(pair.client.nodeId)).toBe(true);
    expect(await pair.server.records!.forgetPeer(pair.client.nodeId)).toBe(false);
    expect(await collect(pair.server.records!.peers())).toEqual([]);
  });

  it('keeps when a seed came into the ring while the ring is rolled over', async () => {
    const store = new MemoryStore();
    const [nodeSeed, old, next] = [randomBytes(32), randomBytes(32), randomBytes(32)];
    const ring = async (sharedSeed: Uint8Array[]) => {
      const { node } = await startNode({ nodeSeed, sharedSeed, chamber: store });
      const seeds = await node.records!.seeds();
      await node.stop();
      return seeds;
    };
    const { since } = (await ring([old]))[0]!;
    const both = await ring([next, old]);
    expect(both.map(({ seed }) => Buffer.from(seed))).toEqual([next, old]);
    expect(both[1]!.since).toBe(since);
    expect((await ring([next])).map(({ seed, since }) => [Buffer.from(seed), since])).toEqual([[next, both[0]!.since]]);
  });

  it('shares peers, sessions and seeds with the other nodes of an open chamber, but not its own seed', async () => {
    const store = new MemoryStore();
    const fleet = await Chamber.open({ ...freshHolder(), store });
    const sharedSeed = randomBytes(32);
    const { node: peer, port } = await startNode({ sharedSeed });
    const { node: one } = await startNode({ sharedSeed, chamber: fleet });
    const { node: two } = await startNode({ sharedSeed: undefined as never, chamber: fleet });
    for (const node of [one, two]) await node.connectUdp('127.0.0.1', port);
    await one.records!.flush();
    expect(await collect(two.records!.peers())).toMatchObject([{ nodeId: peer.nodeId, sessions: 2 }]);
    const owners = (await collect(two.records!.sessions())).map(({ nodeId }) => Buffer.from(nodeId).toString('hex'));
    expect(owners.toSorted()).toEqual([one, two].map(({ nodeId }) => Buffer.from(nodeId).toString('hex')).toSorted());
    await Promise.all([one.stop(), two.stop(), peer.stop()]);
    // It was not the nodes' to close.
    const names = await collect(fleet.listRecords(3));
    expect(names.filter((name) => name.startsWith('seed of'))).toEqual([]);
    expect(names).toContain('shared seeds');
  });

  it('goes on when its chamber fails, tells it, and writes what it has when that is over', async () => {
    const store = new FailingStore();
    await using pair = await nodePair({}, { chamber: store });
    store.error = new Error('out of order');
    const { client } = await pair.connect();
    await pair.client.records!.flush();
    expect(pair.client.records!.getStats()).toMatchObject({ pending: 2, failures: 1, lastFailure: store.error });
    const stream = await client.openStream();
    stream.end('x');
    store.error = undefined;
    expect(await collect(pair.client.records!.peers())).toMatchObject([{ sessions: 1 }]);
    expect(await collect(pair.client.records!.sessions())).toHaveLength(1);
    expect(pair.client.records!.getStats()).toMatchObject({ pending: 0, failures: 1 });
  });

  it('does not start with a chamber of another seed, nor keep one open whose start failed', async () => {
    const chamberPath = await temporaryDirectory();
    const nodeSeed = randomBytes(32);
    const { node, port } = await startNode({ nodeSeed, chamberPath });
    await node.stop();
    const options = { host: '127.0.0.1', backend: BACKEND, sharedSeed: randomBytes(32), chamberPath };
    const foreign = new STTNode({ ...options, nodeSeed: randomBytes(32) });
    await expect(foreign.start()).rejects.toEqual(code('ERR_STT_CHAMBER_FOREIGN'));
    await foreign.stop();
    const { node: blocker } = await startNode({ port });
    const blocked = new STTNode({ ...options, nodeSeed, port });
    await expect(blocked.start()).rejects.toEqual(code('EADDRINUSE'));
    await expect(blocked.records!.chamber.retrieveKey('x')).rejects.toEqual(code('ERR_STT_CHAMBER_CLOSED'));
    await blocker.stop();
    const noChamber = join(chamberPath, 'file');
    await writeFile(noChamber, 'letter');
    const lost = new STTNode({ ...options, nodeSeed, chamberPath: noChamber });
    await expect(lost.start()).rejects.toEqual(code('ERR_STT_CHAMBER_FORMAT'));
    expect(await readFile(noChamber, 'utf8')).toBe('letter');
  });

  it('says what is wrong with its options', async () => {
    const seeds = { nodeSeed: randomBytes(32), sharedSeed: randomBytes(32), backend: BACKEND };
    const { nodeSeed } = seeds;
    const wrong = (options: object) => () => new STTNode({ ...seeds, ...options });
    expect(wrong({ chamberPath: '' })).toThrow(code('ERR_STT_OPTION_RANGE'));
    expect(wrong({ chamber: {} })).toThrow(code('ERR_STT_OPTION_RANGE'));
    expect(wrong({ chamber: new MemoryStore(), chamberPath: 'x' })).toThrow(code('ERR_STT_OPTION_RANGE'));
    expect(wrong({ chamberpath: 'x' })).toThrow(/Did you mean `chamberPath`/);
    expect(() => new STTNode({ nodeSeed, backend: BACKEND })).toThrow(code('ERR_STT_OPTION_RANGE'));
    const node = new STTNode({ nodeSeed, backend: BACKEND, chamber: new MemoryStore() });
    await expect(node.start()).rejects.toEqual(code('ERR_STT_OPTION_RANGE'));
  });

  it('starts with damaged records, and gives the sound ones', async () => {
    const store = new MemoryStore();
    const [nodeSeed, sharedSeed] = [randomBytes(32), randomBytes(32)];
    const { node: peer, port } = await startNode({ sharedSeed });
    const { node } = await startNode({ nodeSeed, sharedSeed, chamber: store });
    await node.connectUdp('127.0.0.1', port);
    await node.stop();
    for (const { name, record } of await store.scan(new Uint8Array(0), undefined, 1000)) {
      if (name[0] === 0) continue;
      record[record.length - 1]! ^= 1;
      await store.commit([{ name, record }]);
    }
    const { node: again } = await startNode({ nodeSeed, sharedSeed, chamber: store });
    await expect(collect(again.records!.peers())).rejects.toEqual(code('ERR_STT_CHAMBER_DAMAGED'));
    await again.connectUdp('127.0.0.1', port);
    expect(await collect(again.records!.peers())).toMatchObject([{ nodeId: peer.nodeId, sessions: 1 }]);
    expect(await collect(again.records!.sessions())).toHaveLength(1);
    expect(again.records!.getStats().failures).toBe(0);
    await Promise.all([again.stop(), peer.stop()]);
  });

  it('killed at any moment, has what was written', async () => {
    const chamberPath = await temporaryDirectory();
    const [nodeSeed, sharedSeed] = [randomBytes(32), randomBytes(32)];
    const { node: peer, port } = await startNode({ sharedSeed });
    const args = [chamberPath, nodeSeed.toString('hex'), sharedSeed.toString('hex'), String(port)];
    const child = fork(VICTIM, args, { env: { ...process.env, STT_BACKEND: BACKEND } });
    const [sessionId] = (await once(child, 'message')) as [string];
    child.kill('SIGKILL');
    await once(child, 'exit');
    const { node } = await startNode({ nodeSeed, sharedSeed: undefined as never, chamberPath });
    const sessions = await collect(node.records!.sessions());
    expect(sessions.map((session) => Buffer.from(session.sessionId).toString('hex'))).toEqual([sessionId]);
    expect(sessions[0]).toMatchObject({ peerNodeId: peer.nodeId, closedAt: undefined });
    expect(await collect(node.records!.peers())).toHaveLength(1);
    expect((await readdir(chamberPath)).toSorted()).toEqual(['data.mdb', 'lock.mdb']);
    await Promise.all([node.stop(), peer.stop()]);
  });
});
