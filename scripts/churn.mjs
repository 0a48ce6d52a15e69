// The long runs of test/support/session-churn.mjs, see there: `node scripts/churn.mjs [native] [js]`, both by default.
import { spawnSync } from 'node:child_process';

const ONE_SIZE = ['--min-semi-space-size=16', '--max-semi-space-size=16'];
const NO_COMPILERS = ['--no-opt', '--no-maglev', '--no-sparkplug'];
const RUNS = [
  { flags: NO_COMPILERS, args: ['--first', '1000', '--sessions', '10000'] },
  { flags: [], args: ['--first', '10000', '--sessions', '20000'] },
];

const backends = process.argv.length > 2 ? process.argv.slice(2) : ['native', 'js'];
let failed = false;
for (const backend of backends) {
  for (const { flags, args } of RUNS) {
    console.log(`${backend} ${[...flags, ...args].join(' ')}`);
    const all = ['--expose-gc', ...ONE_SIZE, ...flags, 'test/support/session-churn.mjs', ...args];
    const env = { ...process.env, STT_BACKEND: backend };
    if (spawnSync(process.execPath, all, { stdio: 'inherit', env }).status !== 0) failed = true;
  }
}
process.exitCode = failed ? 1 : 0;
