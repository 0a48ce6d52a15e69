// A node in a process of its own, to be killed without a word: node-process.mjs JSON, where JSON holds hex seeds, and
// perhaps a port, options and a port to connect to. Tells its port once it is up. Sends back what comes on streams.
import { STTNode } from '../../dist/index.js';

const { nodeSeed, sharedSeed, connectTo, ...options } = JSON.parse(process.argv[2]);
const node = new STTNode({
  nodeSeed: Buffer.from(nodeSeed, 'hex'),
  sharedSeed: Buffer.from(sharedSeed, 'hex'),
  host: '127.0.0.1',
  ...options,
});
node.on('session', (session) => session.on('stream', (stream) => stream.pipe(stream)));
process.on('disconnect', () => process.exit(0));
const { port } = await node.start();
if (connectTo !== undefined) await (await node.connectUdp('127.0.0.1', connectTo)).ping();
process.send(port);
