import { usage } from '../arguments.js';
import type { Command, CommandContext } from '../command.js';
import type { ExitCode } from '../exit-codes.js';
import { exportRecords, importRecords } from '../chamber/backup.js';
import { reseal, verify } from '../chamber/care.js';
import { deleteRecord, getRecord, listRecords, putRecord } from '../chamber/records.js';
import { Action } from '../chamber/action.js';
import { nearest } from '../../option-hints.js';

interface ActionSpec {
  /** Arguments behind the directory. */
  readonly takes: readonly string[];
  /** The last of them may be left out. */
  readonly isLastOptional?: boolean;
  /** Options besides those of all actions. */
  readonly options: readonly string[];
  /** It looks at the signal of Ctrl-C itself, as it has something to tidy up. */
  readonly isTidy?: boolean;
  readonly run: (action: Action) => Promise<ExitCode>;
}

const ACTIONS: Readonly<Record<string, ActionSpec>> = {
  list: { takes: [], options: ['kind', 'sorted'], run: listRecords },
  get: { takes: ['ID'], options: ['kind', 'out', 'force'], run: getRecord },
  put: { takes: ['ID', 'FILE'], isLastOptional: true, options: ['kind'], run: putRecord },
  delete: { takes: ['ID'], options: ['kind'], run: deleteRecord },
  export: { takes: ['FILE'], isTidy: true, options: ['passphrase-file', 'force'], run: exportRecords },
  import: { takes: ['FILE'], options: ['passphrase-file', 'force'], run: importRecords },
  verify: { takes: [], options: [], run: verify },
  reseal: { takes: [], options: ['to-seed-file'], run: reseal },
};
const OF_ALL = ['node-seed-file', 'json', 'help'];

export const command: Command = {
  name: 'chamber',
  synopsis: [
    'chamber list DIR [--kind KIND] [--sorted]',
    'chamber get DIR ID [--kind KIND] [--out FILE] [--force]',
    'chamber put DIR ID [FILE] [--kind KIND]',
    'chamber delete DIR ID [--kind KIND]',
    'chamber export DIR FILE [--passphrase-file FILE] [--force]',
    'chamber import DIR FILE [--passphrase-file FILE] [--force]',
    'chamber verify DIR',
    'chamber reseal DIR --to-seed-file FILE',
  ],
  description: [
    'Looks after the chamber in the directory DIR, under the seed of the node whose it is. KIND is key (octets; the default of get, put and delete), session, peer or node (JSON). Several processes may have a chamber open.',
    'put reads the value from FILE or standard input, never from an argument, which others could see; it and import make the chamber if there is none. get writes a key to standard output as it is.',
    'export writes everything, sealed under a passphrase; import proves the whole file authentic before it changes anything, and replaces records that differ only with --force. The passphrase comes from --passphrase-file, else STT_CHAMBER_PASSPHRASE, else the terminal.',
    'verify reads every record and names those that are damaged. reseal seals everything anew under another node seed; if it is ended in between, run it again.',
  ],
  options: {
    'node-seed-file': { value: 'FILE', help: "read the node's seed from FILE (else the config directory)" },
    kind: { value: 'KIND', help: 'key, session, peer or node (list: default all)' },
    sorted: { help: 'list by id' },
    out: { value: 'FILE', short: 'o', help: 'write the value to FILE, which only its owner can read' },
    force: { help: 'replace the file, or records that differ' },
    'passphrase-file': { value: 'FILE', help: 'read the passphrase of the export from FILE' },
    'to-seed-file': { value: 'FILE', help: 'the node seed under which to seal everything anew' },
  },
  async run(context: CommandContext): Promise<ExitCode> {
    const [name, ...rest] = context.args.positionals;
    if (name === undefined) throw usage(`Say what to do: stt chamber ${Object.keys(ACTIONS).join('|')} DIR.`);
    const spec = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
    if (spec === undefined) {
      const near = nearest(name, Object.keys(ACTIONS));
      throw usage(`There is no \`stt chamber ${name}\`${near === undefined ? '.' : `; did you mean \`${near}\`?`}`);
    }
    for (const option of Object.keys(command.options)) {
      if (context.args.has(option) && ![...spec.options, ...OF_ALL].includes(option)) {
        throw usage(`Option --${option} is not for \`stt chamber ${name}\`.`);
      }
    }
    const most = 1 + spec.takes.length;
    const least = spec.isLastOptional === true ? most - 1 : most;
    if (rest.length < least || rest.length > most) {
      throw usage(
        `\`stt chamber ${name}\` takes ${['DIR', ...spec.takes].join(' ')}${least < most ? ' (the last may be left out)' : ''}.`,
      );
    }
    const action = new Action(context, rest[0]!, rest.slice(1));
    return spec.isTidy === true ? spec.run(action) : action.interruptible(spec.run(action));
  },
};
