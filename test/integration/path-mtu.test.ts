import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { STTNodeOptions, STTSession, STTStream } from '../../lib/index.js';
import { loadNative } from '../../lib/native/binding.js';
import { BACKEND, startNode } from '../support/nodes.js';
import { skipReason as noNamespaces, RoutedHosts, type Message } from '../support/routed-hosts.js';

const PEER = fileURLToPath(new URL('../support/mtu-peer.mjs', import.meta.url));
const OCTETS = 12_000_000;

/** Sends random octets from one node to another over loopback; gives the sender's session after it. */
async function transfer(host: string, octets: number, options: Partial<STTNodeOptions> = {}): Promise<STTSession> {
  const sharedSeed = randomBytes(32);
  const { node: server, port } = await startNode({ sharedSeed, host, ...options });
  const { node: client } = await startNode({ sharedSeed, host, ...options });
  const accepted = new Promise<STTSession>((resolve) => server.once('session', resolve));
  const session = await client.connectUdp(host, port);
  const incoming = once(await accepted, 'stream') as Promise<[STTStream]>;
  const stream = await session.openStream();
  const sent = createHash('sha256');
  const received = createHash('sha256');
  const block = randomBytes(100_000);
  const writing = (async () => {
    for (let left = octets; left > 0;) {
      const chunk = block.subarray(0, Math.min(left, block.length));
      sent.update(chunk);
      left -= chunk.length;
      if (!stream.write(chunk)) await once(stream, 'drain');
    }
    stream.end();
  })();
  const [arriving] = await incoming;
  for await (const chunk of arriving) received.update(chunk as Buffer);
  await writing;
  expect(received.digest('hex')).toBe(sent.digest('hex'));
  arriving.end();
  await session.close();
  await Promise.all([client.stop(), server.stop()]);
  return session;
}

describe(`path MTU over loopback (${BACKEND})`, () => {
  it.each([
    ['127.0.0.1', 65_507],
    ['::1', 65_488],
  ])('of %s is found, and everything arrives: %d octets', async (host, found) => {
    let session = await transfer(host, OCTETS);
    // A window that losses keep small has no room for the largest size: then a longer transfer, on a socket of its own.
    for (let i = 0; i < 5 && session.getStats().packetSize < found; i++) session = await transfer(host, 4 * OCTETS);
    expect(session.getStats()).toMatchObject({
      packetSize: found,
      packetSizeLimit: found,
      packetSizeState: 'complete',
      packetSizeReduction: 'none',
    });
  });

  it('is not searched for where one size is asked for', async () => {
    const session = await transfer('127.0.0.1', OCTETS, { initialPacketSize: 1_400 });
    expect(session.getStats()).toMatchObject({ packetSize: 1_400, packetSizeState: 'complete', mtuProbesSent: 0 });
  });

  it('is searched for up to the largest size allowed', async () => {
    const session = await transfer('127.0.0.1', OCTETS, { maxPacketSize: 9_000 });
    expect(session.getStats()).toMatchObject({ packetSize: 8_972, packetSizeLimit: 9_000 });
  });

  it.skipIf(BACKEND !== 'native')(
    'may be less than the first size: what the system refuses is sent in smaller packets',
    async () => {
      // 65,507 octets and the headers of IPv6 and UDP are more than the interface carries.
      const session = await transfer('::1', OCTETS, { initialPacketSize: 65_507 });
      const stats = session.getStats();
      expect(stats).toMatchObject({ packetSizeReductions: 1, packetSizeReduction: 'refused' });
      expect(stats.packetSize).toBeLessThanOrEqual(65_488);
      expect(stats.packetSize).toBeGreaterThanOrEqual(8_972);
    },
  );
});

interface Outcome {
  readonly stats: Record<string, unknown>;
  readonly engine: Record<string, unknown>;
}

/** A transfer from the left to the right host, whose octets are compared. */
async function acrossRouter(
  hosts: RoutedHosts,
  backend: string,
  atQuarter: (quarter: number, message: Message) => void = () => {},
): Promise<Outcome> {
  const env = { STT_BACKEND: backend };
  const server = hosts.start(hosts.right, PEER, ['server', RoutedHosts.RIGHT], env);
  const { port } = await server.next('listening');
  const args = ['client', RoutedHosts.RIGHT, String(port), String(2 * OCTETS)];
  const client = hosts.start(hosts.left, PEER, args, env);
  for (let quarter = 1; quarter <= 4; quarter++) {
    atQuarter(quarter, await client.next('quarter'));
    client.goOn();
  }
  const sent = await client.next('sent');
  const received = await server.next('received');
  expect(received).toMatchObject({ octets: 2 * OCTETS, digest: sent['digest'] });
  return sent as unknown as Outcome;
}

const ofNamespaces = noNamespaces === undefined ? '' : ` (skipped: ${noNamespaces})`;
describe.skipIf(noNamespaces !== undefined)(`path MTU between hosts (${BACKEND})${ofNamespaces}`, () => {
  it.skipIf(BACKEND !== 'native').each([
    ['of the own link, by what the system refuses', 1_280, 1_500, 1_252],
    ['behind a router, by what gets lost', 1_500, 1_280, 1_252],
    ['of Ethernet', 1_500, 1_500, 1_472],
    ['of jumbo frames', 9_000, 9_000, 8_972],
    ['of a tunnel behind jumbo frames', 9_000, 1_420, 1_392],
  ])('%s: %d and %d octets with headers, %d without', async (_, leftMtu, rightMtu, found) => {
    await using hosts = new RoutedHosts(leftMtu, rightMtu);
    const { stats, engine } = await acrossRouter(hosts, 'native');
    // That a train holds a packet which is too large for the link is no reason to send no trains any more.
    expect(engine).toMatchObject({ dontFragment: true, gso: loadNative().addon!.probe().gso });
    expect(stats).toMatchObject({ packetSize: found, packetSizeReductions: 0 });
  });

  it.skipIf(BACKEND !== 'native')(
    'that shrinks in the middle of a transfer: it goes on, and finds the new one',
    async () => {
      await using hosts = new RoutedHosts(1_500, 1_500);
      const sizes: unknown[] = [];
      const { stats } = await acrossRouter(hosts, 'native', (quarter, message) => {
        sizes.push((message['stats'] as Outcome['stats'])['packetSize']);
        if (quarter === 2) hosts.rightMtu = 1_280;
      });
      expect(sizes.slice(0, 2)).toEqual([1_472, 1_472]);
      expect(stats).toMatchObject({ packetSize: 1_252, packetSizeReductions: 1 });
    },
  );

  it.skipIf(BACKEND !== 'js')('is not searched for by a backend whose datagrams the system cuts up', async () => {
    await using hosts = new RoutedHosts(1_500, 1_400);
    const { stats, engine } = await acrossRouter(hosts, 'js');
    expect(engine).toMatchObject({ dontFragment: false });
    expect(stats).toMatchObject({ packetSize: 1_200, packetSizeState: 'complete', mtuProbesSent: 0 });
  });
});
