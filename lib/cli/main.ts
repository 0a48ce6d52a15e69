#!/usr/bin/env node
import type { Writable } from 'node:stream';
import { debuglog } from 'node:util';
import { nearest } from '../option-hints.js';
import { parseArguments, usage } from './arguments.js';
import { COMMON_OPTIONS, commandHelp, programHelp, type Command } from './command.js';
import { ExitCode } from './exit-codes.js';
import { Interrupted, explain } from './failure.js';
import { Output } from './output.js';
import { packageVersion } from './version.js';

/** Loaded when needed: `stt keygen` has no use for a packet engine. */
const COMMANDS: Readonly<Record<string, readonly [summary: string, load: () => Promise<{ command: Command }>]>> = {
  keygen: ['make a shared seed', () => import('./commands/keygen.js')],
  id: ["print this node's id", () => import('./commands/id.js')],
  recv: ['receive files', () => import('./commands/recv.js')],
  send: ['send files and directories', () => import('./commands/send.js')],
  ping: ['measure the round-trip time to a receiver', () => import('./commands/ping.js')],
  seal: ['seal a file under the shared seed', () => import('./commands/seal.js')],
  open: ['open a sealed file', () => import('./commands/open.js')],
  chamber: ['look after a chamber: list, get, put, delete, export, import, ...', () => import('./commands/chamber.js')],
  info: ['tell what works on this machine, and why', () => import('./commands/info.js')],
};

/** The whole of an unexpected error is shown with NODE_DEBUG=stt. */
const debug = debuglog('stt');

function help(): string {
  return programHelp(
    packageVersion(),
    Object.entries(COMMANDS).map(([name, [summary]]) => [name, summary] as const),
  );
}

/** Ctrl-C ends a command in order; a second one ends it at once. */
function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    const reason = new Interrupted(signal);
    if (controller.signal.aborted) process.exit(explain(reason).exitCode);
    controller.abort(reason);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  process.on('SIGHUP', onSignal);
  return controller.signal;
}

async function run(argv: readonly string[]): Promise<ExitCode> {
  const [name, ...rest] = argv;
  const output = new Output({
    stdout: process.stdout,
    stderr: process.stderr,
    json: rest.includes('--json'),
  });
  try {
    if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
      const text =
        name === 'help' && rest[0] !== undefined ? commandHelp(withCommonOptions(await load(rest[0]))) : help();
      (name === undefined ? process.stderr : process.stdout).write(`${text}\n`);
      return name === undefined ? ExitCode.USAGE : ExitCode.OK;
    }
    if (name === '--version' || name === '-V') {
      process.stdout.write(`${packageVersion()}\n`);
      return ExitCode.OK;
    }
    const command = withCommonOptions(await load(name));
    const args = parseArguments(rest, command.options);
    if (args.has('help')) {
      process.stdout.write(`${commandHelp(command)}\n`);
      return ExitCode.OK;
    }
    return await command.run({ args, output, env: process.env, signal: interruptSignal() });
  } catch (error) {
    output.stopProgress();
    const { exitCode, code, text } = explain(error);
    output.event({ event: 'error', code, message: text, exitCode });
    output.warn(text);
    if (exitCode === ExitCode.INTERNAL) debug('%o', error);
    return exitCode;
  }
}

function withCommonOptions(command: Command): Command {
  return { ...command, options: { ...command.options, ...COMMON_OPTIONS } };
}

async function load(name: string): Promise<Command> {
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (entry !== undefined) return (await entry[1]()).command;
  const near = nearest(name, [...Object.keys(COMMANDS), '--help', '--version']);
  throw usage(
    `There is no ${name.startsWith('-') ? 'option' : 'command'} \`${name}\`${near === undefined ? '' : `; did you mean \`${near}\`?`} \`stt --help\` lists all of them.`,
  );
}

function flushed(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableLength === 0) resolve();
    else stream.write('', () => resolve());
  });
}

for (const stream of [process.stdout, process.stderr]) {
  // Nobody reads any more, as with `stt ... | head`: not worth a message.
  stream.on('error', () => {});
}
const exitCode = await run(process.argv.slice(2));
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
// At once: an open standard input or a lingering handle must not hold the command.
process.exit(exitCode);
