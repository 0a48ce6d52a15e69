// `npm run prebuild`: builds the addon for other machines of this platform into prebuilds/. npm runs a script of this
// name also by itself before `npm run build`, and tells it nothing about that: there it must do nothing, or every build
// would take twice as long and leave a prebuilt addon behind. What npm calls itself in the list of processes tells.
import { spawnSync } from 'node:child_process';

// N-API 8 and OpenSSL 3.0 of the oldest Node that is served; a C library is no other C library.
const ARGS = ['--napi', '--strip', '--tag-libc', '--target', '20.19.0'];

/** Title of the npm that runs this, if it can be told. */
function npmTitle() {
  let pid = process.ppid;
  for (let level = 0; level < 4 && pid > 1; level++) {
    const { stdout } = spawnSync('ps', ['-o', 'ppid=', '-o', 'args=', '-p', String(pid)], { encoding: 'utf8' });
    const [, parent, command] = /^\s*(\d+)\s+(.*)/.exec(stdout ?? '') ?? [];
    if (command === undefined || /^npm\b/.test(command)) return command;
    pid = Number(parent);
  }
  return undefined;
}

if (!/\bbuild\b/.test(npmTitle() ?? '')) {
  // node-gyp compiles as many files at once as there are processors.
  const env = { JOBS: 'max', ...process.env };
  const { status, error } = spawnSync('prebuildify', ARGS, { stdio: 'inherit', env });
  if (error !== undefined) console.error(`prebuildify: ${error.message}; use \`npm run prebuild\``);
  process.exitCode = status ?? 1;
}
