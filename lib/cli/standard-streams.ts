import { once } from 'node:events';
import { addAbortSignal } from 'node:stream';
import { ExitCode } from './exit-codes.js';
import { CliFailure } from './failure.js';

/** The octets of standard input; rejects with the reason of `signal` when that is aborted, also while it waits. */
export async function* readStandardInput(signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  signal.throwIfAborted();
  try {
    yield* addAbortSignal(signal, process.stdin) as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
}

/**
 * Writes octets to standard output, not faster than somebody reads them.
 * Rejects with a CliFailure when nobody does any more, and with the reason of `signal` when that is aborted.
 */
export async function writeStandardOutput(octets: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
  const { stdout } = process;
  let failure: Error | undefined;
  const onError = (error: Error): void => void (failure ??= error);
  stdout.on('error', onError);
  const failed = (): void => {
    if (failure === undefined && !stdout.destroyed) return;
    const { code } = (failure ?? {}) as NodeJS.ErrnoException;
    if (failure !== undefined && code !== 'EPIPE') throw failure;
    throw new CliFailure(ExitCode.LOCAL_FILE, 'EPIPE', 'Nobody reads standard output any more.', { cause: failure });
  };
  try {
    for await (const part of octets) {
      failed();
      if (stdout.write(part)) continue;
      // An error ends the wait as well: `once` rejects with it.
      await once(stdout, 'drain', { signal }).catch((error: Error) => {
        if (signal.aborted) throw signal.reason;
        failure ??= error;
      });
    }
    await new Promise<void>((resolve) => stdout.write('', () => resolve()));
    failed();
  } finally {
    stdout.off('error', onError);
  }
}
