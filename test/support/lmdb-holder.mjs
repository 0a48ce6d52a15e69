// node lmdb-holder.mjs DIRECTORY FILE: holds the one write transaction of an LMDB from the message 'held' until FILE is there.
import { existsSync } from 'node:fs';
import { open } from 'lmdb';

const [path, file] = process.argv.slice(2);
const db = open({ path, encoding: 'binary', keyEncoding: 'binary', noSubdir: false });
db.transactionSync(() => {
  process.send('held');
  const turn = new Int32Array(new SharedArrayBuffer(4));
  while (!existsSync(file) && process.connected) Atomics.wait(turn, 0, 0, 5);
});
await db.close();
process.disconnect();
