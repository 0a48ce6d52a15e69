import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../support/chunk-memory.mjs', import.meta.url));
const MIB = 1_048_576;

it('seals and opens 2 GB in chunks, every octet right, in the memory that the first half GB took', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, '--gigabytes', '2']);
  const { octets, quarters } = JSON.parse(stdout) as { octets: number; quarters: readonly number[] };
  expect(octets).toBe(2e9);
  // Garbage that was not collected yet makes some tens of MB of difference; the data is 50 times the bound.
  for (const rss of quarters) expect(rss).toBeLessThan(quarters[0]! + 40 * MIB);
}, 300_000);
