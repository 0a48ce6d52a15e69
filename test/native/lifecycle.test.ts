import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { loadNative } from '../../lib/native/binding.js';
import { NativePacketEngine } from '../../lib/native/packet-engine.js';
import { ADDRESS_A, handshakeFrame, sessionKeys } from '../support/engine-harness.js';
import { closeEndpoints, named, NativeEndpoint, skipReason } from '../support/native-endpoint.js';

const ID = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const ANSWER = handshakeFrame(ID, Uint8Array.of(2, 9, 9));
const PEER = new URL('../support/native-peer.mjs', import.meta.url);

/** Runs a mode of native-peer.mjs in a process of its own and gives its exit code. */
async function runPeer(
  mode: string,
  stderr: 'inherit' | 'ignore' = 'inherit',
): Promise<{ code: number | null; signal: string | null; said: unknown[] }> {
  const child = fork(PEER, [mode, loadNative().path!], { execArgv: [], stdio: ['ignore', 'ignore', stderr, 'ipc'] });
  const said: unknown[] = [];
  child.on('message', (message) => said.push(message));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code, signal, said };
}

function flood(from: NativeEndpoint, to: NativeEndpoint, count: number): void {
  for (let i = 0; i < count; i++) from.engine.sendDatagram(to.address, ANSWER);
  from.engine.flush();
}

afterEach(closeEndpoints);

describe.skipIf(skipReason !== undefined)(named('life of a native engine'), () => {
  it('closes with traffic in flight: what was flushed is sent, nothing is called back', async () => {
    const a = NativeEndpoint.open();
    const b = NativeEndpoint.open();
    a.engine.expectHandshake(ID);
    b.engine.expectHandshake(ID);
    flood(a, b, 10);
    flood(b, a, 10);
    const closing = a.engine.close();
    expect(a.engine.close()).toBe(closing);
    await closing;
    await b.until(() => b.packets === 10);
    expect(a.rows).toEqual([]);
  });

  it('sends what was flushed to a full socket before it closes', async () => {
    // Every second send is put off: the flush below finds the socket full.
    const a = NativeEndpoint.open({ test: { blockEvery: 2 } });
    const b = NativeEndpoint.open();
    b.engine.expectHandshake(ID);
    flood(a, b, 1);
    flood(a, b, 10);
    await a.engine.close();
    await b.until(() => b.packets === 11);
    expect(a.writable).toBe(0);
  });

  it('closes from inside a batch', async () => {
    const a = NativeEndpoint.open();
    const b = NativeEndpoint.open({ forceNoOffload: true });
    b.engine.expectHandshake(ID);
    let closed: Promise<void> | undefined;
    b.inBatch = () => {
      closed = b.engine.close();
    };
    flood(a, b, 50);
    await b.until(() => b.batches === 1);
    await closed;
    expect(b.batches).toBe(1);
  });

  it('frees its port at once', async () => {
    const a = NativeEndpoint.open();
    const { port } = a.engine.boundAddress;
    const closing = a.engine.close();
    const again = NativeEndpoint.open({ port });
    expect(again.engine.boundAddress.port).toBe(port);
    await closing;
  });

  it('does nothing any more once it is closed', async () => {
    const a = NativeEndpoint.open();
    const slot = a.engine.openSession(sessionKeys(1)[0]);
    const path = a.engine.openPath(a.address);
    const before = a.engine.boundAddress;
    await a.engine.close();
    const chunk = new Uint8Array(10);
    expect(a.engine.sealFrames(slot, path, 0, chunk, 0, 10)).toBe(false);
    expect(a.engine.sealStreamRun(slot, path, 0, 1, 0, true, chunk, 0, 10, 10)).toBe(0);
    expect(a.engine.sendDatagram(ADDRESS_A, chunk)).toBe(false);
    expect(a.engine.openSession(sessionKeys(2)[0])).toBe(-1);
    a.engine.setMac1Keys([]);
    a.engine.expectHandshake(ID);
    a.engine.forgetHandshake(ID);
    a.engine.closeSession(slot);
    a.engine.closePath(path);
    a.engine.flush();
    a.engine.receive(ANSWER, ADDRESS_A);
    a.engine.deliver();
    expect(a.engine.takeSealed()).toEqual([]);
    expect(a.engine.boundAddress).toEqual(before);
    expect(a.engine.stats()).toMatchObject({ datagramsSent: 0 });
    expect(a.batches).toBe(0);
  });

  it('refuses injections from inside a batch', () => {
    const errors: unknown[] = [];
    const engine = NativePacketEngine.withoutSocket({
      onBatch: () => {
        for (const call of [() => engine.receive(ANSWER, ADDRESS_A), () => engine.deliver()]) {
          try {
            call();
          } catch (error) {
            errors.push((error as NodeJS.ErrnoException).code);
          }
        }
      },
      onWritable: () => {},
      onError: () => {},
    });
    engine.expectHandshake(ID);
    engine.receive(ANSWER, ADDRESS_A);
    engine.deliver();
    expect(errors).toEqual(['ERR_INVALID_STATE', 'ERR_INVALID_STATE']);
    void engine.close();
  });

  it('passes what onBatch throws to whoever delivers, and goes on', () => {
    let thrown = 0;
    const engine = NativePacketEngine.withoutSocket({
      onBatch: () => {
        thrown++;
        throw new Error('application');
      },
      onWritable: () => {},
      onError: () => {},
    });
    engine.expectHandshake(ID);
    for (let round = 1; round <= 3; round++) {
      engine.receive(ANSWER, ADDRESS_A);
      expect(() => engine.deliver()).toThrow('application');
      expect(thrown).toBe(round);
    }
    void engine.close();
  });

  it('makes what onBatch throws on a socket an uncaughtException, and goes on if there is a handler', async () => {
    expect(await runPeer('throw-handled')).toEqual({ code: 0, signal: null, said: ['uncaught: 1', 'uncaught: 2'] });
    expect((await runPeer('throw', 'ignore')).code).toBe(1);
  });

  it('lets the process exit when it is closed, and by process.exit when it is not', async () => {
    expect(await runPeer('close')).toEqual({ code: 0, signal: null, said: ['closed'] });
    expect((await runPeer('exit')).code).toBe(7);
    expect((await runPeer('exit-in-batch')).code).toBe(7);
  });

  it('goes with its thread, with traffic in flight', async () => {
    const { code, signal, said } = await runPeer('terminate');
    expect({ code, signal, said }).toEqual({ code: 0, signal: null, said: ['terminated 8 threads'] });
  });

  it('works in several threads at once and lets them end', async () => {
    const workers = [1, 2, 3].map(
      () => new Worker(PEER, { workerData: { mode: 'echo', path: loadNative().path! }, execArgv: [] }),
    );
    const results = await Promise.all(
      workers.map(async (worker) => {
        const [[message], [code]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
        return [message, code] as const;
      }),
    );
    expect(results).toEqual(workers.map(() => [20, 0]));
  });

  it('is collected when nobody has it any more', async () => {
    expect(await runPeer('collect')).toEqual({ code: 0, signal: null, said: ['collected'] });
  });

  it('keeps its arrays readable after it is gone', async () => {
    const a = NativeEndpoint.open();
    const { rows, groups, slab } = a.engine;
    await a.engine.close();
    expect([rows.length, groups.length, slab.length].every((length) => length > 0)).toBe(true);
    expect(rows[0]! + groups[0]! + slab[0]!).toBe(0);
  });
});
