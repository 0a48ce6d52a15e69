import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { build, type Rollup } from 'vite';
import * as browser from '../../lib/browser.js';
import * as node from '../../lib/index.js';

/** Octets; the sum of what it is made of today, so that growth is seen. */
const LIMIT = 209_500;
/** The part with ML-KEM, which is fetched when the keys of a session are first changed. */
const LATER_LIMIT = 20_000;

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
    // TCP below a WebSocket controls congestion.
    expect([...seen].filter((file) => /congestion\/(bbr|cubic|new-reno)/.test(file))).toEqual([]);
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
    const chunks = built.output as Rollup.OutputChunk[];
    for (const { code } of chunks) expect(/["'`]node:|__vite-browser-external|\bBuffer\./.test(code)).toBe(false);
    // What the entry imports is fetched with it; what it imports later, when that is called.
    const first = new Set<string>();
    const visit = (name: string): void => {
      first.add(name);
      for (const next of chunks.find(({ fileName }) => fileName === name)!.imports) if (!first.has(next)) visit(next);
    };
    visit(chunks.find(({ isEntry }) => isEntry)!.fileName);
    const octets = (isFirst: boolean): number =>
      chunks.reduce((sum, { fileName, code }) => sum + (first.has(fileName) === isFirst ? code.length : 0), 0);
    expect(octets(true)).toBeLessThan(LIMIT);
    expect(octets(false)).toBeGreaterThan(0);
    expect(octets(false)).toBeLessThan(LATER_LIMIT);
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
