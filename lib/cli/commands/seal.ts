import { sealedForm } from '../../transfer/sealed-file.js';
import type { Command } from '../command.js';
import { SEALING_OPTIONS, convertFile } from '../sealing.js';

export const command: Command = {
  name: 'seal',
  synopsis: ['seal FILE|- [--out FILE|-] [--force]'],
  description: [
    'Seals a file under the shared seed, as FILE.stt or what --out says. The new file appears only when it is complete. - is standard input, and standard output where --out does not name a file. Of several seeds the first is used.',
  ],
  options: SEALING_OPTIONS,
  run: (context) =>
    convertFile(context, {
      event: 'sealed',
      defaultOut: (path) => `${path}.stt`,
      convert: ([stc], source) => sealedForm(stc!, source),
    }),
};
