import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { build, minify, type Rollup } from 'vite';
import * as browser from '../../lib/browser.js';
import * as node from '../../lib/index.js';

/** Octets. */
const LIMIT = 150_000;
/** The part with ML-KEM, which is fetched when the keys of a session are first changed. */
const LATER_LIMIT = 16_000;

/** What a page does without. */
const NOT_FOR_PAGES = [
  'lib/api/dials.ts',
  'lib/api/driver.ts',
  'lib/api/session-entry.ts',
  'lib/engine/js-packet-engine.ts',
  'lib/node-errors.ts',
  'lib/option-hints.ts',
  'lib/protocol/handshake/handshake-responder.ts',
  'lib/protocol/loss-recovery.ts',
  'lib/protocol/paths.ts',
  'lib/wire/address.ts',
];

describe('the entry for browsers', () => {
  it('imports no Node built-in, however deep, nor what is for nodes alone', () => {
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
    for (const file of NOT_FOR_PAGES) expect(seen).not.toContain(file);
    // TCP below a WebSocket controls congestion.
    expect([...seen].filter((file) => /congestion\/(bbr|cubic|new-reno)/.test(file))).toEqual([]);
  });

  it('stays below its size when bundled, minified and not compressed', async () => {
    // As a library: when an application is built, Vite adds code of its own for what is fetched later.
    const built = (await build({
      configFile: false,
      logLevel: 'error',
      build: { write: false, target: 'es2022', lib: { entry: 'lib/browser.ts', formats: ['es'] } },
    })) as Rollup.RollupOutput[];
    const chunks = built.flatMap(({ output }) => output) as Rollup.OutputChunk[];
    for (const { code } of chunks) expect(/["'`]node:|__vite-browser-external|\bBuffer\./.test(code)).toBe(false);
    // What the entry imports is fetched with it; what it imports later, when that is called.
    const first = new Set<string>();
    const visit = (name: string): void => {
      first.add(name);
      for (const next of chunks.find(({ fileName }) => fileName === name)!.imports) if (!first.has(next)) visit(next);
    };
    visit(chunks.find(({ isEntry }) => isEntry)!.fileName);
    const octets = [0, 0];
    for (const { fileName, code } of chunks) {
      const { code: minified, errors } = await minify(fileName, code, { module: true });
      expect(errors).toEqual([]);
      octets[first.has(fileName) ? 0 : 1]! += Buffer.byteLength(minified);
    }
    expect(octets[0]).toBeLessThan(LIMIT);
    expect(octets[1]).toBeGreaterThan(0);
    expect(octets[1]).toBeLessThan(LATER_LIMIT);
    // The measure measures: names are short, and all of it is there.
    expect(octets[0]).toBeGreaterThan(LIMIT / 2);
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
