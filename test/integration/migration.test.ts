import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { PathChange, STTSession, STTStream } from '../../lib/index.js';
import { BACKEND, readAll, startNode } from '../support/nodes.js';
import { startUdpProxy } from '../support/udp-proxy.mjs';

/** Two nodes with something between them that can give the client another address. */
async function behindNat() {
  const sharedSeed = randomBytes(32);
  const { node: server, port } = await startNode({ sharedSeed });
  const { node: client } = await startNode({ sharedSeed });
  const nat = await startUdpProxy({ target: { address: '127.0.0.1', port }, both: { rate: 40_000_000 } });
  const accepted = new Promise<STTSession>((resolve) => server.once('session', resolve));
  const session = await client.connectUdp('127.0.0.1', nat.port);
  return {
    nat,
    client: session,
    server: await accepted,
    async [Symbol.asyncDispose]() {
      await Promise.all([client.stop(), server.stop()]);
      await nat.close();
    },
  };
}

describe(`a session over real sockets whose peer gets another address (${BACKEND})`, () => {
  it.each(['upload', 'download'])('loses nothing when the socket is replaced in the middle of an %s', async (way) => {
    await using pair = await behindNat();
    const [from, to] = way === 'upload' ? [pair.client, pair.server] : [pair.server, pair.client];
    const before = pair.server.remoteAddress;
    const moved = once(pair.server, 'path') as Promise<[PathChange]>;
    const incoming = once(to, 'stream') as Promise<[STTStream]>;
    const data = randomBytes(4_000_000);
    const stream = await from.openStream();
    stream.end(data);
    const [received] = await incoming;
    await once(received, 'readable');
    pair.nat.rebind();
    const whole = await readAll(received);
    expect(Buffer.compare(whole, data)).toBe(0);
    const [change] = await moved;
    expect(change.previous).toEqual(before);
    expect(change.remoteAddress.port).not.toBe(before.port);
    expect(pair.server.remoteAddress).toEqual(change.remoteAddress);
    expect(pair.server.getStats().pathChanges).toBe(1);
  });

  it('tells where else a node can be reached', async () => {
    const sharedSeed = randomBytes(32);
    const advertise = { udp: '192.0.2.1:4433', websocket: 'wss://example.org/stt' };
    const { node: server, port } = await startNode({ sharedSeed, advertise });
    const { node: client } = await startNode({ sharedSeed });
    const session = await client.connectUdp('127.0.0.1', port);
    if (session.alternatives.udp === undefined) await once(session, 'alternatives');
    expect(session.alternatives).toEqual(advertise);
    await Promise.all([client.stop(), server.stop()]);
  });
});
