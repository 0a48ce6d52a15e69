/** A Node stream as the harness sees a connection. */
export function streamConnection(stream) {
  stream.on('error', () => {});
  return {
    stream,
    write: (chunk) => stream.write(chunk),
    onData: (listener) => {
      if (process.env.METRIC === 'borrowed') stream.readBorrowed(listener).catch(() => {});
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
