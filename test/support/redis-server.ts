import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why tests that need a server are skipped here; undefined if it is there. */
export const NO_REDIS =
  spawnSync('redis-server', ['--version']).status === 0 ? undefined : 'skipped: redis-server is not installed';

const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always'];

/** A server on a Unix socket in a directory of its own, ended by its process id. */
export class RedisServer {
  readonly socketPath: string;
  readonly #directory: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(directory: string, args: readonly string[]) {
    this.#directory = directory;
    this.#args = args;
    this.socketPath = join(directory, 'socket');
  }

  static async start(args: readonly string[] = []): Promise<RedisServer> {
    const server = new RedisServer(await mkdtemp(join(tmpdir(), 'stt-redis-')), args);
    await server.start();
    return server;
  }

  /** One whose writes are on the disk when they are answered. */
  static startDurable(): Promise<RedisServer> {
    return RedisServer.start(DURABLE);
  }

  /** Resolves once it takes connections. */
  async start(): Promise<void> {
    const fixed = [
      '--port',
      '0',
      '--unixsocket',
      this.socketPath,
      '--dir',
      this.#directory,
      '--save',
      '',
      '--logfile',
      '',
    ];
    const child = spawn('redis-server', [...fixed, ...this.#args], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    let log = '';
    await new Promise<void>((resolve, reject) => {
      child.once('exit', () => reject(new Error(`redis-server ended:\n${log}`)));
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        log += text;
        if (/ready to accept connections/i.test(log)) resolve();
      });
    });
  }

  /** `SIGSTOP` and `SIGCONT` make it hang and go on; after another one it is over. */
  async signal(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child!;
    const ended = signal === 'SIGSTOP' || signal === 'SIGCONT' ? undefined : once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  async remove(): Promise<void> {
    const child = this.#child!;
    if (child.exitCode === null && child.signalCode === null) await this.signal('SIGKILL');
    await rm(this.#directory, { recursive: true, force: true });
  }
}
