import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const reports = process.env['STT_REPORTS'];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/package/**'],
    pool: 'forks',
    // Half of the time is waiting for processes and networks: on two cores two files at once do not crowd each other.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters:
      reports === undefined
        ? ['default']
        : ['default', ['json', { outputFile: `${reports}/tests-${process.env['STT_BACKEND'] ?? 'default'}.json` }]],
  },
});
