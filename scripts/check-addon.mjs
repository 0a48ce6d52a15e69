// Fails unless the native backend is used by a node, and comes from an addon built from the sources beside it.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { STTNode } from '../dist/index.js';
import { sourceHash } from './source-hash.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const load = createRequire(import.meta.url)('node-gyp-build');

const built = load(root).sourceHash;
if (built !== sourceHash(root)) {
  throw new Error(`${load.resolve(root)} was built from other sources (${built}); run \`npm run build\``);
}
const seed = new Uint8Array(32).fill(1);
const { backend, backendReason } = new STTNode({ nodeSeed: seed, sharedSeed: seed, backend: 'auto' }).getStats();
if (backend !== 'native') throw new Error(`a node uses the ${backend} backend: ${backendReason}`);
console.log(`native backend, ${load.resolve(root)}`);
