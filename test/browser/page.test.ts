import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchChromium, NO_CHROMIUM } from '../support/chromium.js';
import { ExamplePage } from '../support/example-page.js';
import { StallingProxy } from '../support/stalling-proxy.js';
import { BACKEND } from '../support/nodes.js';
import { temporaryDirectory } from '../support/temporary.js';

const SIZE = 50_000_000;
const seed = randomBytes(32).toString('base64url');

if (NO_CHROMIUM !== undefined) console.warn(`tests of the page in a browser: ${NO_CHROMIUM}`);

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function randomFile(directory: string, name: string, octets: number): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, randomBytes(octets));
  return path;
}

describe.skipIf(NO_CHROMIUM !== undefined)('the page in Chromium', () => {
  let browser: Browser;
  let directory: string;
  let example: ExamplePage;
  let page: Page;
  const requests: string[] = [];
  const faults: string[] = [];

  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    directory = await temporaryDirectory();
    example = new ExamplePage(seed, directory);
    await example.start();
    requests.length = faults.length = 0;
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    // The machine may be busy with other tests.
    page.setDefaultTimeout(55_000);
    page.on('request', (request) => requests.push(request.url()));
    page.on('pageerror', (error) => faults.push(`${error}`));
    await page.goto(example.url);
  });
  afterEach(async () => {
    await page.close();
    await example.kill();
    expect(faults).toEqual([]);
  });

  const state = (name: string) => page.locator(`#status[data-state=${name}]`).waitFor();
  const status = () => page.locator('#status').textContent();
  const row = (name: string, is: string) => page.locator(`#transfers li[data-state=${is}]`, { hasText: name }).first();
  const connect = async (text = seed): Promise<void> => {
    await page.fill('#seed', text);
    await page.click('#connect-button');
  };

  it('sends 50 MB and receives 50 MB with equal hashes, asking nobody else for anything and keeping nothing', async () => {
    const outgoing = await randomFile(await temporaryDirectory(), 'from page.bin', SIZE);
    const incoming = await randomFile(directory, 'from-node.bin', SIZE);
    await connect();
    await state('open');

    await page.setInputFiles('#files', outgoing);
    const sent = row('from page.bin', 'done');
    await sent.waitFor();
    expect(await sent.getAttribute('data-sha256')).toBe(await sha256(outgoing));
    expect(await sha256(join(directory, 'from page.bin'))).toBe(await sha256(outgoing));

    await page.getByRole('button', { name: 'Get from-node.bin' }).click();
    const got = row('from-node.bin', 'done');
    await got.waitFor();
    expect(await got.getAttribute('data-sha256')).toBe(await sha256(incoming));
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Save from-node.bin' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('from-node.bin');
    expect(await sha256(await download.path())).toBe(await sha256(incoming));

    // The plots have something to show.
    await expect.poll(() => page.locator('#rtt').textContent()).toMatch(/^[\d.]+ ms$/);
    expect(await page.locator('#rate-plot polyline.up').getAttribute('points')).toMatch(/^[\d.]+,[\d.]+ /);
    const elsewhere = requests.filter((url) => !url.startsWith(example.url) && !/^(data|blob):/.test(url));
    expect(elsewhere).toEqual([]);
    expect(await page.evaluate('localStorage.length + sessionStorage.length')).toBe(0);
  });

  it('says clearly that a seed is wrong or none, and that nobody answers', async () => {
    await connect(randomBytes(32).toString('base64url'));
    await state('failed');
    expect(await status()).toMatch(/does not answer this seed.*same seed/);
    await connect('hello');
    await expect.poll(status).toMatch(/That is no seed/);
    await page.fill('#url', `ws://127.0.0.1:${example.port}/elsewhere`);
    await connect();
    await expect.poll(status).toMatch(/Nothing that speaks STT answers there/);
    // And the right one still works.
    await page.fill('#url', `ws://127.0.0.1:${example.port}/stt`);
    await connect();
    await state('open');
  });

  it.each(['up', 'down'] as const)(
    'says that the node was killed in mid-transfer, connects again when it is back, and goes on (%s)',
    async (way) => {
      const proxy = await StallingProxy.listen(example.port);
      try {
        const name = `${way}.bin`;
        const source = await randomFile(way === 'up' ? await temporaryDirectory() : directory, name, SIZE);
        await page.fill('#url', `ws://127.0.0.1:${proxy.port}/stt`);
        await connect();
        await state('open');
        const stalled = proxy.stallAfter(SIZE / 2);
        if (way === 'up') await page.setInputFiles('#files', source);
        else await page.getByRole('button', { name: `Get ${name}` }).click();
        await stalled;
        await example.kill();
        await state('waiting');
        expect(await status()).toMatch(/connection was lost.*Trying again/);
        await row(name, 'waiting').getByText('goes on when the connection is back').waitFor();
        proxy.release();
        await example.start();
        await state('open');
        const done = row(name, 'done');
        await done.waitFor();
        expect(await done.getAttribute('data-sha256')).toBe(await sha256(source));
        if (way === 'up') expect(await sha256(join(directory, name))).toBe(await sha256(source));
        // What was there was not sent again.
        expect(way === 'up' ? proxy.toServer : proxy.toClient).toBeLessThan(SIZE * 0.75);
      } finally {
        await proxy.close();
      }
    },
  );

  // Nothing of these depends on the node's backend.
  if (BACKEND === 'native') {
    it('is used with the keyboard alone', async () => {
      await writeFile(join(directory, 'small.txt'), 'hello');
      const focused = (): Promise<string> =>
        page.evaluate('document.activeElement.id || document.activeElement.ariaLabel');
      await page.keyboard.press('Tab');
      expect(await focused()).toBe('url');
      await page.keyboard.press('Tab');
      await page.keyboard.type(seed);
      await page.keyboard.press('Enter');
      await state('open');
      await page.getByRole('button', { name: 'Get small.txt' }).waitFor();
      // From the field to the files and the offer, through everything between.
      const reached: string[] = [];
      while (!reached.includes('Get small.txt') && reached.length < 10) {
        await page.keyboard.press('Tab');
        reached.push(await focused());
      }
      expect(reached).toEqual(['keep', 'disconnect', 'files', 'Get small.txt']);
      await page.keyboard.press('Enter');
      await row('small.txt', 'done').waitFor();
      await page.getByRole('button', { name: 'Disconnect' }).focus();
      await page.keyboard.press('Enter');
      await state('closed');
      expect(await focused()).toBe('connect-button');
    });

    it('keeps the seed only if asked to, and forgets it when that is taken back', async () => {
      await page.check('#keep');
      await connect();
      await state('open');
      await page.reload();
      expect(await page.inputValue('#seed')).toBe(seed);
      await page.uncheck('#keep');
      await page.reload();
      expect(await page.inputValue('#seed')).toBe('');
      expect(await page.evaluate('localStorage.length')).toBe(0);
    });

    it('fits a phone', async () => {
      await writeFile(join(directory, `${'long-name-'.repeat(12)}.txt`), 'hello');
      await page.setViewportSize({ width: 320, height: 640 });
      await connect();
      await state('open');
      await page.getByRole('button', { name: /^Get / }).click();
      await page.locator('#transfers li[data-state=done]').waitFor();
      expect(await page.evaluate('document.scrollingElement.scrollWidth')).toBe(320);
    });
  }

  it('says why the node does not take a file or has none to give', async () => {
    await writeFile(join(directory, 'gone.txt'), 'hello');
    await writeFile(join(directory, 'taken.txt'), 'other');
    await connect();
    await state('open');
    await page.getByRole('button', { name: 'Get gone.txt' }).waitFor();
    await rm(join(directory, 'gone.txt'));
    await page.getByRole('button', { name: 'Get gone.txt' }).click();
    await row('gone.txt', 'failed').getByText('there is no such file any more').waitFor();
    await page.setInputFiles('#files', await randomFile(await temporaryDirectory(), 'taken.txt', 10));
    await row('taken.txt', 'failed').getByText('The node does not take it').waitFor();
    expect(await readFile(join(directory, 'taken.txt'), 'utf8')).toBe('other');
  });

  it('ends in order', async () => {
    await connect();
    await state('open');
    expect(await example.stop()).toBe(0);
    await state('waiting');
  });
});
