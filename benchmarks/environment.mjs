// Where figures come from: machine, versions, commit.
import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

function git(...args) {
  try {
    return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}

/** For the JSON of results. `commit` ends with `+` if files differ from it. */
export function environment() {
  const commit = git('rev-parse', 'HEAD');
  const isDirty = (git('status', '--porcelain', '--untracked-files=no') ?? '') !== '';
  return {
    date: new Date().toISOString(),
    commit: commit === undefined ? 'unknown' : commit + (isDirty ? '+' : ''),
    node: process.version,
    openssl: process.versions.openssl,
    v8: process.versions.v8,
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: availableParallelism(),
      memoryGb: Math.round(totalmem() / 1e9),
      system: `${type()} ${release()}`,
    },
  };
}
