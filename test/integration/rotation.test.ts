import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeKem } from '../../lib/api/node-kem.js';
import * as browser from '../../lib/browser.js';
import { STTNode, type STTSession, type STTStream } from '../../lib/index.js';
import { BACKEND, nodePair, readAll, startNode } from '../support/nodes.js';
import { startUdpProxy } from '../support/udp-proxy.mjs';

const MIB = 1_048_576;

type Rotating = Pick<STTSession | browser.STTSession, 'getStats'>;

/** Resolves when a session has changed its keys so often, and knows that the other side has. */
async function version(session: Rotating, wanted: number): Promise<void> {
  const done = (): number => {
    const { keyRotationsBegun, keyRotationsAnswered } = session.getStats();
    return keyRotationsBegun + keyRotationsAnswered;
  };
  while (done() < wanted) await new Promise(setImmediate);
}

describe(`sessions on real sockets (${BACKEND} backend)`, () => {
  it('change their keys soon after the handshake, without being asked', async () => {
    await using pair = await nodePair();
    const { client, server } = await pair.connect();
    expect([client.keyVersion, server.keyVersion]).toEqual([0, 0]);
    await Promise.all([version(client, 1), version(server, 1)]);
    expect(client.getStats()).toMatchObject({ keyVersion: 1, keyRotationsBegun: 1, keyRotationsAnswered: 0 });
    expect(server.getStats()).toMatchObject({ keyVersion: 1, keyRotationsBegun: 0, keyRotationsAnswered: 1 });
    expect(client.shouldRotateKeys()).toBe(false);
    // What the application has for its own use stays.
    expect(client.sessionKey).toEqual(server.sessionKey);
  });

  it('change them before anything is written, if that is awaited, and have the same key as before for the application', async () => {
    await using pair = await nodePair({}, { postQuantum: false });
    const { client, server } = await pair.connect();
    const before = client.sessionKey;
    await client.rotateKeys();
    expect([client.keyVersion, server.keyVersion]).toEqual([1, 1]);
    expect(client.sessionKey).toEqual(before);
    const accepted = once(server, 'stream') as Promise<[STTStream]>;
    (await client.openStream()).end('hello');
    expect(String(await readAll((await accepted)[0]))).toBe('hello');
  });

  it('rotate from both sides at once in mid-transfer, and lose no octet', async () => {
    await using pair = await nodePair({ postQuantum: false }, { postQuantum: false });
    const { client, server } = await pair.connect();
    const data = randomBytes(BACKEND === 'native' ? 64 * MIB : 8 * MIB);
    const done = new Promise<string>((resolve) =>
      server.once('stream', (stream) => {
        const hash = createHash('sha256');
        stream.on('data', (chunk: Buffer) => hash.update(chunk)).on('end', () => resolve(hash.digest('hex')));
      }),
    );
    const stream = await client.openStream();
    let isDone = false;
    const rotating = (async () => {
      for (let i = 0; i < 3 || !isDone; i++) await Promise.all([client.rotateKeys(), server.rotateKeys()]);
    })();
    for (let at = 0; at < data.length; at += 65_536) {
      if (!stream.write(data.subarray(at, at + 65_536))) await once(stream, 'drain');
    }
    stream.end();
    expect(await done).toBe(createHash('sha256').update(data).digest('hex'));
    isDone = true;
    await rotating;
    expect(client.keyVersion).toBeGreaterThanOrEqual(3);
    expect(server.keyVersion).toBe(client.keyVersion);
  });

  it('change keys and address at once, over a network that loses, and lose no octet', async () => {
    const sharedSeed = randomBytes(32);
    await using pair = await nodePair({ sharedSeed }, { sharedSeed });
    const nat = await startUdpProxy({
      target: { address: '127.0.0.1', port: pair.port },
      both: { rate: 20_000_000, loss: 0.01 },
    });
    const accepted = once(pair.server, 'session') as Promise<[STTSession]>;
    const client = await pair.client.connectUdp('127.0.0.1', nat.port);
    const [server] = await accepted;
    const moved = once(server, 'path');
    const incoming = once(server, 'stream') as Promise<[STTStream]>;
    const data = randomBytes(4_000_000);
    (await client.openStream()).end(data);
    const [received] = await incoming;
    await once(received, 'readable');
    const rotated = Promise.all([client.rotateKeys(), server.rotateKeys()]);
    nat.rebind();
    expect(Buffer.compare(await readAll(received), data)).toBe(0);
    await Promise.all([rotated, moved]);
    expect(client.keyVersion).toBeGreaterThan(0);
    expect(server.keyVersion).toBe(client.keyVersion);
    await Promise.all([client.close(), server.close()]);
    await nat.close();
  });

  it('change them again and again by the octets sent', async () => {
    await using pair = await nodePair({ postQuantum: false }, { postQuantum: false, rotateAfterOctets: MIB });
    const { client, server } = await pair.connect();
    server.on('stream', (stream) => stream.resume());
    const stream = await client.openStream();
    const chunk = randomBytes(65_536);
    while (client.getStats().keyRotationsBegun < 2) if (!stream.write(chunk)) await once(stream, 'drain');
    expect(client.getStats()).toMatchObject({ keyRotationsAnswered: 0 });
    expect(server.getStats()).toMatchObject({ keyRotationsBegun: 0 });
  });

  it('tell who waits for a rotation why the session ended', async () => {
    await using pair = await nodePair({}, { postQuantum: false });
    const { client } = await pair.connect();
    const rotated = client.rotateKeys().then(
      () => 'done',
      (error: { code: string }) => error.code,
    );
    client.destroy();
    expect(await rotated).toBe('ERR_STT_CLOSED');
    await expect(client.rotateKeys()).rejects.toMatchObject({ code: 'ERR_STT_CLOSED' });
    expect(client.shouldRotateKeys()).toBe(false);
  });

  it('leave no question to ML-KEM behind when they end, however many come and ask', async () => {
    await using pair = await nodePair();
    let most = 0;
    for (let round = 0; round < 10; round++) {
      const sessions = await Promise.all(
        Array.from({ length: 20 }, () => pair.client.connectUdp('127.0.0.1', pair.port)),
      );
      const ended = sessions.map((session) => new Promise((resolve) => session.once('close', resolve)));
      // Both sides of each may ask one question.
      for (const session of sessions) session.rotateKeys().catch(() => {});
      await sessions[0]!.ping();
      most = Math.max(most, nodeKem.waiting);
      for (const session of sessions) session.destroy();
      await Promise.all(ended);
      while (pair.server.getStats().sessions > 0) await new Promise((resolve) => setImmediate(resolve));
      expect(nodeKem.waiting).toBe(0);
    }
    expect(most).toBeLessThanOrEqual(40);
  });

  it('refuse options out of range, by name', () => {
    const seeds = { nodeSeed: new Uint8Array(32), sharedSeed: new Uint8Array(32) };
    for (const options of [
      { postQuantum: 1 },
      { rotateAfterOctets: 1_000 },
      { rotateAfterPackets: 2 ** 25 },
      { rotateAfterPackets: 0.5 },
      { rotateAfterMs: 10 },
    ]) {
      const name = Object.keys(options)[0];
      const make = (): STTNode => new STTNode({ ...seeds, ...(options as object) });
      expect(make).toThrow(expect.objectContaining({ code: 'ERR_STT_OPTION_RANGE' }));
      expect(make).toThrow(new RegExp(name!));
    }
    expect(() => new STTNode({ ...seeds, rotateAfterMS: 5 } as never)).toThrow(/rotateAfterMs/);
  });

  it('between different backends use the same keys', async () => {
    const other = BACKEND === 'js' ? 'auto' : 'js';
    await using pair = await nodePair({ backend: BACKEND }, { backend: other, postQuantum: false });
    const { client, server } = await pair.connect();
    for (let i = 1; i <= 3; i++) {
      await (i === 2 ? server : client).rotateKeys();
      await Promise.all([version(client, i), version(server, i)]);
    }
    expect([client.keyVersion, server.keyVersion]).toEqual([3, 3]);
  });
});

