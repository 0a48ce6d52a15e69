// A node in a process, and a network namespace, of its own: roaming-node.mjs JSON. Tells by messages
//
//   { port }                once it is up; then it waits for { connectTo: { host, port } } or for a peer
//   { flowing: true }       once the transfer is well under way; it goes on until 'finish' comes
//   { sent: digest }, { received: digest }
//   { moved: PathChange }   for each event of that kind
//   { over: stats }         after 'finish': the stream has ended, and the session answered a PING after it
//   { ended: code }         if the session ended before that
//
// JSON holds hex seeds, and in `sends` whether it is this side that sends.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { STTNode } from '../../dist/index.js';

const CHUNK = 65_536;
const WELL_UNDER_WAY = 1_000_000;

const { nodeSeed, sharedSeed, sends, ...options } = JSON.parse(process.argv[2]);
const tell = (message) => void process.send(message);
const finishing = new Promise((resolve) => {
  process.on('message', (message) => {
    if (message === 'finish') resolve();
  });
});
process.on('disconnect', () => process.exit(0));

async function send(stream) {
  const hash = createHash('sha256');
  let octets = 0;
  let isLast = false;
  void finishing.then(() => (isLast = true));
  for (let isOver = false; !isOver;) {
    isOver = isLast;
    const chunk = randomBytes(CHUNK);
    hash.update(chunk);
    octets += chunk.length;
    if (!stream.write(chunk)) await once(stream, 'drain');
  }
  stream.end();
  tell({ sent: { octets, sha256: hash.digest('hex') } });
}

async function receive(stream) {
  const hash = createHash('sha256');
  let octets = 0;
  stream.on('data', (chunk) => {
    if (octets < WELL_UNDER_WAY && octets + chunk.length >= WELL_UNDER_WAY) tell({ flowing: true });
    octets += chunk.length;
    hash.update(chunk);
  });
  await once(stream, 'end');
  tell({ received: { octets, sha256: hash.digest('hex') } });
}

async function use(session, stream) {
  if (sends) {
    stream.resume();
    await Promise.all([send(stream), once(stream, 'end')]);
  } else {
    await receive(stream);
    stream.end();
  }
  await session.ping();
  tell({ over: session.getStats() });
}

function watch(session) {
  session.on('path', (change) => tell({ moved: change }));
  session.on('close', ({ code }) => tell({ ended: code }));
}

const node = new STTNode({
  nodeSeed: Buffer.from(nodeSeed, 'hex'),
  sharedSeed: Buffer.from(sharedSeed, 'hex'),
  ...options,
});
node.on('session', (session) => {
  watch(session);
  session.on('stream', (stream) => void use(session, stream));
});
const { port } = await node.start();
process.on('message', ({ connectTo }) => {
  if (connectTo === undefined) return;
  void node.connectUdp(connectTo.host, connectTo.port).then(async (session) => {
    watch(session);
    const stream = await session.openStream();
    // The other side learns of a stream by its first octets.
    if (!sends) stream.end();
    await use(session, stream);
  });
});
tell({ port });
