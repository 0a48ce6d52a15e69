import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { BACKEND } from '../support/nodes.js';

const SCRIPT = fileURLToPath(new URL('../support/session-churn.mjs', import.meta.url));

interface Churn {
  readonly before: { readonly held: number; readonly heapUsed: number };
  readonly after: { readonly held: number; readonly heapUsed: number };
}

describe(`sessions that come and go (${BACKEND})`, () => {
  it('leave nothing in the engine, and in memory no more than that their HELLOs were seen', async () => {
    const args = ['--expose-gc', SCRIPT, '--sessions', '2500', '--first', '1000', '--settle', '0'];
    const child = spawn(process.execPath, args, { env: { ...process.env, STT_BACKEND: BACKEND } });
    const exit = once(child, 'exit');
    const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
    await exit;
    expect(errors).toBe('');
    const { before, after } = JSON.parse(out) as Churn;
    expect([before.held, after.held]).toEqual([0, 0]);
    // Some 260 octets for each HELLO, for 150 s, and what the engine of JavaScript compiled meanwhile.
    expect(after.heapUsed - before.heapUsed).toBeLessThan(1_500 * 260 + 1_500_000);
  });
});
