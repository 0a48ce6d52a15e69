// A node in a worker thread that echoes every stream; see test/integration/worker.test.ts.
import { parentPort, workerData } from 'node:worker_threads';
import { STTNode } from '../../dist/index.js';

const node = new STTNode({ ...workerData, host: '127.0.0.1' });
node.on('session', (session) => session.on('stream', (stream) => stream.pipe(stream)));
const { port } = await node.start();
parentPort.on('message', async () => {
  await node.stop();
  parentPort.close();
});
parentPort.postMessage({ port, backend: node.getStats().backend });
