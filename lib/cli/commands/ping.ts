import { setTimeout as delay } from 'node:timers/promises';
import { usage } from '../arguments.js';
import { NODE_OPTIONS, type Command } from '../command.js';
import { parseDestination } from '../endpoint.js';
import { ExitCode } from '../exit-codes.js';
import { formatMs } from '../format.js';
import { connect, PEER_OPTION } from '../open-node.js';

/** Two seconds with the default interval; enough for a 99th percentile that is not the maximum. */
const DEFAULT_COUNT = 101;
const DEFAULT_INTERVAL_MS = 20;

export const command: Command = {
  name: 'ping',
  synopsis: ['ping HOST:PORT [--count N] [--interval MS]', 'ping wss://HOST/PATH [--count N] [--interval MS]'],
  description: [
    'Connects to a receiver and measures round-trip times over the encrypted session: smallest, mean, and the 99th percentile.',
  ],
  options: {
    count: { value: 'N', short: 'c', help: `pings (default ${DEFAULT_COUNT})` },
    interval: { value: 'MS', short: 'i', help: `milliseconds between them (default ${DEFAULT_INTERVAL_MS})` },
    ...PEER_OPTION,
    ...NODE_OPTIONS,
  },
  async run(context) {
    const { args, output, signal } = context;
    const [destination, ...more] = args.positionals;
    if (destination === undefined || more.length > 0)
      throw usage('`stt ping` takes one destination: stt ping HOST:PORT.');
    const to = parseDestination(destination);
    const count = args.integer('count', DEFAULT_COUNT, 1, 1_000_000);
    const interval = args.integer('interval', DEFAULT_INTERVAL_MS, 0, 60_000);
    const began = performance.now();
    await using connection = await connect(context, to);
    const connectMs = performance.now() - began;
    const { session } = connection;
    const times: number[] = [];
    const isInterrupted = (): boolean => signal.aborted;
    try {
      for (let i = 0; i < count; i++) {
        if (i > 0) await delay(interval, undefined, { signal });
        times.push(await connection.orInterrupted(session.ping()));
        output.event({ event: 'ping', rttMs: times.at(-1) });
      }
    } catch (error) {
      // Like every ping: Ctrl-C ends it, and the summary is still wanted.
      if (!isInterrupted() || times.length === 0) throw signal.aborted ? signal.reason : error;
    }
    const summary = summarize(times);
    const { transport } = session;
    output.event({ event: 'summary', transport, count: times.length, connectMs, ...summary });
    output.result(
      `${times.length} pings to ${destination}${transport === 'websocket' ? ' over WebSocket' : ''}: min ${formatMs(summary.minMs)} ms, avg ${formatMs(summary.avgMs)} ms, ` +
        `p99 ${formatMs(summary.p99Ms)} ms; connected in ${formatMs(connectMs)} ms`,
    );
    signal.throwIfAborted();
    return ExitCode.OK;
  },
};

/** Smallest, mean, and 99th percentile (nearest rank) of some times. */
export function summarize(times: readonly number[]): { minMs: number; avgMs: number; p99Ms: number } {
  const sorted = [...times].sort((a, b) => a - b);
  return {
    minMs: sorted[0]!,
    avgMs: sorted.reduce((sum, time) => sum + time, 0) / sorted.length,
    p99Ms: sorted[Math.ceil(sorted.length * 0.99) - 1]!,
  };
}
