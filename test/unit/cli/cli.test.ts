import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseArguments } from '../../../lib/cli/arguments.js';
import { DEFAULT_PORT, formatEndpoint, parseDestination, parseListenAddress } from '../../../lib/cli/endpoint.js';
import { EXIT_CODE_MEANINGS, ExitCode } from '../../../lib/cli/exit-codes.js';
import { CliFailure, Interrupted, explain } from '../../../lib/cli/failure.js';
import { formatDuration, formatMs, formatOctets, formatRate } from '../../../lib/cli/format.js';
import { ProgressBar } from '../../../lib/cli/progress-bar.js';
import { summarize } from '../../../lib/cli/commands/ping.js';
import { ERRORS, STTError, sttError, type ErrorCode } from '../../../lib/node-errors.js';

describe('arguments', () => {
  const options = { out: { value: 'DIR', short: 'o', help: '' }, force: { help: '' }, count: { value: 'N', help: '' } };

  it('are read in every usual form', () => {
    for (const argv of [
      ['--out', 'x', 'a'],
      ['--out=x', 'a'],
      ['-o', 'x', 'a'],
      ['-ox', 'a'],
      ['a', '--out', 'x'],
    ]) {
      const args = parseArguments(argv, options);
      expect(args.text('out')).toBe('x');
      expect(args.positionals).toEqual(['a']);
    }
    expect(parseArguments(['--', '--out'], options).positionals).toEqual(['--out']);
    expect(parseArguments(['-', 'host:1'], options).positionals).toEqual(['-', 'host:1']);
    expect(parseArguments(['--out', '-'], options).text('out')).toBe('-');
  });

  it('are refused with a suggestion where one is near', () => {
    expect(() => parseArguments(['--fore'], options)).toThrow('Did you mean `--force`?');
    expect(() => parseArguments(['--xyzzy'], options)).toThrow('`--help` lists all');
    expect(() => parseArguments(['-x'], options)).toThrow('Unknown option `-x`');
    expect(() => parseArguments(['--out', '--force'], options)).toThrow('needs a value');
    expect(() => parseArguments(['--out='], options)).toThrow('needs a value');
    expect(() => parseArguments(['--force=1'], options)).toThrow('takes no value');
  });

  it('are integers in a range where integers are wanted', () => {
    const args = parseArguments(['--count', '7'], options);
    expect(args.integer('count', 1, 1, 9)).toBe(7);
    expect(parseArguments([], options).integer('count', 3, 1, 9)).toBe(3);
    for (const wrong of ['0', '10', '1.5', '1e0', 'x', '0x3']) {
      expect(() => parseArguments([`--count=${wrong}`], options).integer('count', 1, 1, 9)).toThrow('from 1 to 9');
    }
  });
});

describe('addresses', () => {
  it('are read as destinations', () => {
    expect(parseDestination('host:5')).toEqual({ host: 'host', port: 5 });
    expect(parseDestination('[::1]:65535')).toEqual({ host: '::1', port: 65_535 });
    for (const wrong of [
      '',
      'host',
      ':5',
      'host:',
      'host:0',
      'host:65536',
      'host:x',
      '::1',
      '::1:5',
      '[::1]',
      '[]:5',
    ]) {
      expect(() => parseDestination(wrong), wrong).toThrow(CliFailure);
    }
  });

  it('are read as places to listen', () => {
    expect(parseListenAddress('5')).toEqual({ host: undefined, port: 5 });
    expect(parseListenAddress(':5')).toEqual({ host: undefined, port: 5 });
    expect(parseListenAddress('0')).toEqual({ host: undefined, port: 0 });
    expect(parseListenAddress('127.0.0.1')).toEqual({ host: '127.0.0.1', port: DEFAULT_PORT });
    expect(parseListenAddress('127.0.0.1:0')).toEqual({ host: '127.0.0.1', port: 0 });
    expect(parseListenAddress('[::]')).toEqual({ host: '::', port: DEFAULT_PORT });
    expect(parseListenAddress('[::]:5')).toEqual({ host: '::', port: 5 });
    for (const wrong of ['65536', '::', 'a:b', 'a:1:2']) expect(() => parseListenAddress(wrong)).toThrow(CliFailure);
  });

  it('come out as they went in', () => {
    expect(formatEndpoint({ address: '::1', port: 5 })).toBe('[::1]:5');
    expect(formatEndpoint({ address: '10.0.0.1', port: 5 })).toBe('10.0.0.1:5');
  });
});

describe('numbers', () => {
  it('are short', () => {
    expect([0, 999, 1000, 999_499, 999_500, 1e6, 12_345_678, 1e9, 4.5e12].map(formatOctets)).toEqual([
      '0 B',
      '999 B',
      '1.00 kB',
      '999 kB',
      '1.00 MB',
      '1.00 MB',
      '12.3 MB',
      '1.00 GB',
      '4.50 TB',
    ]);
    expect(formatRate(1e6)).toBe('1.00 MB/s');
    expect([0, 59.4, 60, 3599, 3600, -5].map(formatDuration)).toEqual([
      '0:00',
      '0:59',
      '1:00',
      '59:59',
      '1:00:00',
      '0:00',
    ]);
    expect([0.1234, 12.34, 345.6].map(formatMs)).toEqual(['0.123', '12.3', '346']);
  });

  it('of pings are summed up by nearest rank', () => {
    expect(summarize([3])).toEqual({ minMs: 3, avgMs: 3, p99Ms: 3 });
    const times = Array.from({ length: 200 }, (_, i) => 200 - i);
    expect(summarize(times)).toEqual({ minMs: 1, avgMs: 100.5, p99Ms: 198 });
  });
});

