import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { BACKEND, readAll, startNode } from '../support/nodes.js';

const FILE = new URL('../support/worker-node.mjs', import.meta.url);

async function startWorker(sharedSeed: Uint8Array): Promise<{ worker: Worker; port: number }> {
  const worker = new Worker(FILE, { workerData: { nodeSeed: randomBytes(32), sharedSeed, backend: BACKEND } });
  const [{ port, backend }] = (await once(worker, 'message')) as [{ port: number; backend: string }];
  expect(backend).toBe(BACKEND);
  return { worker, port };
}

describe(`a node in a worker thread (${BACKEND})`, () => {
  it('serves nodes of other threads, and its thread ends when it is stopped', async () => {
    const sharedSeed = randomBytes(32);
    const workers = await Promise.all([startWorker(sharedSeed), startWorker(sharedSeed)]);
    const { node } = await startNode({ sharedSeed });
    await Promise.all(
      workers.map(async ({ worker, port }) => {
        const session = await node.connectUdp('127.0.0.1', port);
        const stream = await session.openStream();
        const data = randomBytes(2_000_000);
        const back = readAll(stream);
        stream.end(data);
        expect(Buffer.compare(await back, data)).toBe(0);
        await session.close();
        const exit = once(worker, 'exit');
        worker.postMessage('stop');
        expect(await exit).toEqual([0]);
      }),
    );
    await node.stop();
  });

  it('may be terminated with traffic in flight: the process and its other nodes live on', async () => {
    const sharedSeed = randomBytes(32);
    const { worker, port } = await startWorker(sharedSeed);
    const { node } = await startNode({ sharedSeed, closeTimeoutMs: 0 });
    const session = await node.connectUdp('127.0.0.1', port);
    const stream = await session.openStream();
    const echoed = once(stream, 'data');
    stream.write(randomBytes(8_000_000));
    await echoed;
    await worker.terminate();
    const second = await startWorker(sharedSeed);
    const other = await node.connectUdp('127.0.0.1', second.port);
    const hello = await other.openStream();
    hello.end('still here');
    expect((await readAll(hello)).toString()).toBe('still here');
    session.destroy();
    await node.stop();
    await second.worker.terminate();
  });
});
