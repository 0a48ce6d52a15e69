import { describe, expect, it } from 'vitest';
import { PathFinder } from '../../lib/api/path-finder.js';
import type { ConnectTarget } from '../../lib/api/connect-target.js';
import type { WebSockets } from '../../lib/api/web-sockets.js';
import { connectionAddress, encodeAddress } from '../../lib/wire/address.js';

const UDP = encodeAddress('192.0.2.1', 4433)!;

/** A finder whose node opens WebSockets, or has none opened to it, and what became of its searches. */
function scene(target: ConnectTarget, opens = true) {
  const opened: string[] = [];
  const found: Uint8Array[] = [];
  let nothing = 0;
  const webSockets = {
    open: (url: string) => {
      opened.push(url);
      return opens ? Promise.resolve(connectionAddress('192.0.2.1', 80, 1)) : Promise.reject(new Error('refused'));
    },
  } as unknown as WebSockets;
  const finder = new PathFinder(
    { bound: { address: '127.0.0.1', port: 1, family: 'IPv4' }, webSockets: () => Promise.resolve(webSockets) },
    { tryPath: (address) => found.push(address), onNothingFound: () => nothing++ },
    target,
  );
  const settled = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  return { finder, opened, found, settled, failures: () => nothing };
}

describe('what looks for other paths of a session', () => {
  it('opens the WebSocket that the application named when nothing comes back over UDP', async () => {
    const { finder, opened, found, settled } = scene({
      udp: { host: '192.0.2.1', port: 1 },
      webSocket: 'ws://x.test/',
    });
    expect(finder.find('silent', { udp: '192.0.2.1:4433' })).toEqual(UDP);
    await settled();
    expect(opened).toEqual(['ws://x.test/']);
    expect(found).toEqual([connectionAddress('192.0.2.1', 80, 1)]);
  });

  it('opens no WebSocket that the peer tells on another host than the one that was connected to', async () => {
    const { finder, opened, settled } = scene({ udp: { host: '192.0.2.1', port: 1 } });
    for (const websocket of [
      'ws://192.0.2.2/',
      'ws://localhost/',
      'http://192.0.2.1/',
      'ws://192.0.2.1@evil.test/',
      'ws://192.0.2.1.evil.test/',
      'nonsense',
    ]) {
      finder.find('silent', { websocket });
      await settled();
    }
    expect(opened).toEqual([]);
    finder.find('silent', { websocket: 'wss://192.0.2.1/stt' });
    await settled();
    expect(opened).toEqual(['wss://192.0.2.1/stt']);
  });

  it('opens none for a session on one that only looks for a better path', async () => {
    const { finder, opened, settled } = scene({ webSocket: 'ws://192.0.2.1/' });
    expect(finder.find('better', undefined)).toBeUndefined();
    expect(finder.find('better', { udp: '192.0.2.1:4433' })).toEqual(UDP);
    await settled();
    expect(opened).toEqual([]);
  });

  it('says so when nothing is found, and does not search twice at once', async () => {
    const { finder, opened, settled, failures } = scene({ webSocket: 'ws://192.0.2.1/' }, false);
    for (let i = 0; i < 5; i++) expect(finder.find('gone', undefined)).toBe('later');
    await settled();
    expect(failures()).toBe(1);
    expect(opened.length).toBeLessThanOrEqual(2);
    expect(finder.find('gone', undefined)).toBe('later');
    await settled();
    expect(failures()).toBe(2);
  });

  it('resolves the UDP address that the application named once it is wanted', async () => {
    const { finder, found, settled } = scene({ udp: { host: '192.0.2.1', port: 4433 }, webSocket: 'ws://192.0.2.1/' });
    expect(finder.find('better', undefined)).toBe('later');
    await settled();
    expect(found).toEqual([UDP]);
    expect(finder.find('better', undefined)).toEqual(UDP);
  });
});