describe('the progress bar', () => {
  it('shows rate and time left', () => {
    const bar = new ProgressBar();
    bar.update(0, 0);
    bar.update(1000, 50e6);
    expect(bar.rate).toBe(50e6);
    const state = { label: 'file', octets: 50e6, total: 200e6 };
    expect(bar.line(state, 100)).toMatch(/^file +25 % {2}\[=+ +\] {2}50\.0 MB of 200 MB {2}50\.0 MB\/s {2}0:03 left$/);
    expect(bar.plain(state)).toBe('file: 50.0 MB of 200 MB (25 %), 50.0 MB/s  0:03 left');
    expect(bar.line({ ...state, transport: 'websocket' }, 110)).toMatch(/\] {2}WebSocket: 50\.0 MB of/);
    expect(bar.plain({ ...state, transport: 'websocket' })).toMatch(/^WebSocket: file: 50\.0 MB of/);
    expect(bar.plain({ ...state, transport: 'udp' })).toBe(bar.plain(state));
    expect(bar.line({ ...state, total: undefined }, 100)).toMatch(/^file +50\.0 MB {2}50\.0 MB\/s$/);
  });

  it('fits every terminal, whatever the file is called', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.nat({ max: 200 }),
        fc.double({ min: 0, max: 1e16, noNaN: true }),
        fc.option(fc.double({ min: 0, max: 1e16, noNaN: true }), { nil: undefined }),
        (label, columns, octets, total) => {
          const bar = new ProgressBar();
          bar.update(0, 0);
          bar.update(100, octets);
          const line = bar.line({ label, octets, total }, columns);
          expect([...line].length).toBeLessThan(Math.max(columns, 1));
          expect(line).not.toMatch(/[\r\n\u001b]/);
        },
      ),
    );
  });

  it('knows that some scripts are wide', () => {
    const line = new ProgressBar().line({ label: '字'.repeat(40), octets: 1, total: 2 }, 80);
    expect(line.match(/字/g)!.length).toBe(11);
    expect(line.length + 11).toBeLessThan(80);
  });

  it('forgets what is long ago', () => {
    const bar = new ProgressBar();
    for (let i = 0; i <= 100; i++) bar.update(i * 100, i < 50 ? 0 : (i - 50) * 1e6);
    expect(bar.rate).toBeCloseTo(10e6, 0);
  });
});

describe('errors of the command', () => {
  it('have one line and a documented exit code each', () => {
    const codes = new Set(EXIT_CODE_MEANINGS.map(([code]) => code));
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      const { text, exitCode } = explain(sttError(code, { why: 'two\nlines\u001b[2J' }));
      expect(text).not.toMatch(/[\r\n\u001b]/);
      expect(codes).toContain(exitCode);
      expect(exitCode).not.toBe(ExitCode.OK);
    }
    for (const code of ['ENOENT', 'EACCES', 'ENOSPC', 'EROFS', 'EMFILE']) {
      const explanation = explain(Object.assign(new Error(code), { code, path: '/x', syscall: 'open' }));
      expect(explanation.exitCode).toBe(ExitCode.LOCAL_FILE);
      expect(explanation.text).toMatch(/^\/x: .*[;].*\.$/);
    }
    for (const code of ['EADDRINUSE', 'EADDRNOTAVAIL', 'EACCES']) {
      const error = Object.assign(new Error(code), { code, syscall: 'bind', address: '::', port: 80 });
      expect(explain(error).exitCode).toBe(ExitCode.CANNOT_LISTEN);
      expect(explain(error).text).toContain('port 80 of ::');
    }
    const unknownHost = Object.assign(new Error(''), { code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: 'h' });
    expect(explain(unknownHost)).toMatchObject({ exitCode: ExitCode.NO_CONNECTION });
    expect(explain(new Interrupted('SIGINT')).exitCode).toBe(130);
    expect(explain(new Interrupted('SIGTERM')).exitCode).toBe(143);
    expect(explain(new TypeError('bug')).exitCode).toBe(ExitCode.INTERNAL);
    expect(explain('not even an error').exitCode).toBe(ExitCode.INTERNAL);
  });

  it('tell of every end of a session that the transfer can be resumed', () => {
    for (const code of [
      'ERR_STT_IDLE_TIMEOUT',
      'ERR_STT_CLOSED',
      'ERR_STT_STREAM_RESET',
      'ERR_STT_APPLICATION',
    ] as const) {
      expect(explain(sttError(code))).toMatchObject({ exitCode: ExitCode.BROKEN_OFF });
      expect(explain(sttError(code)).text).toContain('resume');
    }
  });

  it('have the exit codes of the documentation', () => {
    const documented = readFileSync(new URL('../../../docs/file-transfer.md', import.meta.url), 'utf8');
    for (const [code, meaning] of EXIT_CODE_MEANINGS) expect(documented).toContain(`| ${code} | ${meaning} |`);
    expect(new Set(EXIT_CODE_MEANINGS.map(([code]) => code))).toEqual(new Set(Object.values(ExitCode)));
    expect(sttError('ERR_STT_CLOSED')).toBeInstanceOf(STTError);
  });
});
