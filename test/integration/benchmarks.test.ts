import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { named, skipReason } from '../support/native-endpoint.js';
import { temporaryDirectory } from '../support/temporary.js';

const run = promisify(execFile);

interface Macro {
  readonly commit: string;
  readonly node: string;
  readonly results: Record<string, Record<string, { readonly value?: number; readonly failed?: string }[]>>;
}

interface Micro {
  readonly results: Record<string, Record<string, Record<string, number>>>;
}

// How fast it is cannot be tested here; that each command still measures something can.
describe.skipIf(skipReason !== undefined)(named('benchmarks'), () => {
  it('measures every metric of the macro benchmarks', async () => {
    const json = join(await temporaryDirectory(), 'macro.json');
    const least = ['--rounds', '1', '--seconds', '0.1', '--connections', '5'];
    await run(process.execPath, [
      'benchmarks/macro/run.mjs',
      ...['--metrics', 'all', '--peers', 'native', ...least, '--json', json],
    ]);
    const { results, node } = JSON.parse(readFileSync(json, 'utf8')) as Macro;
    expect(node).toBe(process.version);
    const bad = Object.entries(results).filter(([metric, { native }]) => {
      // Five connections take no more memory than what else is done meanwhile gives back.
      const least = metric === 'idle' ? -Infinity : Number.MIN_VALUE;
      return native?.length !== 1 || !Number.isFinite(native[0]!.value) || native[0]!.value! < least;
    });
    expect(bad).toEqual([]);
    expect(Object.keys(results).length).toBeGreaterThan(10);
  }, 180_000);

  it('measures every case of the micro benchmarks', async () => {
    const json = join(await temporaryDirectory(), 'micro.json');
    await run(process.execPath, ['benchmarks/micro/run.mjs', '--rounds', '1', '--ms', '1', '--json', json]);
    const { results } = JSON.parse(readFileSync(json, 'utf8')) as Micro;
    const figures = Object.values(results).flatMap((cases) => Object.values(cases).flatMap((it) => Object.values(it)));
    expect(figures.length).toBeGreaterThan(50);
    expect(figures.every((ns) => ns > 0 && Number.isFinite(ns))).toBe(true);
  });
});
