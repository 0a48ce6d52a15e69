import { usage } from '../arguments.js';
import type { Command } from '../command.js';
import { ExitCode } from '../exit-codes.js';
import { loadNodeSeed, nodeIdOf, nodeSeedPath, senderSeed } from '../seeds.js';

export const command: Command = {
  name: 'id',
  synopsis: ['id'],
  description: [
    'Prints the id of this node: the public key that `stt recv` proves itself with, in hexadecimal. Pin it on the other side with `stt send --peer ID`. The seed it follows from is made on first use and stays in the config directory.',
    'With --json also the id under which `stt send` and `stt ping` connect.',
  ],
  options: {},
  async run({ args, output, env }) {
    if (args.positionals.length > 0) throw usage('`stt id` takes no arguments.');
    const nodeSeed = await loadNodeSeed(env, output);
    const id = nodeIdOf(nodeSeed);
    output.result(id);
    output.event({ event: 'id', id, senderId: nodeIdOf(senderSeed(nodeSeed)), nodeSeedFile: nodeSeedPath(env) });
    return ExitCode.OK;
  },
};
