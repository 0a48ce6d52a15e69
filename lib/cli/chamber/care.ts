import { resealChamber } from '../../chamber/reseal.js';
import { usage } from '../arguments.js';
import { ExitCode } from '../exit-codes.js';
import { readSeedFile } from '../seeds.js';
import { keysOf, type Action } from './action.js';
import { reportDamage } from './records.js';

/** `stt chamber verify`: reads everything. */
export async function verify(action: Action): Promise<ExitCode> {
  const { output } = action.context;
  const report = await action.withChamber({ readOnly: true }, (chamber) =>
    chamber.verify((error) => reportDamage(action, error)),
  );
  const { records, damaged } = report;
  output.event({ event: 'verified', records, damaged });
  output.result(`Sound records: ${records}. Damaged: ${damaged}.`);
  return damaged === 0 ? ExitCode.OK : ExitCode.INTEGRITY;
}

/** `stt chamber reseal`: everything under another node seed. */
export async function reseal(action: Action): Promise<ExitCode> {
  const { args, output } = action.context;
  const file = args.text('to-seed-file');
  if (file === undefined) throw usage('Name the file of the new node seed: --to-seed-file FILE.');
  const { records, damaged } = await resealChamber({
    path: action.directory,
    from: await action.keys(),
    to: keysOf(await readSeedFile(file, output)),
    onDamaged: (error) => reportDamage(action, error),
  });
  output.event({ event: 'resealed', records, damaged });
  output.result(`Records sealed anew: ${records}. Damaged, and left as they are: ${damaged}.`);
  output.note(`The chamber now opens with the seed in ${file} only.`);
  return damaged === 0 ? ExitCode.OK : ExitCode.INTEGRITY;
}
