import { defineConfig } from 'vitest/config';

const reports = process.env['STT_REPORTS'];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/package/**'],
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters:
      reports === undefined
        ? ['default']
        : ['default', ['json', { outputFile: `${reports}/tests-${process.env['STT_BACKEND'] ?? 'default'}.json` }]],
  },
});
