import { describe, expect, it } from 'vitest';
import { bufferHint } from '../../../lib/cli/buffer-hint.js';

const WANTED = 4_194_304;
const both = (octets: number) => ({ receiveOctets: octets, sendOctets: octets });

describe('the hint about socket buffers', () => {
  it('is not given if a socket gets all that it asks for', () => {
    expect(bufferHint(both(2 * WANTED), WANTED, 'linux')).toBeUndefined();
    expect(bufferHint(both(WANTED), WANTED, 'darwin')).toBeUndefined();
  });

  it('names the limits of Linux that are too low, and those only', () => {
    // What a Linux with its defaults of 212,992 octets reports.
    expect(bufferHint(both(425_984), WANTED, 'linux')!.commands).toEqual([
      'sysctl -w net.core.rmem_max=4194304',
      'sysctl -w net.core.wmem_max=4194304',
    ]);
    const receive = { receiveOctets: 2 * WANTED - 2, sendOctets: 2 * WANTED };
    expect(bufferHint(receive, WANTED, 'linux')!.commands).toEqual(['sysctl -w net.core.rmem_max=4194304']);
    const send = { receiveOctets: 2 * WANTED, sendOctets: 425_984 };
    expect(bufferHint(send, WANTED, 'linux')!.commands).toEqual(['sysctl -w net.core.wmem_max=4194304']);
  });

  it('knows that Linux reports double, and others do not', () => {
    expect(bufferHint(both(WANTED), WANTED, 'linux')!.why).toContain('receive 2.10 MB, send 2.10 MB');
    expect(bufferHint(both(WANTED / 2), WANTED, 'darwin')).toEqual({
      why: expect.stringContaining('receive 2.10 MB, send 2.10 MB') as string,
      commands: ['sysctl -w kern.ipc.maxsockbuf=8388608'],
    });
  });

  it('tells why where it does not know a command', () => {
    expect(bufferHint(both(65_536), WANTED, 'win32')).toEqual({
      why: expect.stringContaining('less buffer (receive 65.5 kB, send 65.5 kB) than the 4.19 MB') as string,
      commands: [],
    });
  });
});
