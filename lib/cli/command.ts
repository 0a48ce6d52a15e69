import type { OptionSpecs, ParsedArguments } from './arguments.js';
import { EXIT_CODE_MEANINGS, type ExitCode } from './exit-codes.js';
import type { Output } from './output.js';

/** What a command works with. */
export interface CommandContext {
  readonly args: ParsedArguments;
  readonly output: Output;
  readonly env: NodeJS.ProcessEnv;
  /** Aborted with `Interrupted` by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** A command of `stt`. */
export interface Command {
  readonly name: string;
  readonly synopsis: readonly string[];
  /** Paragraphs. */
  readonly description: readonly string[];
  readonly options: OptionSpecs;
  run(context: CommandContext): Promise<ExitCode>;
}

/** Options of commands that speak to other nodes. */
export const NODE_OPTIONS: OptionSpecs = {
  'seed-file': {
    value: 'FILE',
    help: 'read the shared seed from FILE (else STT_SHARED_SEED, else the config directory)',
  },
  timeout: { value: 'SECONDS', help: 'give up when nothing is heard for so long (default 30)' },
  'packet-size': {
    value: 'OCTETS',
    help: 'UDP payload of full packets, 1200 to 65507, which the path must carry (default: searched for)',
  },
};

/** Options of every command. */
export const COMMON_OPTIONS: OptionSpecs = {
  json: { help: 'print one JSON object per line on standard output, for scripts' },
  help: { short: 'h', help: 'show this help' },
};

/** Help of a command. */
export function commandHelp(command: Command): string {
  const rows = Object.entries(command.options).map(([name, { short, value, help }]) => {
    const names = `${short === undefined ? '    ' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`;
    return [names, help] as const;
  });
  return [
    ...command.synopsis.map((synopsis, i) => `${i === 0 ? 'Usage:' : '      '} stt ${synopsis}`),
    '',
    ...command.description.flatMap((paragraph) => [...wrap(paragraph), '']),
    'Options:',
    ...columns(rows),
  ].join('\n');
}

/** Help of the whole program. */
export function programHelp(version: string, commands: readonly (readonly [name: string, summary: string])[]): string {
  return [
    'Usage: stt COMMAND [OPTIONS] ...',
    '',
    `Seigr Toolset Transmissions ${version}: moves files between machines that share a secret, encrypted, over UDP.`,
    '',
    'Commands:',
    ...columns(commands),
    '',
    'stt COMMAND --help tells more. stt --version (-V) prints the version.',
    '',
    'Two machines in three steps:',
    '  stt keygen --out seed            make a shared seed; bring the file to both machines, secretly',
    '  stt recv --seed-file seed        on the one that receives',
    '  stt send --seed-file seed FILE HOST:47800',
    '',
    'Exit codes:',
    ...columns(EXIT_CODE_MEANINGS.map(([code, meaning]) => [String(code), meaning] as const)),
  ].join('\n');
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}

/** Lines of at most 100 characters. */
function wrap(paragraph: string): string[] {
  const lines: string[] = [''];
  for (const word of paragraph.split(' ')) {
    const last = lines.at(-1)!;
    if (last !== '' && last.length + word.length >= 100) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines;
}
