import type { STTNode, STTSession, STTStream } from '../index.js';
import { RefusingDestination, type Destination } from '../transfer/destination.js';
import type { HashWorker } from '../transfer/hash-worker.js';
import type { RefusalCode } from '../transfer/messages.js';
import { receiveFiles } from '../transfer/receiver.js';
import { printable } from '../transfer/safe-path.js';
import { formatEndpoint } from './endpoint.js';
import { ExitCode } from './exit-codes.js';
import { explain } from './failure.js';
import { formatCount, formatOctets, formatRate } from './format.js';
import type { Output } from './output.js';

/** Transfers at once; each may hold some files open, and a process has 1,024 of them by default. */
const MAX_TRANSFERS = 16;

export interface ReceptionOptions {
  readonly node: STTNode;
  readonly destination: Destination;
  readonly hashes: HashWorker;
  readonly output: Output;
  /** End after the first transfer. */
  readonly isOnce: boolean;
}

/** What runs now, for the progress shown. */
interface Running {
  readonly stream: STTStream;
  label: string;
  octets: number;
  total: number | undefined;
}

/** The transfers that come in on a node. */
export class Reception {
  readonly #options: ReceptionOptions;
  readonly #running = new Map<STTStream, Promise<void>>();
  readonly #shown = new Set<Running>();
  #finish: ((result: ExitCode) => void) | undefined;
  #fail: ((error: Error) => void) | undefined;
  #isOver = false;

