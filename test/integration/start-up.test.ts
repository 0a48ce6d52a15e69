import { execFileSync } from 'node:child_process';
import * as nodeCrypto from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { BACKEND } from '../support/nodes.js';
import { temporaryDirectory } from '../support/temporary.js';

const ENTRY = fileURLToPath(new URL('../../dist/index.js', import.meta.url));

interface Loaded {
  readonly builtIn: readonly string[];
  readonly machineCode: readonly string[];
  /** Files that are no ES modules. */
  readonly packages: readonly string[];
  /** Threads that it started. */
  readonly threads: number;
}

/** Built-in modules, machine code and packages that a process has loaded after `code`. */
function loadedBy(code: string): Loaded {
  const script = `
    let threads = 0;
    process.on('worker', () => threads++);
    const stt = await import(${JSON.stringify(ENTRY)});
    const nodeSeed = new Uint8Array(32).fill(1), sharedSeed = new Uint8Array(32).fill(2);
    ${code}
    const builtIn = process.moduleLoadList.filter((name) => /^NativeModule https?$/.test(name));
    const { createRequire } = await import('node:module');
    const packages = Object.keys(createRequire(${JSON.stringify(ENTRY)}).cache);
    console.log(JSON.stringify({ threads, builtIn, packages, machineCode: process.report.getReport().sharedObjects.filter((path) => path.endsWith('.node')) }));`;
  return JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }),
  ) as Loaded;
}

describe(`a process with a node on UDP alone (${BACKEND})`, () => {
  it('carries neither the code of WebSockets nor a database', () => {
    const { builtIn, machineCode } = loadedBy(`
      const node = new stt.STTNode({ nodeSeed, sharedSeed, host: '127.0.0.1' });
      await node.start();
      await node.stop();`);
    expect(builtIn).toEqual([]);
    expect(machineCode.filter((path) => !path.endsWith('stt.node') && !path.includes('seigr'))).toEqual([]);
  });

  it('loads the database once there is to be a chamber', async () => {
    const { machineCode } = loadedBy(`
      const node = new stt.STTNode({ nodeSeed, sharedSeed, host: '127.0.0.1', chamberPath: ${JSON.stringify(await temporaryDirectory())} });
      await node.start();
      await node.stop();`);
    expect(machineCode.filter((path) => path.includes('lmdb'))).toHaveLength(1);
  });

  it('has not loaded the client of a shared store, which need not be installed', () => {
    const { packages } = loadedBy('');
    expect(packages.filter((path) => /iovalkey|ioredis/.test(path))).toEqual([]);
    const { packages: afterwards } = loadedBy(`
      await stt.RedisStore.open({ url: 'redis://127.0.0.1:1' }).catch(() => {});`);
    expect(afterwards.some((path) => path.includes('iovalkey'))).toBe(true);
  });

  it('has the thread of ML-KEM before there is a session to rotate, where Node has no ML-KEM of its own', () => {
    const started = (options: string): number =>
      loadedBy(`
        const node = new stt.STTNode({ nodeSeed, sharedSeed, host: '127.0.0.1', ${options} });
        await node.start();
        await node.stop();`).threads;
    const hasKem = typeof (nodeCrypto as { encapsulate?: unknown }).encapsulate === 'function';
    expect(started('postQuantum: true')).toBe(hasKem ? 0 : 1);
    expect(started('postQuantum: false')).toBe(0);
  });

  it('loads the code of WebSockets once they are wanted', () => {
    const { builtIn } = loadedBy(`
      const node = new stt.STTNode({ nodeSeed, sharedSeed, host: '127.0.0.1', webSocket: { port: 0, host: '127.0.0.1' } });
      await node.start();
      await node.stop();`);
    expect(builtIn).toContain('NativeModule https');
  });
});
