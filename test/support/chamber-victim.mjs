// A process that writes to a chamber until it is killed, and reports on standard output what was confirmed.
// chamber-victim.mjs PATH ROUND
import { writeSync } from 'node:fs';
// Only what is needed: this starts hundreds of times.
import { Chamber } from '../../dist/chamber/chamber.js';
import { STCWrapper } from '../../dist/stc/node-stc-wrapper.js';

const [path, round] = process.argv.slice(2);
const stc = new STCWrapper(new Uint8Array(32).fill(7), { backend: 'js' });
const chamber = await Chamber.open({ path, stc, nodeId: new Uint8Array(32).fill(8) });

/** Small values, and values of LMDB's overflow pages; each says which it is, and is the same octets all over. */
function value(i) {
  const words = new Uint32Array([4, 80, 1200, 18_000][i % 4]);
  for (let at = 0; at < words.length; at += 2) {
    words[at] = round;
    words[at + 1] = i;
  }
  return new Uint8Array(words.buffer);
}

/** Nothing is confirmed that the reader has not been told; it may be behind. */
function say(line) {
  for (;;) {
    try {
      writeSync(1, `${line}\n`);
      return;
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}

async function writer(name) {
  for (let i = 1; ; i++) {
    if (i % 3 === 0) {
      const pair = { round: Number(round), i };
      await chamber.batch().storeSession(`${name}/left`, pair).storeSession(`${name}/right`, pair).write();
      say(`pair ${name} ${i}`);
    } else {
      await chamber.storeKey(`${name}/${i % 8}`, value(i));
      say(`key ${name} ${i}`);
    }
  }
}
say('open');
await Promise.all(['a', 'b', 'c'].map(writer));
