import { usage } from '../arguments.js';
import { NODE_OPTIONS, type Command } from '../command.js';
import { parseDestination } from '../endpoint.js';
import { ExitCode } from '../exit-codes.js';
import { explain } from '../failure.js';
import { formatCount, formatMs, formatOctets, formatRate } from '../format.js';
import { PEER_OPTION, connect } from '../open-node.js';
import { HashWorker } from '../../transfer/hash-worker.js';
import { splitPath, printable } from '../../transfer/safe-path.js';
import { sendFiles, type SendSummary } from '../../transfer/sender.js';
import { sourceOf, type Source } from '../../transfer/source-tree.js';
import type { STTSession, STTStream } from '../../index.js';

export const command: Command = {
  name: 'send',
  synopsis: ['send PATH... HOST:PORT', 'send PATH... wss://HOST/PATH', 'send - HOST:PORT [--name NAME]'],
  description: [
    'Sends files and directories to a `stt recv`, with their modification times and permissions. It ends when everything is on the disk there and its SHA-256 was verified. A transfer that broke off is resumed by the same command; what is there already is not sent again. Symbolic links are followed where they are named and left out inside directories.',
    'A PATH of - is standard input. Where a firewall blocks UDP, WebSocket on the TCP port of the same number is used instead, if `stt recv --websocket PORT` runs there; a URL of ws: or wss: sends over WebSocket from the beginning.',
  ],
  options: {
    name: { value: 'NAME', help: 'name of the one PATH at the receiver (standard input: default "stdin")' },
    ...PEER_OPTION,
    ...NODE_OPTIONS,
  },
  async run(context) {
    const { args, output, signal } = context;
    const destination = args.positionals.at(-1);
    if (args.positionals.length < 2 || destination === undefined) {
      throw usage('`stt send` takes what to send and where to: stt send PATH... HOST:PORT.');
    }
    const to = parseDestination(destination);
    const sources = await sourcesOf(args.positionals.slice(0, -1), args.text('name'));
    await using connection = await connect(context, to);
    const { session } = connection;
    output.event({
      event: 'connected',
      remote: destination,
      transport: session.transport,
      fallback: connection.isFallback,
      backend: session.getStats().backend,
    });
    const stream = await connection.orInterrupted(session.openStream());
    const onAbort = (): void => void stream.destroy(signal.reason as Error);
    signal.addEventListener('abort', onAbort);
    const hashes = new HashWorker();
    const began = performance.now();
    try {
      signal.throwIfAborted();
      const summary = await sendFiles(stream, sources, hashes, observe(output, session, stream));
      output.stopProgress();
      const seconds = (performance.now() - began) / 1000;
      const { firstFailure, ...totals } = summary;
      const { packetsSent, packetsLost, rttMs, minRttMs, octetsSent, backend } = session.getStats();
      const link = { packetsSent, packetsLost, rttMs, minRttMs, octetsSent, backend };
      output.event({ event: 'summary', ...totals, seconds, ...link });
      output.note(
        `${describe(summary)}; ${formatOctets(summary.octets)} in ${seconds.toFixed(1)} s, ${formatRate(summary.octets / seconds)}; ` +
          `RTT ${formatMs(rttMs)} ms, ${packetsSent} packets, ${packetsLost} lost`,
      );
      return firstFailure === undefined ? ExitCode.OK : explain(firstFailure).exitCode;
    } catch (error) {
      // The stream's own error is a consequence of the interruption.
      throw signal.aborted ? signal.reason : error;
    } finally {
      output.stopProgress();
      signal.removeEventListener('abort', onAbort);
      await hashes.close();
    }
  },
};

async function sourcesOf(paths: readonly string[], name: string | undefined): Promise<Source[]> {
  if (name !== undefined && paths.length > 1) throw usage('--name names one PATH; several are given.');
  const sources: Source[] = [];
  for (const path of paths) {
    const source = path === '-' ? { input: process.stdin, name: name ?? 'stdin' } : await sourceOf(path, name);
    const names = splitPath(source.name);
    if (typeof names === 'string' || names.length > 1) {
      const why = typeof names === 'string' ? names : 'a name has no "/"';
      throw usage(`${path} cannot be sent as "${source.name}": ${why}. Give another name with --name NAME.`);
    }
    if (sources.some((other) => other.name === source.name)) {
      throw usage(`Two of the paths would both arrive as "${source.name}". Send them one by one, with --name NAME.`);
    }
    sources.push(source);
  }
  return sources;
}

function observe(
  output: Parameters<typeof command.run>[0]['output'],
  session: STTSession,
  stream: STTStream,
): NonNullable<Parameters<typeof sendFiles>[3]> {
  let label = '';
  let octets = 0;
  let total: number | undefined;
  return {
    onStart: (sum) => {
      total = sum.octets;
      output.event({ event: 'start', files: sum.files, octets: sum.octets });
      output.startProgress(() => ({
        label,
        transport: session.transport,
        // What the receiver has, not what waits here.
        octets: Math.max(0, octets - stream.unacknowledgedOctets - stream.writableLength),
        total,
      }));
    },
    onFile: (entry, offset) => {
      label = entry.path;
      octets += offset;
      output.event({ event: 'file', path: entry.path, size: entry.size, offset });
      if (offset > 0 && offset < (entry.size ?? 0)) {
        output.note(`Resuming ${printable(entry.path)} at ${formatOctets(offset)}`);
      }
    },
    onOctets: (count) => (octets += count),
    onFileDone: (entry, status, size, sha256) => {
      const hash = Buffer.from(sha256).toString('hex');
      output.event({ event: 'done', path: entry.path, status, size, sha256: hash });
      const what = status === 'unchanged' ? 'Already there' : 'Sent';
      output.result(`${what}: ${printable(entry.path)} (${formatOctets(size)}, sha256 ${hash})`);
    },
    onFileFailed: (path, error) => {
      const { code, text, exitCode } = explain(error);
      output.event({ event: 'failed', path, code, reason: text, exitCode });
      output.warn(text.includes(printable(path)) ? text : `${printable(path)} was not sent: ${text}`);
    },
    onOmitted: (path, why) => {
      output.event({ event: 'omitted', path, reason: why });
      output.warn(`warning: left out ${printable(path)}: ${why}.`);
    },
  };
}

function describe({ filesDone, filesUnchanged, filesFailed }: SendSummary): string {
  return `Done: ${formatCount(filesDone, 'file')} sent, ${filesUnchanged} already there, ${filesFailed} failed`;
}
