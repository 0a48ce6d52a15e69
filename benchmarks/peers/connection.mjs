/** Nagle's algorithm is off where an answer is waited for. */
export const wantsNoDelay = ['rtt', 'cycles', 'idle'].includes(process.env.METRIC);

const BORROWING = ['borrowed', 'jumbo'];

/** A Node stream as the harness sees a connection. */
export function streamConnection(stream) {
  stream.on('error', () => {});
  return {
    stream,
    write: (chunk) => stream.write(chunk),
    cork: () => stream.cork(),
    uncork: () => stream.uncork(),
    onData: (listener) => {
      if (BORROWING.includes(process.env.METRIC)) stream.readBorrowed(listener).catch(() => {});
      else stream.on('data', listener);
    },
    onDrain: (listener) => stream.once('drain', listener),
    close: () =>
      new Promise((resolve) => {
        stream.once('close', resolve);
        stream.destroy();
      }),
  };
}
