import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { STTSession } from '../../lib/index.js';
import { skipReason as noNative } from '../support/native-endpoint.js';
import { BACKEND, nodePair, readAll } from '../support/nodes.js';
import { skipReason as noNamespaces, RoutedHosts } from '../support/routed-hosts.js';

const PEER = fileURLToPath(new URL('../support/mtu-peer.mjs', import.meta.url));
const OCTETS = 4_000_000;

/** A stream that is echoed over loopback; gives both sessions after it. */
async function echoed(host: string, server: 'native' | 'js'): Promise<STTSession[]> {
  await using pair = await nodePair({ host, backend: server }, { host });
  const sessions = await pair.connect(host);
  sessions.server.on('stream', (stream) => stream.pipe(stream));
  const stream = await sessions.client.openStream();
  const sent = randomBytes(200_000);
  stream.end(sent);
  expect(Buffer.compare(await readAll(stream), sent)).toBe(0);
  return [sessions.client, sessions.server];
}

describe(`ECN over loopback (${BACKEND})`, () => {
  it.each(['127.0.0.1', '::1'])('is used, or said to be unavailable, on %s', async (host) => {
    const ecn = BACKEND === 'native' ? 'capable' : 'unavailable';
    for (const session of await echoed(host, BACKEND)) {
      expect(session.getStats()).toMatchObject({ ecn, ceMarks: 0 });
    }
  });

  it.skipIf(noNative !== undefined)('is given up when the peer cannot read marks', async () => {
    const [client, server] = await echoed('127.0.0.1', 'js');
    expect(client!.getStats().ecn).toBe('failed');
    expect(server!.getStats().ecn).toBe('unavailable');
  });
});

const NO_ROUTER = noNative ?? noNamespaces;
const named = NO_ROUTER === undefined ? '' : ` (skipped: ${NO_ROUTER})`;
describe.skipIf(NO_ROUTER !== undefined)(`ECN across a router${named}`, () => {
  it.each<[string, string[], string, (marks: number) => boolean]>([
    ['that leaves marks alone', [], 'capable', (marks) => marks === 0],
    [
      'that marks one of 500 packets with CE',
      ['ip ecn ect0 numgen inc mod 500 0 ip ecn set ce'],
      'capable',
      (marks) => marks > 0,
    ],
    ['that bleaches marks', ['ip ecn set not-ect'], 'failed', (marks) => marks === 0],
    ['that drops packets with marks', ['ip ecn ect0 drop'], 'failed', (marks) => marks === 0],
  ])('%s', async (_, rules, ecn, fits) => {
    await using hosts = new RoutedHosts(1_500, 1_500);
    // Without nftables, no router meddles with marks here.
    const alters = hosts.alter(...rules);
    const env = { STT_BACKEND: 'native' };
    const server = hosts.start(hosts.right, PEER, ['server', RoutedHosts.RIGHT], env);
    const { port } = await server.next('listening');
    const client = hosts.start(hosts.left, PEER, ['client', RoutedHosts.RIGHT, String(port), String(OCTETS)], env);
    for (let quarter = 1; quarter <= 4; quarter++) {
      await client.next('quarter');
      client.goOn();
    }
    const sent = await client.next('sent');
    expect(await server.next('received')).toMatchObject({ octets: OCTETS, digest: sent['digest'] });
    if (!alters) return;
    const stats = sent['stats'] as { ecn: string; ceMarks: number };
    expect(stats.ecn).toBe(ecn);
    expect(fits(stats.ceMarks)).toBe(true);
  });
});
