// A node that connects once, has its records written, and waits to be killed: node-with-chamber.mjs PATH NODE_SEED SHARED_SEED PORT
import { STTNode } from '../../dist/index.js';

const [chamberPath, nodeSeed, sharedSeed, port] = process.argv.slice(2);
const node = new STTNode({
  nodeSeed: Buffer.from(nodeSeed, 'hex'),
  sharedSeed: Buffer.from(sharedSeed, 'hex'),
  host: '127.0.0.1',
  chamberPath,
});
await node.start();
const session = await node.connectUdp('127.0.0.1', Number(port));
await node.records.flush();
process.send(Buffer.from(session.sessionId).toString('hex'));
