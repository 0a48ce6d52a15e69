import { randomBytes } from 'node:crypto';
import { STTNode, type STTNodeOptions, type STTSession, type STTStream } from '../../lib/index.js';

/** The backend this run of the tests is about. */
export const BACKEND = (process.env['STT_BACKEND'] ?? 'native') as 'native' | 'js';

export interface NodePair extends AsyncDisposable {
  readonly server: STTNode;
  readonly client: STTNode;
  readonly port: number;
  /** A session, as each side sees it. */
  connect(host?: string): Promise<{ client: STTSession; server: STTSession }>;
}

/** A started node with fresh seeds on loopback. */
export async function startNode(options: Partial<STTNodeOptions> = {}): Promise<{ node: STTNode; port: number }> {
  const node = new STTNode({
    nodeSeed: randomBytes(32),
    sharedSeed: randomBytes(32),
    host: '127.0.0.1',
    backend: BACKEND,
    ...options,
  });
  const { port } = await node.start();
  return { node, port };
}

/** Two started nodes that share a seed. */
export async function nodePair(
  serverOptions: Partial<STTNodeOptions> = {},
  clientOptions: Partial<STTNodeOptions> = {},
): Promise<NodePair> {
  const sharedSeed = randomBytes(32);
  const { node: server, port } = await startNode({ sharedSeed, ...serverOptions });
  const { node: client } = await startNode({ sharedSeed, ...clientOptions });
  return {
    server,
    client,
    port,
    async connect(host = '127.0.0.1') {
      const accepted = new Promise<STTSession>((resolve) => server.once('session', resolve));
      const session = await client.connectUdp(host, port);
      return { client: session, server: await accepted };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([client.stop(), server.stop()]);
    },
  };
}

/** Sends back what comes, on every stream of every session. */
export function echo(node: STTNode): void {
  node.on('session', (session) => session.on('stream', (stream) => stream.pipe(stream)));
}

/** Everything a stream gives until its end. */
export async function readAll(stream: STTStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
