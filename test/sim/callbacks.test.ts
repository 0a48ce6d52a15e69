import { describe, expect, it } from 'vitest';
import { Pair } from '../support/sim/pair.js';
import type { Recorder } from '../support/sim/recorder.js';

const CALLBACKS = [
  'onStream',
  'onStreamData',
  'onStreamEnd',
  'onStreamReset',
  'onStreamStopped',
  'onStreamWritable',
  'onStreamFinished',
  'onStreamClosed',
  'onStreamsAvailable',
  'onMessage',
  'onMessageFate',
  'onUserFrame',
  'onPong',
] as const satisfies readonly (keyof Recorder)[];

/** Makes every kind of callback happen at the server, many at once. */
function everything(pair: Pair): void {
  pair.server.app.keeps = false;
  const { client, server } = pair;
  const fromServer = Array.from({ length: 3 }, () => server.session.openStream()!);
  const limited = server.session.openStream();
  expect(limited).toBeUndefined();
  for (const stream of fromServer) {
    stream.write(new Uint8Array(300_000));
    if (stream.id !== 2) stream.finish();
  }
  client.app.accept = (stream) => {
    stream.finish();
    if (stream.id === 2) stream.stopSending(5);
  };
  for (let i = 0; i < 5; i++) {
    const stream = client.session.openStream()!;
    stream.write(new Uint8Array(3_000));
    if (i === 4) stream.reset(9);
    else stream.finish();
  }
  for (let i = 0; i < 5; i++) {
    client.session.sendMessage(1, new Uint8Array(100));
    server.session.sendMessage(1, new Uint8Array(100));
    client.session.sendUserFrame(0x80, new Uint8Array(100));
    server.session.ping(pair.now);
  }
  server.app.onEndOf = (stream) => stream.finish();
}

describe('an application that ends the session', () => {
  for (const name of CALLBACKS) {
    for (const way of ['close', 'destroy'] as const) {
      it(`by ${way}() from within ${name} hears nothing afterwards`, () => {
        const pair = new Pair({
          client: { params: { maxStreams: 3 } },
          server: { limits: { sendHighWater: 100_000 } },
        });
        const { app, session } = pair.server;
        let calls = 0;
        let over = false;
        let late = '';
        for (const other of CALLBACKS) {
          const inner = (app[other] as (...args: unknown[]) => void).bind(app);
          Object.assign(app, {
            [other]: (...args: unknown[]): void => {
              // A close tells the fate of messages; nothing else may come.
              if (over && other !== 'onMessageFate') late = other;
              inner(...args);
              if (other !== name || over) return;
              calls++;
              over = true;
              if (way === 'close') session.close(pair.now, 300, '');
              else session.destroy();
            },
          });
        }
        everything(pair);
        pair.run(5_000);
        expect(calls).toBe(1);
        expect(late).toBe('');
        expect(session.state).toBe('closed');
      });
    }
  }
});
