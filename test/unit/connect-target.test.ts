import { describe, expect, it } from 'vitest';
import { parseTarget, targetLabel, type ConnectTarget } from '../../lib/api/connect-target.js';

describe('the target of a connection', () => {
  it.each([
    ['host.example:4433', { host: 'host.example', port: 4433 }, 'ws://host.example:4433/'],
    ['192.0.2.1:1', { host: '192.0.2.1', port: 1 }, 'ws://192.0.2.1:1/'],
    ['[2001:db8::1]:65535', { host: '[2001:db8::1]', port: 65_535 }, 'ws://[2001:db8::1]:65535/'],
    ['[fe80::1%eth0]:4433', { host: '[fe80::1%eth0]', port: 4433 }, undefined],
    ['ws://host.example/stt', { host: 'host.example', port: 80 }, 'ws://host.example/stt'],
    ['wss://host.example', { host: 'host.example', port: 443 }, 'wss://host.example'],
    ['wss://[::1]:8443/a?b', { host: '[::1]', port: 8443 }, 'wss://[::1]:8443/a?b'],
  ])('%s', (text, udp, webSocket) => {
    expect(parseTarget(text)).toEqual({ udp, ...(webSocket === undefined ? {} : { webSocket }) });
  });

  it.each([
    '',
    'host',
    'host:',
    ':1',
    'host:0',
    'host:65536',
    '::1:5',
    'http://host:80',
    'a b:1',
    'user@host:1',
    'wss://',
  ])('"%s" is refused', (text) =>
    expect(() => parseTarget(text)).toThrow(expect.objectContaining({ code: 'ERR_STT_ADDRESS' })),
  );

  it('as an object needs one of both, with names that exist', () => {
    const refused = (target: unknown, code: string): void =>
      expect(() => parseTarget(target as ConnectTarget)).toThrow(expect.objectContaining({ code }));
    refused({}, 'ERR_STT_ADDRESS');
    refused({ udp: { port: 1 } }, 'ERR_STT_ADDRESS');
    refused({ udp: { host: 'x' } }, 'ERR_STT_OPTION_RANGE');
    refused({ websocket: 'ws://x/' }, 'ERR_STT_UNKNOWN_OPTION');
    expect(targetLabel(parseTarget({ webSocket: 'ws://x/' }))).toBe('ws://x/');
    expect(targetLabel(parseTarget({ udp: { host: '::1', port: 5 } }))).toBe('[::1]:5');
  });
});
