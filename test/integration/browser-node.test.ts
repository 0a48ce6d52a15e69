import { createHash, randomBytes } from 'node:crypto';
import { WebSocket } from 'ws';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import * as browser from '../../lib/browser.js';
import type { STTNode } from '../../lib/index.js';
import { echo, startNode } from '../support/nodes.js';

const MIB = 1_048_576;
const sharedSeed = randomBytes(32);
const open: (() => Promise<void>)[] = [];

// The browser's own is not here; this one has the same interface.
beforeAll(() => {
  (globalThis as { WebSocket?: unknown }).WebSocket = WebSocket;
});
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function server(): Promise<{ node: STTNode; url: string }> {
  const { node } = await startNode({ sharedSeed, webSocket: { port: 0, host: '127.0.0.1' } });
  open.push(() => node.stop());
  return { node, url: `ws://127.0.0.1:${node.webSocketPort}/` };
}

function page(seed: Uint8Array = sharedSeed): browser.STTNode {
  const node = new browser.STTNode({ nodeSeed: new Uint8Array(randomBytes(32)), sharedSeed: new Uint8Array(seed) });
  open.push(() => node.stop());
  return node;
}

async function sha256(readable: ReadableStream<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  const reader = readable.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) hash.update(next.value);
  return hash.digest('hex');
}

describe('a node of the entry for browsers', () => {
  it('sends and receives streams exactly, with back-pressure, and is known by its id', async () => {
    const { node, url } = await server();
    echo(node);
    const accepted = new Promise<Uint8Array>((resolve) => node.once('session', (s) => resolve(s.peerNodeId)));
    const client = page();
    const session = await client.connectWebSocket(url, { peerNodeId: new Uint8Array(node.nodeId) });
    const { readable, writable } = await session.openStream();
    const data = new Uint8Array(randomBytes(8 * MIB));
    const received = sha256(readable);
    const writer = writable.getWriter();
    for (let at = 0; at < data.length; at += 100_000) {
      await writer.ready;
      void writer.write(data.subarray(at, at + 100_000));
    }
    await writer.close();
    expect(await received).toBe(createHash('sha256').update(data).digest('hex'));
    expect(new Uint8Array(await accepted)).toEqual(client.nodeId);
    expect(session.transport).toBe('websocket');
    expect(await session.ping()).toBeGreaterThan(0);
    expect(session.getStats().streamOctetsSent).toBe(data.length);
  });

  it('exchanges messages both ways', async () => {
    const { node, url } = await server();
    node.on('message', ({ session, data }) => void session.sendMessage(data, { streamId: 7 }));
    const client = page();
    const session = await client.connect(url);
    const messages = client.receive();
    expect(await session.sendMessage(new Uint8Array([1, 2, 3]))).toBe('acked');
    const { value } = await messages.next();
    expect(value).toMatchObject({ session, streamId: 7, data: new Uint8Array([1, 2, 3]) });
  });

  it('tells a node that stays silent, for it holds another seed, from one that is not there', async () => {
    const { url } = await server();
    const silent = page(randomBytes(32)).connectWebSocket(url, { timeoutMs: 300 });
    await expect(silent).rejects.toMatchObject({ code: 'ERR_STT_HANDSHAKE_TIMEOUT' });
    await expect(page().connectWebSocket('ws://127.0.0.1:1/')).rejects.toMatchObject({ code: 'ERR_STT_WEBSOCKET' });
    await expect(page().connectWebSocket('ftp://127.0.0.1/')).rejects.toMatchObject({ code: 'ERR_STT_ADDRESS' });
  });

  it('delivers what was written when it closes, and fails streams when the other side ends', async () => {
    const { node, url } = await server();
    const whole = new Promise<number>((resolve) =>
      node.once('session', (session) =>
        session.once('stream', async (stream) => {
          let octets = 0;
          for await (const chunk of stream) octets += (chunk as Uint8Array).length;
          resolve(octets);
        }),
      ),
    );
    const first = await page().connectWebSocket(url);
    const { writable } = await first.openStream();
    const writer = writable.getWriter();
    void writer.write(new Uint8Array(2 * MIB));
    await first.close();
    expect(await whole).toBe(2 * MIB);

    const second = await page().connectWebSocket(url);
    await second.ping();
    const ended = new Promise<browser.STTError>((resolve) => second.once('close', resolve));
    const { readable } = await second.openStream();
    const reading = readable.getReader().read();
    const caught = reading.catch((error: unknown) => error);
    for (const session of node.sessionManager) session.destroy(new Error('over'));
    expect((await ended).code).toMatch(/^ERR_STT_/);
    expect(await caught).toBe(await ended);
  });
});
