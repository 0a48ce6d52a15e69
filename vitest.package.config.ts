import { defineConfig } from 'vitest/config';

const reports = process.env['STT_REPORTS'];

/** Tests of the packed tarball: they build the addon and install from the registry, so they are not among `npm test`. */
export default defineConfig({
  test: {
    include: ['test/package/**/*.test.ts'],
    pool: 'forks',
    testTimeout: 600_000,
    hookTimeout: 600_000,
    reporters:
      reports === undefined ? ['default'] : ['default', ['json', { outputFile: `${reports}/tests-package.json` }]],
  },
});
