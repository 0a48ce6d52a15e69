import { STTNode, type STTNodeOptions, type STTSession } from '../index.js';
import { usage, type OptionSpecs } from './arguments.js';
import type { CommandContext } from './command.js';
import { formatEndpoint, type Destination } from './endpoint.js';
import { loadNodeSeed, loadSharedSeeds, senderSeed } from './seeds.js';

/** Longest attempt to connect: every retransmission of the handshake fits in several times. */
const CONNECT_TIMEOUT_MS = 10_000;
/** How long a command waits at its end for the peer to acknowledge what was sent. */
const CLOSE_TIMEOUT_MS = 5000;

export const PEER_OPTION: OptionSpecs = {
  peer: { value: 'ID', help: 'accept only the receiver of that id (`stt id` there tells it)' },
};

/** Options of a node as the command line has them. */
export async function nodeOptions(
  { args, output, env }: CommandContext,
  nodeSeed: Uint8Array,
): Promise<STTNodeOptions> {
  return {
    nodeSeed,
    sharedSeed: await loadSharedSeeds(args.text('seed-file'), env, output),
    idleTimeoutMs: timeoutMs(args),
    // A side that is hashing what it has already may send nothing for long.
    keepAlive: true,
    closeTimeoutMs: CLOSE_TIMEOUT_MS,
    ...(args.has('packet-size') ? { initialPacketSize: args.integer('packet-size', 1200, 1200, 65_507) } : {}),
  };
}

/** A node with one session, closed in order by `await using`. */
export interface Connection extends AsyncDisposable {
  readonly node: STTNode;
  readonly session: STTSession;
  /** UDP was tried and did not get through, so that WebSocket carries the session. */
  readonly isFallback: boolean;
  /** Rejects when the user interrupts, else is the promise. */
  orInterrupted<T>(promise: Promise<T>): Promise<T>;
}

/** Connects to a receiver: over WebSocket to a URL, else over UDP, or over WebSocket where UDP does not get through. */
export async function connect(context: CommandContext, to: Destination): Promise<Connection> {
  const { args, output, env, signal } = context;
  const peerNodeId = parsePeer(args.text('peer'));
  const node = new STTNode(await nodeOptions(context, senderSeed(await loadNodeSeed(env, output))));
  // A socket that fails ends the session, and that is told.
  node.on('error', () => {});
  try {
    await node.start();
    const options = {
      signal,
      timeoutMs: Math.min(CONNECT_TIMEOUT_MS, timeoutMs(args)),
      ...(peerNodeId === undefined ? {} : { peerNodeId }),
    };
    const session =
      'url' in to
        ? await node.connectWebSocket(to.url, options)
        : await node.connect(formatEndpoint({ address: to.host, port: to.port }), options);
    const isFallback = !('url' in to) && session.transport === 'websocket';
    if (isFallback) output.note('UDP does not get through; going on over WebSocket.');
    return {
      node,
      session,
      isFallback,
      orInterrupted: (promise) => orInterrupted(promise, signal),
      async [Symbol.asyncDispose]() {
        // What matters was acknowledged by then; a peer that is gone already is no failure.
        await session.close().catch(() => {});
        await node.stop();
      },
    };
  } catch (error) {
    await node.stop();
    throw error;
  }
}

function timeoutMs(args: CommandContext['args']): number {
  return args.integer('timeout', 30, 1, 86_400) * 1000;
}

function parsePeer(text: string | undefined): Uint8Array | undefined {
  if (text === undefined) return undefined;
  if (!/^[0-9a-f]{64}$/i.test(text))
    throw usage(`--peer is no node id: 64 hexadecimal digits, as \`stt id\` prints them.`);
  return new Uint8Array(Buffer.from(text, 'hex'));
}

function orInterrupted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
