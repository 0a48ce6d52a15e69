import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { BACKEND } from '../support/nodes.js';

const ENTRY = fileURLToPath(new URL('../../dist/index.js', import.meta.url));
/** Rounds of chunks as a `Duplex` hands them out, kept for a moment, then garbage. */
const ROUNDS = 5;
const CHUNKS = 400;
const PAGES_OF_CHUNK = 16;

const SCRIPT = `
  const { STTNode } = await import(${JSON.stringify(ENTRY)});
  const seed = new Uint8Array(32).fill(1);
  const node = new STTNode({ nodeSeed: seed, sharedSeed: seed, host: '127.0.0.1' });
  await node.start();
  const round = async () => {
    let kept = Array.from({ length: ${CHUNKS} }, () => Buffer.allocUnsafeSlow(65536).fill(1));
    kept = undefined;
    // It is freed by another thread.
    while (process.memoryUsage().arrayBuffers > 2_000_000) {
      gc();
      await new Promise(setImmediate);
    }
  };
  for (let i = 0; i < 3; i++) await round();
  const before = process.resourceUsage().minorPageFault;
  for (let i = 0; i < ${ROUNDS}; i++) await round();
  console.log(process.resourceUsage().minorPageFault - before);
  await node.stop();`;

/** Where the heap is glibc's, and nobody has set what it keeps. */
function isUsualHeap(): boolean {
  const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  const isTuned = Object.keys(process.env).some((name) => /^MALLOC_|^GLIBC_TUNABLES|^LD_PRELOAD/.test(name));
  return header?.glibcVersionRuntime !== undefined && !isTuned;
}

describe('a process with a node (native)', () => {
  it.skipIf(BACKEND !== 'native' || !isUsualHeap())(
    'finds the memory of chunks that became garbage where it was, and does not ask the system for it again',
    () => {
      const args = ['--expose-gc', '--input-type=module', '-e', SCRIPT];
      const faults = Number(execFileSync(process.execPath, args, { encoding: 'utf8' }));
      expect(faults).toBeLessThan((ROUNDS * CHUNKS * PAGES_OF_CHUNK) / 8);
    },
  );
});
