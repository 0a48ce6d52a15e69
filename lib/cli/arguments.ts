import { parseArgs } from 'node:util';
import { nearest } from '../option-hints.js';
import { ExitCode } from './exit-codes.js';
import { CliFailure } from './failure.js';

/** One option of a command. */
export interface OptionSpec {
  /** Name of the value in the help; an option without takes none. */
  readonly value?: string;
  readonly short?: string;
  readonly help: string;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** What the user typed, with names checked. */
export interface ParsedArguments {
  readonly positionals: readonly string[];
  has(option: string): boolean;
  text(option: string): string | undefined;
  /** An integer option in a range, or its default. */
  integer(option: string, fallback: number, min: number, max: number): number;
}

/** @throws CliFailure, for an unknown option with the nearest name */
export function parseArguments(argv: readonly string[], options: OptionSpecs): ParsedArguments {
  const { tokens, positionals } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(
      Object.entries(options).map(([name, { value, short }]) => [
        name,
        { type: value === undefined ? 'boolean' : 'string', ...(short === undefined ? {} : { short }) } as const,
      ]),
    ),
    // Checked below, so that the messages can suggest the right name.
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values = new Map<string, string | true>();
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const spec = options[token.name];
    if (spec === undefined) throw unknown(token.name, token.rawName, options);
    if (spec.value === undefined && token.value !== undefined) throw usage(`Option ${token.rawName} takes no value.`);
    if (spec.value !== undefined && (token.value === undefined || token.value === '')) {
      throw usage(`Option ${token.rawName} needs a value: ${token.rawName} ${spec.value}.`);
    }
    // "--out --force" is a forgotten value; "--out=--force" is a strange but clear one.
    if (spec.value !== undefined && token.inlineValue === false && /^-./.test(token.value!)) {
      throw usage(`Option ${token.rawName} needs a value: ${token.rawName} ${spec.value}.`);
    }
    values.set(token.name, token.value ?? true);
  }
  const text = (option: string): string | undefined => values.get(option) as string | undefined;
  return {
    positionals,
    has: (option) => values.has(option),
    text,
    integer(option, fallback, min, max) {
      const given = text(option);
      if (given === undefined) return fallback;
      const value = Number(given);
      if (!/^\d+$/.test(given) || value < min || value > max) {
        throw usage(`Option --${option} is "${given}"; an integer from ${min} to ${max} is needed.`);
      }
      return value;
    },
  };
}

function unknown(name: string, rawName: string, options: OptionSpecs): CliFailure {
  const near = nearest(name, Object.keys(options));
  const hint = near === undefined ? '`--help` lists all of them.' : `Did you mean \`--${near}\`?`;
  return new CliFailure(ExitCode.USAGE, 'ERR_STT_UNKNOWN_OPTION', `Unknown option \`${rawName}\`. ${hint}`);
}

export function usage(message: string): CliFailure {
  return new CliFailure(ExitCode.USAGE, 'ERR_STT_USAGE', message);
}
