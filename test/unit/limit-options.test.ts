import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ADMISSION_OPTIONS, admissionConfig } from '../../lib/api/admission-options.js';
import { LIMIT_OPTIONS, limitConfig } from '../../lib/api/limit-options.js';
import { nodeConfig } from '../../lib/api/node-options.js';
import { nodeConfig as webNodeConfig } from '../../lib/web/node-options.js';

const SEEDS = { nodeSeed: new Uint8Array(32).fill(1), sharedSeed: new Uint8Array(32).fill(2) };
const { limits, ...own } = limitConfig({});
const admission = admissionConfig({}, 10_000);

/** What each limit is if nothing is said. */
const DEFAULTS: Record<string, number> = {
  maxSessions: nodeConfig(SEEDS).maxSessions,
  authorizeTimeoutMs: admission.authorizeTimeoutMs,
  maxHalfOpen: admission.handshakes.maxHalfOpen,
  maxHalfOpenPerSource: admission.handshakes.maxHalfOpenPerHost,
  maxHandshakeRate: admission.handshakes.maxHandshakeRate,
  maxHandshakeRatePerSource: admission.handshakes.maxHandshakeRatePerSource,
  maxStreams: own.maxStreams,
  receiveQueue: own.receiveQueue,
  maxMessageOctets: own.maxMessageOctets,
  streamWindow: own.streamWindow,
  maxStreamWindow: limits.maxStreamWindow,
  sessionWindow: own.sessionWindow,
  maxSessionWindow: limits.maxSessionWindow,
  maxReassemblyGaps: limits.maxReassemblyGaps,
  maxQueuedPongs: limits.maxPongs,
  maxQueuedPathResponses: limits.maxPathResponses,
};

/** A number as documents write it. */
function written(cell: string): number {
  const [, digits, unit] = /^([\d,]+)( MiB)?$/.exec(cell) ?? [];
  return Number((digits ?? 'none').replaceAll(',', '')) * (unit === undefined ? 1 : 1_048_576);
}

describe('limits as options', () => {
  it.each(Object.entries(DEFAULTS))('%s is %i by default, and documents say so', (name, value) => {
    for (const [file, column] of [
      ['README.md', 2],
      ['docs/limits.md', 3],
    ] as const) {
      const rows = readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('|') && line.includes(`| \`${name}\` |`));
      // What a window is at first is no limit.
      expect(rows, file).toHaveLength(/^(stream|session)Window$/.test(name) && file !== 'README.md' ? 0 : 1);
      for (const row of rows) expect(written(row.split('|')[column]!.trim()), row).toBe(value);
    }
  });

  it.each(Object.keys(DEFAULTS))('%s is refused out of its range, with the range', (name) => {
    for (const value of [-1, 1.5, NaN, '10', 2 ** 53]) {
      expect(() => nodeConfig({ ...SEEDS, [name]: value })).toThrow(
        expect.objectContaining({
          code: 'ERR_STT_OPTION_RANGE',
          message: expect.stringMatching(new RegExp(`${name}.*from \\d+ to \\d+`)) as string,
        }),
      );
    }
  });

  it('reach what they limit', () => {
    const admissionOptions = { maxHalfOpen: 7, maxHalfOpenPerSource: 6, maxHandshakeRate: 5 };
    expect(nodeConfig({ ...SEEDS, ...admissionOptions, maxHandshakeRatePerSource: 4 }).admission.handshakes).toEqual({
      maxHalfOpen: 7,
      maxHalfOpenPerHost: 6,
      maxHandshakeRate: 5,
      maxHandshakeRatePerSource: 4,
    });
    const options = {
      maxStreams: 3,
      receiveQueue: 4,
      maxMessageOctets: 5,
      streamWindow: 2_000,
      maxStreamWindow: 3_000,
      sessionWindow: 4_000,
      maxSessionWindow: 5_000,
      maxReassemblyGaps: 17,
      maxQueuedPongs: 18,
      maxQueuedPathResponses: 19,
    };
    expect(Object.keys(options).sort()).toEqual([...LIMIT_OPTIONS].sort());
    const config = nodeConfig({ ...SEEDS, ...options });
    expect(config).toMatchObject({
      maxStreams: 3,
      receiveQueue: 4,
      maxMessageOctets: 5,
      streamWindow: 2_000,
      sessionWindow: 4_000,
      limits: {
        maxStreamWindow: 3_000,
        maxSessionWindow: 5_000,
        maxReassemblyGaps: 17,
        maxPongs: 18,
        maxPathResponses: 19,
      },
    });
    const web = webNodeConfig({ ...SEEDS, ...options });
    expect(web.limits).toEqual(config.limits);
    expect(web).toMatchObject({
      receiveQueue: 4,
      params: { maxStreams: 3, maxDatagram: 5, initialMaxStreamData: 2_000, initialMaxData: 4_000 },
    });
  });

  it('leave no window smaller at most than at first', () => {
    const { limits: grown } = limitConfig({ streamWindow: 64 << 20, sessionWindow: 65 << 20 });
    expect([grown.maxStreamWindow, grown.maxSessionWindow]).toEqual([64 << 20, 65 << 20]);
    expect(() => limitConfig({ streamWindow: 2_000, maxStreamWindow: 1_999 })).toThrow(/maxStreamWindow/);
  });

  it.each([...LIMIT_OPTIONS, ...ADMISSION_OPTIONS.filter((name) => name.startsWith('max'))])(
    '%s is suggested to who slips',
    (name) => {
      const slip = name.slice(0, 4) + name.slice(5);
      expect(() => nodeConfig({ ...SEEDS, [slip]: 1 })).toThrow(
        expect.objectContaining({
          code: 'ERR_STT_UNKNOWN_OPTION',
          message: expect.stringContaining(`Did you mean \`${name}\`?`) as string,
        }),
      );
    },
  );
});