  constructor(options: ReceptionOptions) {
    this.#options = options;
    options.node.on('session', (session) => {
      session.on('stream', (stream) => this.#onStream(session, stream));
    });
    // The node's failure ends `run`, and is not thrown if it comes after.
    options.node.on('error', (error) => this.#fail?.(error));
  }

  /** Resolves after one transfer if that was asked for; rejects with the reason of the signal or the node's failure. */
  async run(signal: AbortSignal): Promise<ExitCode> {
    const onAbort = (): void => this.#fail?.(signal.reason as Error);
    try {
      return await new Promise<ExitCode>((resolve, reject) => {
        this.#finish = resolve;
        this.#fail = reject;
        signal.addEventListener('abort', onAbort);
        if (signal.aborted) onAbort();
      });
    } catch (error) {
      for (const stream of this.#running.keys()) stream.destroy(error as Error);
      throw error;
    } finally {
      this.#isOver = true;
      signal.removeEventListener('abort', onAbort);
      await Promise.all(this.#running.values());
    }
  }

  #onStream(session: STTSession, stream: STTStream): void {
    const isFirst = this.#running.size === 0;
    const running = this.#receive(session, stream, this.#refusal(isFirst)).finally(() => this.#running.delete(stream));
    this.#running.set(stream, running);
  }

  /** Why a transfer that begins now is refused. */
  #refusal(isFirst: boolean): string | undefined {
    if (this.#isOver) return 'the receiver is ending';
    if (this.#options.isOnce && !isFirst) return 'the receiver takes one transfer';
    if (this.#running.size >= MAX_TRANSFERS) return `${MAX_TRANSFERS} transfers are running there already`;
    return undefined;
  }

  /** Never rejects. */
  async #receive(session: STTSession, stream: STTStream, refusal: string | undefined): Promise<void> {
    const { destination, hashes, output } = this.#options;
    const from = formatEndpoint(session.remoteAddress);
    const peer = { peerNodeId: Buffer.from(session.peerNodeId).toString('hex'), remote: from };
    const running: Running = { stream, label: from, octets: 0, total: undefined };
    const began = performance.now();
    let failure: ExitCode | undefined;
    try {
      const summary = await receiveFiles(
        stream,
        refusal === undefined ? destination : new RefusingDestination('busy', refusal),
        hashes,
        {
          onStart: ({ files, octets }) => {
            running.total = octets;
            output.event({ event: 'start', ...peer, files, octets });
            output.note(
              `From ${from} (${peer.peerNodeId.slice(0, 16)}…): ${formatCount(files, 'file')}` +
                `${octets === undefined ? '' : `, ${formatOctets(octets)}`}`,
            );
            this.#show(running);
          },
          onFile: (entry, offset) => {
            running.label = entry.path;
            running.octets += offset;
            if (offset > 0 && offset < (entry.size ?? 0)) {
              output.note(`Resuming ${printable(entry.path)} at ${formatOctets(offset)}`);
            }
            output.event({ event: 'file', path: entry.path, size: entry.size, offset });
          },
          onOctets: (octets) => (running.octets += octets),
          onFileDone: (entry, status, size, sha256) => {
            const hash = Buffer.from(sha256).toString('hex');
            output.event({ event: 'done', path: entry.path, status, size, sha256: hash });
            const what = status === 'unchanged' ? 'Already here' : 'Received';
            output.result(`${what}: ${printable(entry.path)} (${formatOctets(size)}, sha256 ${hash})`);
          },
          onFileFailed: (entry, refusal, partialPath) => {
            failure ??= EXIT_CODES[refusal.code];
            const { code, message: reason } = refusal;
            output.event({ event: 'failed', path: entry.path, code, reason, partialFile: partialPath });
            // The system's own error names the local file and the remedy.
            const why = refusal.cause === undefined ? `${reason}.` : explain(refusal.cause).text;
            const kept =
              partialPath === undefined ? '' : ` What arrived is kept in ${partialPath}; sending it again resumes it.`;
            output.warn(printable(`${entry.path} was not received: ${why}${kept}`));
          },
        },
      );
      this.#hide(running);
      const seconds = (performance.now() - began) / 1000;
      const { packetsReceived, rttMs, backend } = session.getStats();
      output.event({ event: 'summary', ...peer, ...summary, seconds, packetsReceived, rttMs, backend });
      output.note(
        `Done: ${formatCount(summary.filesDone, 'file')} received, ${summary.filesUnchanged} already here, ` +
          `${summary.filesFailed} failed; ${formatOctets(summary.octets)} at ${formatRate(summary.octets / seconds)}`,
      );
      if (this.#options.isOnce) this.#finish?.(failure ?? ExitCode.OK);
    } catch (error) {
      this.#hide(running);
      // The command's own end is told by the command.
      if (this.#isOver || refusal !== undefined) return;
      const { exitCode, code, text } = explain(error);
      output.event({ event: 'broken', ...peer, code, message: text, exitCode });
      output.warn(`The transfer from ${from} broke off: ${text}`);
      if (this.#options.isOnce) this.#finish?.(exitCode);
    }
  }

  /** Shows the progress of all transfers together. */
  #show(running: Running): void {
    this.#shown.add(running);
    this.#options.output.startProgress(() => {
      const all = [...this.#shown];
      const isTotalKnown = all.every(({ total }) => total !== undefined);
      return {
        label: all.length === 1 ? all[0]!.label : formatCount(all.length, 'transfer'),
        octets: all.reduce((sum, { octets }) => sum + octets, 0),
        total: isTotalKnown ? all.reduce((sum, { total }) => sum + total!, 0) : undefined,
      };
    });
  }

  #hide(running: Running): void {
    this.#shown.delete(running);
    if (this.#shown.size === 0) this.#options.output.stopProgress();
  }
}

/** Exit codes of `--once` when a file could not be received. */
const EXIT_CODES: Readonly<Record<RefusalCode, ExitCode>> = {
  version: ExitCode.REFUSED,
  busy: ExitCode.REFUSED,
  name: ExitCode.REFUSED,
  exists: ExitCode.REFUSED,
  unsupported: ExitCode.REFUSED,
  'no-space': ExitCode.LOCAL_FILE,
  io: ExitCode.LOCAL_FILE,
  integrity: ExitCode.INTEGRITY,
  cancelled: ExitCode.BROKEN_OFF,
};
