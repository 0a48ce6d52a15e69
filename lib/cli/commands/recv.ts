import { NODE_OPTIONS, type Command, type CommandContext } from '../command.js';
import { usage } from '../arguments.js';
import { DEFAULT_PORT, formatEndpoint, parseListenAddress } from '../endpoint.js';
import { nodeOptions } from '../open-node.js';
import { Reception } from '../reception.js';
import { loadNodeSeed } from '../seeds.js';
import { DirectoryDestination, StreamDestination, type Destination } from '../../transfer/destination.js';
import { HashWorker } from '../../transfer/hash-worker.js';
import { TargetDirectory } from '../../transfer/target-directory.js';
import { STTNode } from '../../index.js';

export const command: Command = {
  name: 'recv',
  synopsis: ['recv [--listen ADDR] [--websocket PORT] [--out DIR] [--once] [--force]'],
  description: [
    'Receives what `stt send` sends, from everybody who holds the shared seed, until it is ended. Files appear under their final name only when they are complete and their SHA-256 is verified; until then their octets are in a hidden file .NAME.stt-part beside it, from which a transfer that broke off is resumed when it is sent again. Existing files are never replaced without --force, and nothing is written outside of DIR.',
    'With --out - one file goes to standard output as it arrives; the exit code tells whether its hash was right.',
  ],
  options: {
    listen: {
      value: 'ADDR',
      short: 'l',
      help: `HOST:PORT, PORT or HOST (default: port ${DEFAULT_PORT} of all addresses; port 0: any free one)`,
    },
    websocket: {
      value: 'PORT',
      help: 'accept WebSockets as well, on that TCP port of the same addresses (0: any free one)',
    },
    out: {
      value: 'DIR',
      short: 'o',
      help: 'where to put files (default: here; made if missing); - for standard output',
    },
    once: { help: 'end after one transfer, with an exit code that tells how it went' },
    force: { help: 'replace files that exist' },
    ...NODE_OPTIONS,
  },
  async run(context) {
    const { args, output, env, signal } = context;
    if (args.positionals.length > 0) throw usage('`stt recv` takes no arguments. Name a directory with --out DIR.');
    const { host, port } = parseListenAddress(args.text('listen') ?? `${DEFAULT_PORT}`);
    const isToStdout = args.text('out') === '-';
    if (isToStdout) output.reserveStdout();
    const webSocket =
      args.text('websocket') === undefined
        ? {}
        : { webSocket: { port: args.integer('websocket', 0, 0, 65_535), ...(host === undefined ? {} : { host }) } };
    const options = await nodeOptions(context, await loadNodeSeed(env, output));
    const destination = await openDestination(context, isToStdout);
    const hashes = new HashWorker();
    const node = new STTNode({ ...options, ...webSocket, port, ...(host === undefined ? {} : { host }) });
    const reception = new Reception({ node, destination, hashes, output, isOnce: args.has('once') || isToStdout });
    try {
      const bound = await node.start();
      const id = Buffer.from(node.nodeId).toString('hex');
      const { backend } = node.getStats();
      const { webSocketPort } = node;
      const more = webSocketPort === undefined ? {} : { webSocketPort };
      output.event({ event: 'listening', ...bound, ...more, nodeId: id, backend });
      const over = webSocketPort === undefined ? 'UDP' : `UDP, and WebSocket on port ${webSocketPort}`;
      output.note(`Listening on ${formatEndpoint(bound)} (${over}), node ${id}, ${backend} backend.`);
      return await reception.run(signal);
    } finally {
      output.stopProgress();
      await node.stop();
      await hashes.close();
    }
  },
};

async function openDestination({ args }: CommandContext, isToStdout: boolean): Promise<Destination> {
  if (isToStdout) return new StreamDestination(process.stdout);
  return new DirectoryDestination(await TargetDirectory.open(args.text('out') ?? '.', { force: args.has('force') }));
}
