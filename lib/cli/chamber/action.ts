import { Chamber } from '../../chamber/chamber.js';
import { RecordKind } from '../../chamber/record.js';
import { STCWrapper } from '../../index.js';
import type { ChamberKeys } from '../../chamber/reseal.js';
import { usage } from '../arguments.js';
import type { CommandContext } from '../command.js';
import { loadNodeSeed, nodeIdOf, nodeSeedPath, readSeedFile } from '../seeds.js';

/** Kinds of records by the names that `--kind` takes. */
export const KINDS = {
  key: RecordKind.KEY,
  session: RecordKind.SESSION,
  peer: RecordKind.PEER,
  node: RecordKind.NODE,
} as const;
export type KindName = keyof typeof KINDS;

export function kindName(kind: RecordKind): KindName {
  return (Object.keys(KINDS) as KindName[]).find((name) => KINDS[name] === kind)!;
}

/** One call of `stt chamber`: on which chamber, and with what. */
export class Action {
  readonly context: CommandContext;
  readonly directory: string;
  /** Arguments behind the directory. */
  readonly rest: readonly string[];

  constructor(context: CommandContext, directory: string, rest: readonly string[]) {
    this.context = context;
    this.directory = directory;
    this.rest = rest;
  }

  /** The kind that `--kind` names, of those that fit. */
  kind<T extends KindName | undefined>(fallback: T, fitting: readonly KindName[]): KindName | T {
    const given = this.context.args.text('kind');
    if (given === undefined) return fallback;
    const kind = fitting.find((name) => name === given);
    if (kind === undefined) throw usage(`Option --kind is "${given}"; ${fitting.join(', ')} fit here.`);
    return kind;
  }

  /** What opens the chamber. */
  async keys({ makes = false } = {}): Promise<ChamberKeys> {
    const { args, env, output } = this.context;
    const file = args.text('node-seed-file');
    if (file === undefined && makes) return keysOf(await loadNodeSeed(env, output));
    return keysOf(await readSeedFile(file ?? nodeSeedPath(env), output));
  }

  /** Opens the chamber, to be read or, by default, written; closes it in every case. */
  async withChamber<T>({ readOnly = false, create = false }, use: (chamber: Chamber) => Promise<T>): Promise<T> {
    const chamber = await Chamber.open({
      path: this.directory,
      ...(await this.keys({ makes: create })),
      readOnly,
      create,
    });
    try {
      return await use(chamber);
    } finally {
      await chamber.close();
    }
  }

  /** Rejects at Ctrl-C: what is under way ends with the process, as after a crash, which a chamber survives. */
  async interruptible<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.context;
    signal.throwIfAborted();
    let onAbort = (): void => {};
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal.reason as Error);
      signal.addEventListener('abort', onAbort);
    });
    try {
      return await Promise.race([work, aborted]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
}

export function keysOf(nodeSeed: Uint8Array): ChamberKeys {
  return { stc: new STCWrapper(nodeSeed), nodeId: new Uint8Array(Buffer.from(nodeIdOf(nodeSeed), 'hex')) };
}
