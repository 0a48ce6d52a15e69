// The install script: makes sure that there is an addon built from the sources beside it, and fails never, because the
// package works without one. An addon that loads is not good enough: one left over from other sources would be used
// with code it does not fit.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sourceHash } from './source-hash.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const NAME = 'seigr-toolset-transmissions';
const VERBOSE = ['verbose', 'silly'].includes(process.env.npm_config_loglevel ?? '');

/** Why the addon in this directory is none to use; undefined if it is. In a process of its own, which it may kill. */
function defect() {
  const load = `process.stdout.write(String(require('node-gyp-build')(${JSON.stringify(root)}).sourceHash))`;
  const { status, stdout, signal } = spawnSync(process.execPath, ['-e', load], { cwd: root, encoding: 'utf8' });
  if (signal !== null) return `it ends the process with ${signal}`;
  if (status !== 0) return 'it cannot be loaded';
  return stdout === sourceHash(root) ? undefined : 'it was built from other sources';
}

/** Builds the addon. Why it could not be built; undefined if it could. */
function build() {
  // npm puts its own node-gyp on the PATH of install scripts; a checkout has one among its development dependencies.
  let command = process.platform === 'win32' ? 'node-gyp.cmd' : 'node-gyp';
  let args = ['rebuild', '--jobs=max'];
  try {
    const manifest = require.resolve('node-gyp/package.json');
    args = [join(dirname(manifest), require(manifest).bin['node-gyp']), ...args];
    command = process.execPath;
  } catch {
    // Not installed: the one on the PATH.
  }
  const shell = command.endsWith('.cmd');
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: 'utf8', shell });
  if (error !== undefined) return error.message;
  if (VERBOSE) process.stderr.write(stdout + stderr);
  if (status === 0) return undefined;
  const lines = (stdout + stderr).split('\n');
  const compiler = lines.find((line) => /\berror:/.test(line));
  const gyp = lines.find((line) => /^gyp ERR! (stack Error: |find Python Could)/.test(line));
  return (compiler ?? gyp ?? `node-gyp ended with ${status}`).replace(/^gyp ERR! (stack Error: )?/, '').trim();
}

let why = process.env.npm_config_build_from_source === 'true' ? 'a build was asked for' : defect();
if (why !== undefined) why = build() ?? defect();
if (why !== undefined) {
  console.warn(
    `${NAME}: no native addon (${why}); the slower pure-JS backend will be used. ` +
      'To build the addon, install python3, make and a C++17 compiler, then run `npm rebuild`.',
  );
}
