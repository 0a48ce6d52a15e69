import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import type { PathChange, SessionStats } from '../../lib/index.js';
import { NamespacedProcess, NO_NAMESPACES } from '../support/network-namespaces.js';
import { BACKEND } from '../support/nodes.js';

const SCRIPT = fileURLToPath(new URL('../support/roaming-node.mjs', import.meta.url));

interface Digest {
  readonly octets: number;
  readonly sha256: string;
}

interface Told {
  readonly port?: number;
  readonly flowing?: true;
  readonly sent?: Digest;
  readonly received?: Digest;
  readonly moved?: PathChange;
  readonly over?: SessionStats;
  readonly ended?: string;
}

const running = new Set<RoamingNode>();
afterEach(() => {
  for (const { child } of running) child.kill('SIGKILL');
  running.clear();
});

class RoamingNode extends NamespacedProcess {
  readonly told: Told[] = [];
  #onTold: () => void = () => {};

  constructor(options: Record<string, unknown>) {
    super(SCRIPT, [JSON.stringify({ nodeSeed: randomBytes(32).toString('hex'), ...options })], {
      ...process.env,
      STT_BACKEND: BACKEND,
    });
    running.add(this);
    this.child.on('message', (message: Told) => {
      this.told.push(message);
      this.#onTold();
    });
    this.child.on('exit', () => {
      this.told.push({ ended: 'the process ended' });
      this.#onTold();
    });
  }

  /** What it tells of this kind; rejects if its session, or the process, ends first. */
  async hears<K extends keyof Told>(key: K): Promise<NonNullable<Told[K]>> {
    for (;;) {
      const found = this.told.find((told) => told[key] !== undefined);
      if (found !== undefined) return found[key]!;
      const ended = this.told.find((told) => told.ended !== undefined);
      if (ended !== undefined) throw new Error(`it never told "${key}": ${ended.ended}`);
      await new Promise<void>((resolve) => (this.#onTold = resolve));
    }
  }
}

const NETWORKS = {
  IPv4: { host: '0.0.0.0', server: '192.0.2.1', addresses: ['192.0.2.2', '192.0.2.3'], prefix: ['/24'] },
  // Without a search for others with the same address, which takes a second.
  IPv6: { host: '::', server: '2001:db8::1', addresses: ['2001:db8::2', '2001:db8::3'], prefix: ['/64', 'nodad'] },
} as const;

describe.skipIf(NO_NAMESPACES !== undefined)(
  `a session between two network namespaces (${BACKEND}) ${NO_NAMESPACES ?? ''}`,
  () => {
    it.each([
      ['IPv4', 'upload'],
      ['IPv4', 'download'],
      ['IPv6', 'upload'],
      ['IPv6', 'download'],
    ] as const)('goes on when the %s address of the client changes in mid-%s', async (family, way) => {
      const { host, server: serverAddress, addresses, prefix } = NETWORKS[family];
      const common = { sharedSeed: randomBytes(32).toString('hex'), host };
      const server = new RoamingNode({ ...common, sends: way === 'download' });
      // Who only receives has nothing to say from its new address, but that it is still there.
      const client = new RoamingNode({ ...common, sends: way === 'upload', keepAlive: true, idleTimeoutMs: 9_000 });
      const [port] = await Promise.all([server.hears('port'), client.hears('port')]);
      const [before, after] = addresses;
      const change = (node: RoamingNode, what: 'add' | 'del', address: string): void => {
        const [length, ...flags] = prefix;
        node.ip('address', what, `${address}${length}`, 'dev', 'veth', ...(what === 'add' ? flags : []));
      };
      NamespacedProcess.connect('veth', server, client);
      change(server, 'add', serverAddress);
      change(client, 'add', before);
      client.child.send({ connectTo: { host: serverAddress, port } });

      const [sender, receiver] = way === 'upload' ? [client, server] : [server, client];
      await receiver.hears('flowing');
      // For a moment there is no way to the peer at all.
      change(client, 'del', before);
      change(client, 'add', after);
      const moved = await server.hears('moved');
      expect(moved.previous.address).toBe(before);
      expect(moved.remoteAddress.address).toBe(after);
      // The transfer goes on, and on.
      for (const node of [client, server]) node.child.send('finish');
      const [sent, received] = await Promise.all([sender.hears('sent'), receiver.hears('received')]);
      expect(received).toEqual(sent);
      const [, stats] = await Promise.all([client.hears('over'), server.hears('over')]);
      expect(stats.pathChanges).toBe(1);
    });
  },
);
