import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const reports = process.env['STT_REPORTS'];
/** Tests that only compute, or whose clock is virtual. */
const COMPUTING = ['test/unit/**/*.test.ts', 'test/property/**/*.test.ts', 'test/sim/**/*.test.ts'];

export default defineConfig({
  test: {
    pool: 'forks',
    reporters:
      reports === undefined
        ? ['default']
        : ['default', ['json', { outputFile: `${reports}/tests-${process.env['STT_BACKEND'] ?? 'default'}.json` }]],
    projects: [
      {
        extends: true,
        test: {
          name: 'computing',
          include: COMPUTING,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: Math.max(2, availableParallelism() - 1),
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'processes',
          include: ['test/**/*.test.ts'],
          exclude: ['test/package/**', ...COMPUTING],
          // One at a time: they wait for sockets and other processes, which a crowd of them would starve.
          testTimeout: 180_000,
          hookTimeout: 60_000,
          maxWorkers: 1,
          sequence: { groupOrder: 0 },
        },
      },
    ],
  },
});
