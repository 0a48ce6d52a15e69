// npm run bench:browser [-- --rounds 3 --megabytes 50]: how fast the page of examples/browser sends files to a node and
// gets files from it, in the system's Chromium (or that of STT_CHROMIUM): by the page's own clock, hashing and the
// node's disk included.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { spread } from '../statistics.mjs';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, megabytes: { type: 'string', default: '50' } },
});
const SERVE = fileURLToPath(new URL('../../examples/browser/serve.mjs', import.meta.url));
const seed = randomBytes(32).toString('base64url');
const work = await mkdtemp(join(tmpdir(), 'stt-bench-browser-'));
let server;
let browser;
try {
  server = spawn(process.execPath, [SERVE, '--port', '0', '--dir', work], {
    env: { ...process.env, STT_SHARED_SEED: seed },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise((resolve, reject) => {
    server.once('close', () => reject(new Error('the example ended')));
    createInterface({ input: server.stdout }).on('line', (line) => {
      if (line.startsWith('page ')) resolve(line.split(/ +/)[1]);
    });
  });
  browser = await chromium.launch({
    executablePath: process.env.STT_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  const page = await browser.newPage();
  await page.goto(url);
  await page.fill('#seed', seed);
  await page.click('#connect-button');
  await page.locator('#status[data-state=open]').waitFor();
  const megabytes = Number(values.megabytes);
  const rates = { up: [], down: [] };
  for (let round = 0; round < Number(values.rounds); round++) {
    const name = `round-${round}.bin`;
    const path = join(work, '..', `${process.pid}-${name}`);
    await writeFile(path, randomBytes(megabytes * 1e6));
    try {
      await page.setInputFiles('#files', path);
      rates.up.push(await rateOf(page, name));
    } finally {
      await rm(path);
    }
    await page.getByRole('button', { name: `Get ${process.pid}-${name}` }).click();
    rates.down.push(await rateOf(page, name));
  }
  console.log(`Chromium ${browser.version()}, Node ${process.version}, ${megabytes} MB, medians of ${values.rounds}`);
  for (const [way, all] of Object.entries(rates)) {
    const { least, median, most } = spread(all.map((rate) => (rate * 8) / 1e6));
    console.log(`  ${way.padEnd(5)} ${median.toFixed(0)} Mbit/s [${least.toFixed(0)}-${most.toFixed(0)}]`);
  }
} finally {
  await browser?.close();
  server?.kill();
  await rm(work, { recursive: true, force: true });
}

/** Octets a second of the newest transfer, once it is done. */
async function rateOf(page, name) {
  const row = page.locator('#transfers li:first-child[data-state=done]', { hasText: name });
  const of = await row.getAttribute('data-rate', { timeout: 120_000 });
  await page.evaluate(() => globalThis.document.querySelector('#transfers').replaceChildren());
  return Number(of);
}
