// Makes docs/errors.md from the table in lib/node-errors.ts. Run by `npm run docs:errors`, which compiles first.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const HEAD = `# Errors

<!-- Made from lib/errors.ts and lib/node-errors.ts by \`npm run docs:errors\`. Do not edit. -->

What STT throws or rejects with is one of:

- an \`STTError\`: it has a stable \`code\` (below) and a message that names the cause and the remedy;
- an error of Node for a wrong argument, such as \`ERR_INVALID_ARG_TYPE\`;
- an error of the operating system, passed through with its \`code\`, \`syscall\`, \`address\` and \`port\`, such as
  \`EADDRINUSE\`.

Compare codes, never messages: messages may change in any release. In a message, \`{name}\` stands for a detail.
All classes extend \`STTError\`, which extends \`Error\`.

A *close code* is what the two sides of a session tell each other when the error ends it (protocol, section 11).
`;

/** What the command `stt` reports with `--json` besides; nothing in the library throws these. */
export const COMMAND_CODES = {
  ERR_STT_USAGE: 'A wrong command, option or argument.',
  ERR_STT_NO_SEED: 'No shared seed was given, or its file is missing.',
  ERR_STT_SEED: 'A seed, or a file of seeds, cannot be used.',
  ERR_STT_NO_PASSPHRASE: 'No passphrase of an export was given, and there is no terminal to ask at.',
  ERR_STT_PASSPHRASE: 'A passphrase cannot be used.',
  ERR_STT_NO_RECORD: 'The chamber has no such record.',
  ERR_STT_INTERRUPTED: 'Ended by Ctrl-C or a signal.',
};

export function makeErrorsDoc(errors) {
  const groups = new Map();
  for (const [code, entry] of Object.entries(errors)) {
    const rows = groups.get(entry.type.name) ?? [];
    const close = entry.closeCode === undefined ? '' : String(entry.closeCode);
    rows.push(`| \`${code}\` | ${close} | ${entry.message.replaceAll('|', '\\|')} |`);
    groups.set(entry.type.name, rows);
  }
  const sections = [...groups].map(
    ([name, rows]) => `\n## ${name}\n\n| code | close code | message |\n| --- | --- | --- |\n${rows.join('\n')}\n`,
  );
  const command = Object.entries(COMMAND_CODES).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`);
  return (
    HEAD +
    sections.join('') +
    `\n## The command\n\nOnly \`stt --json\` reports these, besides the codes above and the system's own.\n\n` +
    `| code | meaning |\n| --- | --- |\n${command.join('\n')}\n`
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { ERRORS } = await import('../dist/node-errors.js');
  writeFileSync(new URL('../docs/errors.md', import.meta.url), makeErrorsDoc(ERRORS));
}
