// Checks what no other tool does: lengths and names of files, leftovers, and addresses in lock files.
import { readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';

const CAPS = [
  { path: /^lib\/.*\.ts$/, lines: 400 },
  { path: /^scripts\/.*\.mjs$/, lines: 400 },
  { path: /^native\/.*\.(cc|h)$/, lines: 500 },
  { path: /^test\/.*\.(ts|mjs)$/, lines: 500 },
  { path: /^examples\/.*\.(js|mjs)$/, lines: 400 },
];
const SOURCE = /^(lib|native|test|scripts|benchmarks|examples)\/.*\.(ts|mts|js|mjs|cc|h|sh)$/;
// Written in two halves, so that this file does not find itself.
const LEFTOVER = new RegExp(
  ['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'not imple' + 'mented', 'place' + 'holder'].join('|'),
);
const FOCUSED = new RegExp(`\\b(it|test|describe)\\.(on` + `ly|to` + `do)\\b`);

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' })
  .split('\n')
  .filter((name) => name !== '');
const found = [];

for (const name of files) {
  let text;
  try {
    text = readFileSync(name, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') continue; // deleted, not yet committed
    throw error;
  }
  const lines = text.split('\n');
  const cap = CAPS.find(({ path }) => path.test(name));
  if (cap !== undefined && lines.length - 1 > cap.lines)
    found.push(`${name}: ${lines.length - 1} lines, over ${cap.lines}`);
  if (/^package-lock\.json$|\/package-lock\.json$/.test(name) && /"resolved": "http/.test(text)) {
    found.push(`${name}: holds download addresses`);
  }
  if (!SOURCE.test(name)) continue;
  if (/^(lib|test|scripts)\//.test(name) && !/^[a-z0-9/.-]+$/.test(name)) found.push(`${name}: not in kebab-case`);
  lines.forEach((line, index) => {
    if (LEFTOVER.test(line)) found.push(`${name}:${index + 1}: unfinished`);
    if (FOCUSED.test(line)) found.push(`${name}:${index + 1}: a focused or empty test`);
  });
}

for (const line of found) console.error(line);
if (found.length === 0) console.log(`shape: ${files.length} files`);
process.exitCode = found.length === 0 ? 0 : 1;
