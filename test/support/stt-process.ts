import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import { temporaryDirectory } from './temporary.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export type Event = Readonly<Record<string, unknown>> & { readonly event: string };

export interface SttOptions {
  /** Directory of the process's configuration; a fresh one by default. */
  readonly config?: string;
  /** The shared seed; '' for none. */
  readonly seed?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Written to standard input, which is then ended; by default there is none. */
  readonly input?: Buffer | 'open';
  /** Bits that the process's umask takes away. */
  readonly umask?: number;
}

const running = new Set<ChildProcess>();

afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
});

/** A fresh shared seed in the form of the environment variable. */
export function freshSeed(): string {
  return randomBytes(32).toString('base64url');
}

/** A process of the compiled command. */
export class SttProcess {
  readonly child: ChildProcess;
  /** Events of `--json`. */
  readonly events: Event[] = [];
  readonly #out: Buffer[] = [];
  #errors = '';
  #onChange: (() => void)[] = [];
  /** Exit code. */
  readonly exit: Promise<number>;
  #code: number | undefined;

  private constructor(child: ChildProcess) {
    this.child = child;
    running.add(child);
    child.stdout!.on('data', (chunk: Buffer) => this.#out.push(chunk));
    createInterface({ input: child.stdout! }).on('line', (line) => {
      if (!line.startsWith('{"event":')) return;
      this.events.push(JSON.parse(line) as Event);
      this.#changed();
    });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
      this.#changed();
    });
    this.exit = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        running.delete(child);
        this.#code = code ?? (signal === 'SIGKILL' ? 137 : 1);
        this.#changed();
        resolve(this.#code);
      });
    });
  }

  static async start(args: readonly string[], options: SttOptions = {}): Promise<SttProcess> {
    if (!existsSync(MAIN)) throw new Error('dist/ is missing: run `npm run compile` first');
    const config = options.config ?? join(await temporaryDirectory(), 'config');
    const run = [process.execPath, MAIN, ...args];
    const [file, ...rest] =
      options.umask === undefined ? run : ['sh', '-c', `umask ${options.umask.toString(8)}; exec "$@"`, 'sh', ...run];
    const child = spawn(file!, rest, {
      cwd: options.cwd,
      env: { ...process.env, XDG_CONFIG_HOME: config, STT_SHARED_SEED: options.seed ?? '', ...options.env },
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    child.stdin?.on('error', () => {});
    if (options.input instanceof Buffer) child.stdin?.end(options.input);
    return new SttProcess(child);
  }

  /** Runs to the end. */
  static async run(args: readonly string[], options: SttOptions = {}): Promise<SttProcess> {
    const stt = await SttProcess.start(args, options);
    await stt.exit;
    return stt;
  }

  get code(): number | undefined {
    return this.#code;
  }

  get stdout(): Buffer {
    return Buffer.concat(this.#out);
  }

  get stderr(): string {
    return this.#errors;
  }

  /** Lines of standard error that are errors: "stt: ...", without warnings. */
  get errorLines(): string[] {
    return this.#errors.split('\n').filter((line) => line.startsWith('stt: ') && !line.startsWith('stt: warning:'));
  }

  event(name: string): Event | undefined {
    return this.events.find(({ event }) => event === name);
  }

  /** The first event that fits; fails if the process ends without. */
  async until(isMet: (event: Event) => boolean): Promise<Event> {
    for (;;) {
      const found = this.events.find(isMet);
      if (found !== undefined) return found;
      if (this.#code !== undefined) throw new Error(`ended with ${this.#code} first: ${this.#errors}`);
      await new Promise<void>((resolve) => this.#onChange.push(resolve));
    }
  }

  untilEvent(name: string): Promise<Event> {
    return this.until(({ event }) => event === name);
  }

  #changed(): void {
    for (const wake of this.#onChange.splice(0)) wake();
  }
}

/** A receiver on a free port of loopback, and the destination to send to. */
export async function startReceiver(
  out: string,
  args: readonly string[] = [],
  options: SttOptions = {},
): Promise<{ receiver: SttProcess; destination: string; port: number; seed: string }> {
  const seed = options.seed ?? freshSeed();
  const receiver = await SttProcess.start(['recv', '--listen', '127.0.0.1:0', '--out', out, '--json', ...args], {
    ...options,
    seed,
  });
  const { port } = (await receiver.untilEvent('listening')) as unknown as { port: number };
  return { receiver, destination: `127.0.0.1:${port}`, port, seed };
}
