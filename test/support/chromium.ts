import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser'];
const given = process.env['STT_CHROMIUM'];
const path = (given === undefined ? PATHS : [given]).find((candidate) => existsSync(candidate));

/** Why tests that need a browser are skipped here; undefined if it is there. */
export const NO_CHROMIUM =
  path === undefined ? `skipped: Chromium is not installed (${PATHS.join(', ')}, or STT_CHROMIUM)` : undefined;

/** The system's Chromium, without a window. */
export function launchChromium(): Promise<Browser> {
  // Its sandbox cannot be had by root and in most containers; the only page it sees is the repository's own.
  return chromium.launch({ executablePath: path!, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}
