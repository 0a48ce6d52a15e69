import { openedForm } from '../../transfer/sealed-file.js';
import type { Command } from '../command.js';
import { SEALING_OPTIONS, convertFile } from '../sealing.js';

export const command: Command = {
  name: 'open',
  synopsis: ['open FILE|- [--out FILE|-] [--force]'],
  description: [
    'Opens a file that `stt seal` made, as FILE without .stt or what --out says. The new file appears only when everything is proven authentic and complete. - is standard input, and standard output where --out does not name a file: what is written there is authentic, but that it is complete only exit code 0 tells. Of several seeds the one that fits is used.',
  ],
  options: SEALING_OPTIONS,
  run: (context) =>
    convertFile(context, {
      event: 'opened',
      defaultOut: (path) => (/.\.stt$/.test(path) ? path.slice(0, -4) : undefined),
      convert: openedForm,
    }),
};
