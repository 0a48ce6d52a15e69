import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { readlinkSync } from 'node:fs';

/** Why tests that need namespaces are skipped here; undefined if they can be had. */
export const NO_NAMESPACES =
  process.getuid?.() !== 0
    ? 'skipped: network namespaces need root'
    : spawnSync('ip', ['-V']).status !== 0
      ? 'skipped: ip (iproute2) is not installed'
      : spawnSync('unshare', ['--net', 'true']).status !== 0
        ? 'skipped: unshare --net is refused here'
        : undefined;

/**
 * A process of Node in a network namespace of its own. The namespace has no name and so ends with the process, whatever
 * becomes of the tests: the process ends itself when its channel to them closes.
 */
export class NamespacedProcess {
  readonly child: ChildProcess;

  constructor(script: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.child = spawn('unshare', ['--net', process.execPath, script, ...args], {
      env,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  /** Runs `ip` in the namespace, which is there once the process has said something. */
  ip(...args: string[]): void {
    const own = `/proc/${this.child.pid}/ns/net`;
    // Whatever else went wrong: the tests do not touch the addresses of this machine.
    if (readlinkSync(own) === readlinkSync('/proc/self/ns/net')) throw new Error('not in a namespace of its own');
    run('nsenter', [`--net=${own}`, 'ip', ...args]);
  }

  /** Connects two namespaces by a pair of virtual Ethernet interfaces called `name` in both. */
  static connect(name: string, one: NamespacedProcess, other: NamespacedProcess): void {
    const other0 = ['peer', 'name', name, 'netns', String(other.child.pid)];
    one.ip('link', 'add', name, 'type', 'veth', ...other0);
    for (const side of [one, other]) side.ip('link', 'set', name, 'up');
  }
}

function run(file: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(file, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${file} ${args.join(' ')}: ${stderr}`);
}
