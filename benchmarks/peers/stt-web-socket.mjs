// STT over WebSocket; the backend comes from STT_BACKEND.
import { STTNode } from '../../dist/index.js';
import { streamConnection } from './connection.mjs';

const SHARED_SEED = new Uint8Array(32).fill(7);
const options = (own) => ({ nodeSeed: new Uint8Array(32).fill(own), sharedSeed: SHARED_SEED, host: '127.0.0.1' });

export async function listen(onConnection) {
  const node = new STTNode({ ...options(1), webSocket: { port: 0, host: '127.0.0.1' } });
  node.on('session', (session) => session.on('stream', (stream) => onConnection(streamConnection(stream))));
  await node.start();
  return { port: node.webSocketPort, backend: node.getStats().backend };
}

let client;
export async function connect({ port }) {
  if (client === undefined) {
    client = new STTNode(options(2));
    await client.start();
  }
  const session = await client.connectWebSocket(`ws://127.0.0.1:${port}/`);
  const stream = await session.openStream();
  return { ...streamConnection(stream), close: () => session.close(), stats: () => session.getStats() };
}