describe(`a page and a node (${BACKEND} backend)`, () => {
  const before = (globalThis as { WebSocket?: unknown }).WebSocket;
  beforeAll(() => void ((globalThis as { WebSocket?: unknown }).WebSocket = WebSocket));
  afterAll(() => void ((globalThis as { WebSocket?: unknown }).WebSocket = before));

  it('change the keys of their session, whoever asks', async () => {
    const sharedSeed = new Uint8Array(randomBytes(32));
    const { node } = await startNode({ sharedSeed, webSocket: { port: 0, host: '127.0.0.1' } });
    const page = new browser.STTNode({ nodeSeed: new Uint8Array(randomBytes(32)), sharedSeed });
    try {
      const accepted = once(node, 'session') as Promise<[STTSession]>;
      const session = await page.connectWebSocket(`ws://127.0.0.1:${node.webSocketPort}/`);
      const [theirs] = await accepted;
      await Promise.all([version(session, 1), version(theirs, 1)]);
      await theirs.rotateKeys();
      await Promise.all([version(session, 2), version(theirs, 2)]);
      await session.rotateKeys();
      expect(await session.ping()).toBeGreaterThan(0);
      expect([session.keyVersion, theirs.keyVersion]).toEqual([3, 3]);
      expect(session.getStats()).toMatchObject({ keyVersion: 3 });
    } finally {
      await page.stop();
      await node.stop();
    }
  });
});
