// Runs the tests once for each backend named: `node scripts/test.mjs native js [-- arguments of vitest]`. All are run
// even if one fails. With STT_REPORTS=DIR every run leaves DIR/tests-<backend>.json (see vitest.config.ts).
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const BACKENDS = ['native', 'js'];
const args = process.argv.slice(2);
const chosen = args.filter((arg) => BACKENDS.includes(arg));
const rest = args.filter((arg) => !BACKENDS.includes(arg) && arg !== '--');
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');

const failed = chosen.filter((backend) => {
  console.log(`\n== ${backend} backend`);
  const env = { ...process.env, STT_BACKEND: backend };
  return spawnSync(process.execPath, [vitest, 'run', ...rest], { stdio: 'inherit', env }).status !== 0;
});
if (failed.length > 0) console.error(`\nFailed: ${failed.join(', ')} backend`);
process.exitCode = chosen.length > 0 && failed.length === 0 ? 0 : 1;
