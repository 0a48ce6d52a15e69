import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** `examples/browser/serve.mjs`: a node and its page, in a process that can be killed and started again. */
export class ExamplePage {
  port = 0;
  readonly #seed: string;
  readonly #directory: string;
  #child: ChildProcess | undefined;

  constructor(seed: string, directory: string) {
    this.#seed = seed;
    this.#directory = directory;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** Starts it, the second time on the port of the first. Resolves once it serves. */
  async start(): Promise<void> {
    const args = ['examples/browser/serve.mjs', '--port', `${this.port}`, '--dir', this.#directory];
    const env = { ...process.env, STT_SHARED_SEED: this.#seed };
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (part: string) => (said += part));
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        said += `${line}\n`;
        const port = /^page +http:\/\/127\.0\.0\.1:(\d+)\/$/.exec(line)?.[1];
        if (port !== undefined) this.port = Number(port);
        if (line.startsWith('files ')) resolve();
      });
      child.once('close', (code) => reject(new Error(`the example ended with ${code}: ${said}`)));
    });
  }

  /** Ends it as a power failure would. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
  }

  /** Asks it to end; resolves to its exit code. */
  async stop(): Promise<number | null> {
    const child = this.#child!;
    this.#child = undefined;
    const closed = once(child, 'close');
    child.kill('SIGTERM');
    return ((await closed) as [number | null])[0];
  }
}
