import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Chamber, STCWrapper } from '../../lib/index.js';
import { BACKEND } from '../support/nodes.js';
import { temporaryDirectory } from '../support/temporary.js';

const VICTIM = fileURLToPath(new URL('../support/chamber-victim.mjs', import.meta.url));
/** The gate runs this on both backends: 200 times in all. */
const KILLS = Number(process.env['CHAMBER_KILLS'] ?? 100);
/** Processes at once, each with a chamber of its own. */
const LANES = 4;

/** Which write: the run of the writer, and its count in it. */
interface Written {
  readonly round: number;
  readonly i: number;
}
/** The last write of each record that was confirmed. */
type Confirmed = Map<string, Written>;

/** Runs the writer and kills it after a random number of confirmations; 0 is while it opens the chamber. */
async function killOne(path: string, round: number, confirmed: Confirmed, after: number): Promise<void> {
  const child = spawn(process.execPath, [VICTIM, path, String(round)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  let [text, lines] = ['', 0];
  const kill = (): void => void child.kill('SIGKILL');
  // A little later than a line comes: anywhere in the writes that follow.
  const later = (): void => void setTimeout(kill, Math.random() * 4);
  if (after === 0) setTimeout(kill, Math.random() * 150);
  child.stdout.setEncoding('utf8').on('data', (data: string) => {
    text += data;
    const before = lines;
    lines += data.split('\n').length - 1;
    if (before < after && lines >= after) later();
  });
  const [code, signal] = (await closed) as [number | null, string | null];
  expect([code, signal]).toEqual([null, 'SIGKILL']);
  // The last line may be torn; what it says was confirmed, but that need not be known.
  for (const line of text.split('\n').slice(0, -1)) {
    const [what, name, i] = line.split(' ');
    if (what === 'key') confirmed.set(`${name}/${Number(i) % 8}`, { round, i: Number(i) });
    if (what === 'pair') confirmed.set(`${name}/pair`, { round, i: Number(i) });
  }
}

/** Every write that was confirmed is there, or a later one; none is torn. */
async function check(path: string, confirmed: Confirmed): Promise<void> {
  const stc = new STCWrapper(new Uint8Array(32).fill(7), { backend: BACKEND });
  const chamber = await Chamber.open({ path, stc, nodeId: new Uint8Array(32).fill(8) });
  expect((await chamber.verify()).damaged).toBe(0);
  for (const name of ['a', 'b', 'c']) {
    const left = (await chamber.retrieveSession(`${name}/left`)) as Written | undefined;
    expect(await chamber.retrieveSession(`${name}/right`)).toEqual(left);
    expectNotBefore(left, confirmed.get(`${name}/pair`));
    for (let slot = 0; slot < 8; slot++) {
      const key = await chamber.retrieveKey(`${name}/${slot}`);
      const written = key && readValue(key);
      if (written !== undefined) expect(written.i % 8).toBe(slot);
      expectNotBefore(written, confirmed.get(`${name}/${slot}`));
    }
  }
  await chamber.close();
}

/** Which write a value is of; it is the same words all over, or torn. */
function readValue(key: Uint8Array): Written {
  const words = new Uint32Array(Uint8Array.from(key).buffer);
  const [round, i] = [words[0]!, words[1]!];
  expect(words.length).toBe([4, 80, 1200, 18_000][i % 4]);
  expect(words.every((word, at) => word === (at % 2 === 0 ? round : i))).toBe(true);
  return { round, i };
}

function expectNotBefore(written: Written | undefined, confirmed: Written | undefined): void {
  if (confirmed === undefined) return;
  expect(written).toBeDefined();
  const isLater = written!.round > confirmed.round || (written!.round === confirmed.round && written!.i >= confirmed.i);
  expect(isLater, `${JSON.stringify(written)} is there, ${JSON.stringify(confirmed)} was confirmed`).toBe(true);
}

describe('a chamber whose process is killed', () => {
  it(
    `has every confirmed write and no torn one, ${KILLS} times`,
    async () => {
      const lane = async (kills: number): Promise<void> => {
        const path = await temporaryDirectory();
        const confirmed: Confirmed = new Map();
        for (let round = 1; round <= kills; round++) {
          await killOne(path, round, confirmed, round % 10 === 0 ? 0 : 1 + Math.floor(Math.random() * 40));
          await check(path, confirmed);
        }
      };
      await Promise.all(Array.from({ length: LANES }, () => lane(Math.ceil(KILLS / LANES))));
    },
    60_000 + KILLS * 1000,
  );
});
