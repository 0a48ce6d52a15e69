import { closeSync, openSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import type { CommandContext } from '../command.js';
import { ExitCode } from '../exit-codes.js';
import { CliFailure, Interrupted } from '../failure.js';
import { readSecret } from '../seeds.js';

/** Shorter ones are found by trying, whatever scrypt costs. */
const MIN_CHARACTERS = 8;
const VARIABLE = 'STT_CHAMBER_PASSPHRASE';

/**
 * The passphrase of an export: of --passphrase-file, else of STT_CHAMBER_PASSPHRASE, else typed at the terminal. Never
 * an argument, which other users of the machine could see.
 */
export async function readPassphrase(
  { args, env, output, signal }: CommandContext,
  { isNew }: { readonly isNew: boolean },
): Promise<string> {
  const file = args.text('passphrase-file');
  const given = file === undefined ? env[VARIABLE] : (await readSecret(file, output)).replace(/\r?\n$/, '');
  if (file !== undefined || (given !== undefined && given !== '')) {
    return checked(given!, file ?? VARIABLE, isNew);
  }
  const terminal = openTerminal();
  if (terminal === undefined) {
    throw new CliFailure(
      ExitCode.SETUP,
      'ERR_STT_NO_PASSPHRASE',
      `There is no passphrase. Give one with --passphrase-file FILE or ${VARIABLE}, or run this at a terminal.`,
    );
  }
  try {
    const typed = checked(await ask(terminal, 'Passphrase of the export: ', signal), 'what was typed', isNew);
    if (isNew && (await ask(terminal, 'The same once more: ', signal)) !== typed) {
      throw unusable('what was typed', 'the two differ');
    }
    return typed;
  } finally {
    terminal.destroy();
  }
}

function checked(passphrase: string, where: string, isNew: boolean): string {
  if (passphrase === '') throw unusable(where, 'it is empty');
  if (isNew && [...passphrase].length < MIN_CHARACTERS) {
    throw unusable(where, `it has fewer than ${MIN_CHARACTERS} characters`);
  }
  return passphrase;
}

function unusable(where: string, why: string): CliFailure {
  return new CliFailure(
    ExitCode.SETUP,
    'ERR_STT_PASSPHRASE',
    `The passphrase cannot be used (${where}): ${why}. Six random words are a good one.`,
  );
}

/** The terminal itself, as standard input may be a file; undefined where there is none that shows the question. */
function openTerminal(): ReadStream | undefined {
  if (process.stderr.isTTY !== true) return undefined;
  if (process.platform === 'win32') return process.stdin.isTTY ? new ReadStream(0) : undefined;
  let fd: number | undefined;
  try {
    fd = openSync('/dev/tty', 'r+');
    return new ReadStream(fd);
  } catch {
    if (fd !== undefined) closeSync(fd);
    return undefined;
  }
}

/** One line from a terminal that does not show it. */
function ask(terminal: ReadStream, question: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    let line = '';
    const end = (settle: () => void): void => {
      terminal.off('data', onData);
      signal.removeEventListener('abort', onAbort);
      terminal.setRawMode(false);
      terminal.pause();
      process.stderr.write('\n');
      settle();
    };
    const onAbort = (): void => end(() => reject(signal.reason as Error));
    const onData = (typed: string): void => {
      for (const character of typed) {
        if (character === '\r' || character === '\n') return end(() => resolve(line));
        // As raw terminals send Ctrl-C, Ctrl-D, Ctrl-U, and the two keys that delete.
        if (character === '\u0003') return end(() => reject(new Interrupted('SIGINT')));
        if (character === '\u0004' && line === '') return end(() => resolve(''));
        if (character === '\u0015') line = '';
        else if (character === '\u007f' || character === '\b') line = [...line].slice(0, -1).join('');
        else line += character;
      }
    };
    signal.addEventListener('abort', onAbort);
    terminal.setEncoding('utf8');
    terminal.setRawMode(true);
    terminal.on('data', onData);
    process.stderr.write(question);
    terminal.resume();
  });
}
