import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What a process in a namespace tells, line by line as JSON. */
export type Message = Readonly<Record<string, unknown>> & { readonly event: string };

/** Why there are none here. */
export const skipReason = reasonToSkip();

function reasonToSkip(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are of Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const name = `stt-try-${process.pid}`;
  try {
    ip('netns', 'add', name);
    try {
      ip('-n', name, 'link', 'add', 'name', 'one0', 'type', 'veth', 'peer', 'name', 'other0');
    } finally {
      ip('netns', 'delete', name);
    }
    return undefined;
  } catch (error) {
    return `network namespaces cannot be made here: ${(error as Error).message.split('\n', 1)[0]!}`;
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** A process in a namespace that speaks JSON lines. */
export class Resident {
  readonly #process: ChildProcess;
  readonly #messages: Message[] = [];
  #wanted: { event: string; resolve(message: Message): void; reject(error: Error): void } | undefined;

  constructor(namespace: string, script: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.#process = spawn('ip', ['netns', 'exec', namespace, process.execPath, script, ...args], {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    createInterface({ input: this.#process.stdout! }).on('line', (line) => {
      this.#messages.push(JSON.parse(line) as Message);
      this.#serve();
    });
    this.#process.on('exit', (code) => {
      this.#wanted?.reject(new Error(`it ended with code ${code} before it told of "${this.#wanted.event}"`));
    });
  }

  /** The next message of a kind. */
  next(event: string): Promise<Message> {
    return new Promise((resolve, reject) => {
      this.#wanted = { event, resolve, reject };
      this.#serve();
    });
  }

  goOn(): void {
    this.#process.stdin!.write('\n');
  }

  end(): void {
    this.#process.kill('SIGKILL');
  }

  #serve(): void {
    const at = this.#messages.findIndex(({ event }) => event === this.#wanted?.event);
    if (at < 0) return;
    const { resolve } = this.#wanted!;
    this.#wanted = undefined;
    resolve(this.#messages.splice(at, 1)[0]!);
  }
}

/**
 * Two hosts with a router between them, each a namespace:
 *
 *   left 10.99.1.1 ---- mtu ---- 10.99.1.2 router 10.99.2.1 ---- mtu ---- 10.99.2.2 right
 */
export class RoutedHosts implements AsyncDisposable {
  static readonly RIGHT = '10.99.2.2';
  static #count = 0;
  readonly left: string;
  readonly right: string;
  readonly #router: string;
  readonly #residents: Resident[] = [];

  constructor(leftMtu: number, rightMtu: number) {
    const prefix = `stt-${process.pid}-${RoutedHosts.#count++}`;
    this.left = `${prefix}-l`;
    this.right = `${prefix}-r`;
    this.#router = `${prefix}-m`;
    try {
      for (const name of this.#names) ip('netns', 'add', name);
      this.#link(this.left, '10.99.1', leftMtu, 1, 'left0');
      this.#link(this.right, '10.99.2', rightMtu, 2, 'right0');
      ip('netns', 'exec', this.#router, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
      ip('-n', this.left, 'route', 'add', 'default', 'via', '10.99.1.2');
      ip('-n', this.right, 'route', 'add', 'default', 'via', '10.99.2.1');
    } catch (error) {
      this.#deleteAll();
      throw error;
    }
  }

  get #names(): string[] {
    return [this.left, this.right, this.#router];
  }

  /** Both ends of the link between router and right host carry so much from now on. */
  set rightMtu(octets: number) {
    ip('-n', this.#router, 'link', 'set', 'dev', 'right0', 'mtu', String(octets));
    ip('-n', this.right, 'link', 'set', 'dev', 'up0', 'mtu', String(octets));
  }

  /** What the router does to packets that it forwards, by rules of nftables. False if there is no nftables here. */
  alter(...rules: string[]): boolean {
    const chain = '{ type filter hook forward priority 0; }';
    const lines = ['add table ip stt', `add chain ip stt forwarded ${chain}`];
    for (const rule of rules) lines.push(`add rule ip stt forwarded ${rule}`);
    try {
      execFileSync('ip', ['netns', 'exec', this.#router, 'nft', '-f', '-'], {
        input: lines.join('\n'),
        stdio: ['pipe', 'ignore', 'pipe'],
      });
      return true;
    } catch {
      return false;
    }
  }

  start(namespace: string, script: string, args: readonly string[], env: Readonly<Record<string, string>>): Resident {
    const resident = new Resident(namespace, script, args, env);
    this.#residents.push(resident);
    return resident;
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const resident of this.#residents) resident.end();
    this.#deleteAll();
    return Promise.resolve();
  }

  #deleteAll(): void {
    for (const name of this.#names) {
      try {
        ip('netns', 'delete', name);
      } catch {
        // It was not made.
      }
    }
  }

  /** `own`: the last number of the host's address; the router has the other one of 1 and 2. */
  #link(host: string, network: string, mtu: number, own: number, name: string): void {
    ip('-n', this.#router, 'link', 'add', 'name', name, 'type', 'veth', 'peer', 'name', 'up0', 'netns', host);
    ip('-n', this.#router, 'link', 'set', 'dev', name, 'mtu', String(mtu));
    ip('-n', host, 'link', 'set', 'dev', 'up0', 'mtu', String(mtu));
    ip('-n', host, 'address', 'add', `${network}.${own}/24`, 'dev', 'up0');
    ip('-n', this.#router, 'address', 'add', `${network}.${3 - own}/24`, 'dev', name);
    for (const [namespace, device] of [
      [host, 'lo'],
      [host, 'up0'],
      [this.#router, name],
    ]) {
      ip('-n', namespace!, 'link', 'set', 'dev', device!, 'up');
    }
  }
}
