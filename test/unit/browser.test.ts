import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { build, type Rollup } from 'vite';
import * as browser from '../../lib/browser.js';
import * as node from '../../lib/index.js';

/** Octets; the sum of what it is made of today, so that growth is seen. */
const LIMIT = 196_000;

describe('the entry for browsers', () => {
  it('imports no Node built-in, however deep', () => {
    const seen = new Set<string>();
    const visit = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      const source = readFileSync(file, 'utf8');
      for (const [, from] of source.matchAll(/^(?:import|export)\s(?!type\s)[^;]*?from '([^']+)';/gms)) {
        expect(from, file).not.toMatch(/^node:/);
        if (from!.startsWith('.')) visit(join(dirname(file), from!.replace(/\.js$/, '.ts')));
      }
      expect(source, file).not.toMatch(/\bBuffer\.|\bprocess\./);
    };
    visit('lib/browser.ts');
    expect(seen.size).toBeGreaterThan(20);
  });

  it('stays below its size when bundled, minified and not compressed', async () => {
    const built = (await build({
      configFile: false,
      logLevel: 'error',
      build: {
        write: false,
        target: 'es2022',
        rollupOptions: { input: 'lib/browser.ts', preserveEntrySignatures: 'strict' },
      },
    })) as Rollup.RollupOutput;
    expect(built.output).toHaveLength(1);
    const { code } = built.output[0];
    expect(/["'`]node:|__vite-browser-external|Buffer\./.test(code)).toBe(false);
    expect(code.length).toBeLessThan(LIMIT);
  });

  it('shakes hands with the entry for Node, and both see the same key and each other’s id', () => {
    const sharedSeed = new Uint8Array(32).fill(3);
    const page = new browser.STTHandshake({ stc: new browser.STCWrapper(new Uint8Array(32).fill(1)), sharedSeed });
    const server = new node.STTHandshake({ stc: new node.STCWrapper(new Uint8Array(32).fill(2)), sharedSeed });
    const { reply } = server.handleHello(page.initiateHandshake());
    const result = page.handleResponse(reply!);
    expect(result.sessionKey).toEqual(server.getSessionKey());
    expect(result.peerNodeId).toEqual(server.nodeId);
  });
});
